"""Plays one recording to a plugin's backend, whole and cut, and tells what the plugin made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shunpike.errors import UsageError
from shunpike.protocols import Backend
from shunpike.types import Call, EmbedCall
from shunpike_testkit.replay.asking import EMBEDDINGS, Reading, ask, silence
from shunpike_testkit.replay.compare import request_differences, same_reading
from shunpike_testkit.replay.cutting import CUTS, CuttingTransport
from shunpike_testkit.replay.rebuild import PLAIN, make_call, make_embed_call, rebuild
from shunpike_testkit.replay.recording import ODD, Recording
from shunpike_testkit.replay.stage import Stage


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
    played = Played(recording, skipped=silence(recording, backend))
    if played.skipped is not None:
        return played
    transport.cut = None
    call = await _checked_call(played, backend, stage)
    played.reading = await _read(recording, call, backend, stage)
    for name, cut in CUTS.items():
        transport.cut = cut
        other = await _read(recording, call, backend, stage)
        if not same_reading(played.reading.plain, other.plain):
            played.unequal += (name,)
            played.reading.raised = played.reading.raised or other.raised
    return played


async def _read(recording: Recording, call: Call | EmbedCall, backend: Backend, stage: Stage) -> Reading:
    stage.set(recording.status, recording.headers, recording.body)
    return await ask(recording, call, backend)


async def _checked_call(played: Played, backend: Backend, stage: Stage) -> Call | EmbedCall:
    """Return the recorded call; a plain one where the plugin or our words can't send the recorded one."""
    recording = played.recording
    plain = make_call(recording, PLAIN)  # An error here is one of the file, whatever was asked.
    try:
        if recording.endpoint in EMBEDDINGS:
            call: Call | EmbedCall = make_embed_call(recording)
        elif (request := rebuild(recording)) is not None:
            call = make_call(recording, request)
        else:
            return plain
    except UsageError as error:
        played.request_diff = [{"at": "", "refused": error.message}]
        return plain
    found = await _read(recording, call, backend, stage)
    if not stage.asked:
        told = found.raised or (found.error.message if found.error else "nothing was sent")
        played.request_diff = [{"at": "", "refused": told}]
        return plain
    if recording.request is not None and recording.endpoint != "countTokens":
        try:
            played.request_diff = request_differences(recording, stage.asked[-1].json)
        except ODD as error:
            played.request_diff = [{"at": "", "refused": f"it can't be compared: {type(error).__name__} {error}"}]
    return call
