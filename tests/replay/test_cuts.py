"""A stream is the same stream wherever its bytes are cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shunpike.assembly import Assembly
from shunpike.errors import ProviderError
from shunpike_testkit.replay.__main__ import SHAPE_OF
from shunpike_testkit.replay.compare import same_reading
from shunpike_testkit.replay.cutting import RecitingTransport, cut_at
from shunpike_testkit.replay.plugins import make_backend
from shunpike_testkit.replay.rebuild import PLAIN, make_call
from shunpike_testkit.replay.recording import Recording, read_recording


def reading(recording: Recording, cuts: list[list[int]]) -> list[dict[str, Any]]:
    """What the provider's plugin reads under each way of cutting."""

    async def run() -> list[dict[str, Any]]:
        transport = RecitingTransport()
        provider = SHAPE_OF.get(recording.endpoint, recording.provider)
        backend: Any = make_backend(provider, "http://127.0.0.1:9", transport)
        call = make_call(recording, PLAIN)
        found = []
        for places in cuts:
            transport.set(recording.status, recording.headers, cut_at(recording.body, places))
            assembly, failed = Assembly(provider=provider, model=call.model), None
            try:
                async with backend.stream(call) as chunks:
                    async for chunk in chunks:
                        assembly.add(chunk)
                answer = assembly.answer().model_dump(exclude={"headers_at"})
            except ProviderError as error:
                failed, answer = (type(error).__name__, error.kind, error.status, error.message), {}
            found.append({"answer": answer, "failed": failed, "text": assembly.text})
        await backend.aclose()
        return found

    return anyio.run(run)


PLACES = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=12), min_size=1, max_size=4)


def check(folder: Path, name: str, shares: list[list[float]]) -> None:
    recording = read_recording(folder / name, folder)
    size = len(recording.body)
    whole, *others = reading(recording, [[], *[[round(share * size) for share in row] for row in shares]])
    for other in others:
        assert same_reading(whole, other)


@given(shares=PLACES)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_our_own_streams_can_be_cut_anywhere(fixtures: Path, own_stream: str, shares: list[list[float]]) -> None:
    check(fixtures, own_stream, shares)


@given(shares=PLACES)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_recorded_streams_can_be_cut_anywhere(
    recordings: Path, recorded_stream: str, shares: list[list[float]]
) -> None:
    check(recordings, recorded_stream, shares)
