"""Plays one recording to a plugin's backend, whole and cut, and tells what the plugin made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shunpike.errors import ProviderError, UsageError
from shunpike.protocols import Backend, ListsModels, Streams
from shunpike.types import Answer, Call, Evidence
from shunpike.wire.assemble import Assembly
from shunpike_testkit.replay.compare import request_differences, same_reading
from shunpike_testkit.replay.cutting import CUTS, CuttingTransport
from shunpike_testkit.replay.rebuild import PLAIN, make_call, rebuild
from shunpike_testkit.replay.recording import Recording
from shunpike_testkit.replay.stage import Stage

CHAT = frozenset({"chat.completions", "generateContent", "streamGenerateContent", "openai.chat.completions"})
SILENT = {
    "responses": "the Responses API is not spoken",
    "responses.get": "the Responses API is not spoken",
    "responses.input_tokens": "the Responses API is not spoken",
    "completions": "the legacy text completions are not spoken",
    "interactions": "the Interactions API is not spoken",
    "cachedContents": "explicit caches are not spoken",
}
"""Endpoints that no plugin speaks, with the reason."""


@dataclass(slots=True)
class Reading:
    """What came of one call. ``raised`` is set when anything but a `ProviderError` came out of the plugin."""

    answer: Answer | None = None
    error: ProviderError | None = None
    raised: str | None = None
    models: list[str] | None = None
    evidence: tuple[Evidence, ...] = ()
    finish: str | None = None
    """What a stream that failed had told as its finish reason."""

    @property
    def plain(self) -> dict[str, Any]:
        """The reading as plain values, without what is different each time."""
        error = self.error
        moments = None if error is None else (getattr(error, "retry_at", None), getattr(error, "reset_at", None))
        return {
            "answer": self.answer and self.answer.model_dump(exclude={"headers_at"}),
            "error": error and (type(error).__name__, error.kind, error.status, error.message, error.billed),
            "moments": moments,
            "evidence": [row.model_dump() for row in self.evidence],
            "raised": self.raised,
            "models": self.models,
            "finish": self.finish,
        }


@dataclass(slots=True)
class Played:
    """A recording with what the plugin made of it."""

    recording: Recording
    reading: Reading = field(default_factory=Reading)
    skipped: str | None = None
    unequal: tuple[str, ...] = ()
    """The cuts under which the result was another one."""
    request_diff: list[dict[str, Any]] | None = None

    @property
    def ok(self) -> bool:
        """Whether the plugin gave an answer or a typed error, the same one under every cut."""
        return self.reading.raised is None and not self.unequal


async def play(recording: Recording, backend: Backend, stage: Stage, transport: CuttingTransport) -> Played:
    """Play ``recording`` to ``backend``, whose address is that of ``stage``, through ``transport``."""
    played = Played(recording)
    reason = SILENT.get(recording.endpoint)
    if recording.endpoint == "models" and isinstance(backend, ListsModels):
        call = make_call(recording, PLAIN)
    elif recording.endpoint in CHAT:
        call = await _checked_call(played, backend, stage, transport)
    else:
        played.skipped = reason or f"the plugin does not speak {recording.endpoint}"
        return played
    played.reading = await _read(played, call, backend, stage)
    for name, cut in CUTS.items():
        transport.cut = cut
        other = await _read(played, call, backend, stage)
        if not same_reading(played.reading.plain, other.plain):
            played.unequal += (name,)
            played.reading.raised = played.reading.raised or other.raised
    transport.cut = None
    return played


async def _checked_call(played: Played, backend: Backend, stage: Stage, transport: CuttingTransport) -> Call:
    """Return the recorded call; a plain one where the plugin or our words can't send the recorded one."""
    plain = make_call(played.recording, PLAIN)
    transport.cut = None
    try:
        request = rebuild(played.recording)
    except UsageError as error:
        played.request_diff = [{"at": "", "refused": error.message}]
        return plain
    if request is None:
        return plain
    call = make_call(played.recording, request)
    found = await _read(played, call, backend, stage)
    if not stage.asked:
        told = found.raised or (found.error.message if found.error else "nothing was sent")
        played.request_diff = [{"at": "", "refused": told}]
        return plain
    played.request_diff = request_differences(played.recording, stage.asked[-1].json)
    return call


async def _read(played: Played, call: Call, backend: Backend, stage: Stage) -> Reading:
    recording = played.recording
    stage.set(recording.status, recording.headers, recording.body)
    reading = Reading()
    # A plugin may promise to raise nothing but these errors; what it raises else is what the tool is to find.
    try:
        if recording.endpoint == "models" and isinstance(backend, ListsModels):
            reading.models = list(await backend.list_models())
        elif recording.streamed and isinstance(backend, Streams):
            await _stream(reading, call, backend, recording.provider)
        else:
            reading.answer = await backend.complete(call)
    except ProviderError as error:
        reading.error = error
    except Exception as error:  # noqa: BLE001 - see above
        reading.raised = f"{type(error).__name__}: {error}"
    known = reading.error.evidence if reading.error else reading.answer.evidence if reading.answer else ()
    reading.evidence = tuple(known)
    return reading


async def _stream(reading: Reading, call: Call, backend: Streams, provider: str) -> None:
    assembly = Assembly(provider=provider, model=call.model)
    try:
        async with backend.stream(call) as pieces:
            async for piece in pieces:
                assembly.add(piece)
                reading.finish = reading.finish or piece.finish_reason
        reading.answer = assembly.answer()
    except ProviderError:
        if assembly.has_content or assembly.usage.total_tokens:
            reading.answer = _so_far(assembly)
        raise


def _so_far(assembly: Assembly) -> Answer | None:
    try:
        return assembly.answer()
    except ProviderError:
        return None
