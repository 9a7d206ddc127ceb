"""The first byte tells how an answer is written, whatever its label says; its headers are counted once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shunpike.errors import ProviderError, RateLimited
from shunpike.types import Answer, Chunk, Unit
from shunpike.wire import Assembly, ChatBackend, Dialect, RateHeaders
from shunpike_testkit.upstream import Upstream, events, reply, stream

Make = Callable[..., Any]
OK = {"index": 0, "delta": {"content": "ok"}, "finish_reason": "stop"}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2}


async def ask(backend: ChatBackend, call: Any) -> tuple[list[Chunk], ProviderError | None]:
    found: list[Chunk] = []
    try:
        async with backend.stream(call) as chunks:
            async for chunk in chunks:
                found.append(chunk)
    except ProviderError as error:
        return found, error
    finally:
        await backend.aclose()
    return found, None


def fold(chunks: list[Chunk]) -> Answer:
    assembly = Assembly(provider="acme", model="m1")
    for chunk in chunks:
        assembly.add(chunk)
    return assembly.answer()


@pytest.fixture
async def upstream() -> Any:
    async with Upstream() as server:
        yield server


@pytest.mark.parametrize("blank", ["", "\n\n", "\ufeff\n"])
async def test_events_that_are_labelled_as_json_are_read_as_events(
    make_backend: Make, make_call: Make, upstream: Upstream, blank: str
) -> None:
    parts = [part for part in (blank, *events({"choices": [OK]})) if part]
    upstream.on("/chat/completions", stream(parts, content_type="application/json"))
    found, error = await ask(make_backend(upstream.base_url), make_call())
    assert error is None
    assert fold(found).choices[0].message.content == "ok"


@pytest.mark.parametrize("label", ["text/event-stream", "application/json", "text/plain", "application/octet-stream"])
@pytest.mark.parametrize("blank", ["", "\n\n \n"])
async def test_an_answer_in_one_is_read_whatever_its_label(
    make_backend: Make, make_call: Make, upstream: Upstream, label: str, blank: str
) -> None:
    whole = {"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}], "usage": USAGE}
    failed = {"error": {"code": 429, "message": "slow"}}
    texts = [blank + json.dumps(data) for data in (whole, failed)]
    upstream.on("/chat/completions", *(reply(text, content_type=label) for text in texts))
    found, error = await ask(make_backend(upstream.base_url), make_call())
    assert error is None
    assert fold(found).choices[0].message.content == "ok"
    assert fold(found).usage.completion_tokens == 2
    _, error = await ask(make_backend(upstream.base_url), make_call())
    assert type(error) is RateLimited


@pytest.mark.parametrize("first", [[], [{"choices": [{**OK, "finish_reason": None}]}]])
async def test_what_the_headers_tell_of_limits_is_counted_once_when_a_stream_fails(
    make_backend: Make, make_call: Make, upstream: Upstream, first: list[dict[str, Any]]
) -> None:
    limit = RateHeaders(unit=Unit.REQUEST, limit="x-limit", remaining="x-left", reset="x-reset")
    failed = events(*first, {"error": {"code": 429, "message": "slow"}}, done=False)
    upstream.on("/chat/completions", stream(failed, headers={"x-limit": "10", "x-left": "0", "x-reset": "5"}))
    found, error = await ask(make_backend(upstream.base_url, Dialect(ratelimits=(limit,))), make_call())
    assert error is not None
    rows = [row for chunk in found for row in chunk.evidence] + [*error.evidence]
    assert [(row.amount, row.remaining) for row in rows] == [(10, 0)]
