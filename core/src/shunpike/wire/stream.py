"""A streamed answer: bytes become events, events become chunks, and every way to end has its own error."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Self

import anyio
from typing_extensions import override

from shunpike.errors import Interrupted, ProviderError
from shunpike.not_sent import before_sending
from shunpike.protocols import ReadStream
from shunpike.reasoning.apart import Apart
from shunpike.types import Call, Chunk, Evidence
from shunpike.types.base import changed
from shunpike.wire.flow import Flow
from shunpike.wire.reader import AnswerReader
from shunpike.wire.sse import EventParser, ServerSentEvent
from shunpike.wire.unreadable import BLANK, EVENTS, content_type, is_json, is_web_page, no_answer
from shunpike.wire.wrong_place import locate

MAX_REFUSAL = 1024 * 1024
"""Bytes of a refusal's body."""
LAST_BYTES = 0.25
"""Seconds to wait, after the last event, for the end of the body: a connection read to its end can be used again."""
MOST_FIGURES = 64 * 1024
"""Bytes that are read after a failure inside a stream, for the figures of its bill."""
LAST_FIGURES = 1.0
"""Seconds to wait for them."""


class ChunkStream(AbstractAsyncContextManager["ChunkStream"], ReadStream):
    """A streamed answer as the core wants it: enter it, iterate, leave it. No generator: it can be dropped anywhere.

    Thinking that the model wrote into its text comes as ``reasoning``; ``call`` tells whether JSON was asked for.
    """

    def __init__(self, send: Callable[[], Flow], reader: AnswerReader, call: Call | None = None) -> None:
        self._apart = Apart(call)
        self._send = send
        self._reader = reader
        self._parser = EventParser(provider=reader.provider)
        self._flow: Flow | None = None
        self._opening: Chunk | None = None
        self._told: tuple[Evidence, ...] = ()
        self._ahead = b""
        self._begun = False
        self._ready: deque[Chunk] = deque()
        self._failure: ProviderError | None = None
        self._ended = False
        self._content = False
        self._heard = False

    @override
    async def __aenter__(self) -> Self:
        try:
            with before_sending:
                flow = self._send()
            await flow.__aenter__()
        except ProviderError as error:
            raise self._named(error) from error.__cause__
        self._flow = flow
        try:
            await self._open(flow)
        except BaseException:  # cancellation too must close the connection
            await flow.__aexit__()
            raise
        return self

    @override
    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        flow, self._flow = self._flow, None
        self._ended = True
        if flow is None:
            return
        try:
            if kind is None and self._reader.done and self._failure is None:
                with anyio.move_on_after(LAST_BYTES):
                    await self._drain(flow)
        finally:
            await flow.__aexit__()

    @property
    @override
    def is_ready(self) -> bool:
        return bool(self._ready)

    @override
    def __aiter__(self) -> Self:
        return self

    @override
    async def __anext__(self) -> Chunk:
        while not self._ready:
            if self._failure is not None:
                failure, self._failure, self._ended = self._failure, None, True
                raise failure
            if self._ended or self._flow is None:
                raise StopAsyncIteration
            await self._pull(self._flow)
        return self._ready.popleft()

    async def _open(self, flow: Flow) -> None:
        if not 200 <= flow.status < 300:
            body = await self._read(flow)
            raise self._named(locate(self._reader.refusal(flow.status, flow.headers, body), flow.address))
        self._opening = self._reader.opening(flow.headers, flow.headers_at)
        self._told = self._opening.evidence
        if flow.headers.get("content-type", "").startswith("application/json"):
            try:
                while (data := await flow.receive()) and not data.strip(BLANK):
                    pass
                # Some label their events so: the first byte tells.
                if data and not is_json(data):
                    self._ahead, self._begun = data, True
                else:
                    await self._take_whole(flow, data)
            except ProviderError as error:
                raise self._named(error) from error.__cause__

    async def _take_whole(self, flow: Flow, data: bytes) -> None:
        """Take in an answer that came in one, of which ``data`` is the beginning."""
        self._take(self._reader.whole(flow.headers, data + await flow.read()))
        self._pass_on(self._apart.close())
        self._ended = True

    async def _read(self, flow: Flow) -> bytes:
        try:
            return await flow.read(MAX_REFUSAL)
        except ProviderError:
            return b""  # The status alone is enough to know what to do next.

    async def _drain(self, flow: Flow) -> None:
        with suppress(ProviderError):  # The answer was complete before.
            while await flow.receive():
                pass

    async def _pull(self, flow: Flow) -> None:
        try:
            data, self._ahead = self._ahead or await flow.receive(), b""
        except ProviderError as error:
            self._end(error)
            return
        try:
            if not self._begun and data.strip(BLANK):
                self._begun = True
                if is_json(data):
                    await self._take_whole(flow, data)
                    return
                if is_web_page(flow.headers, data):
                    raise self._no_answer(flow, data)
            self._take_events(flow, data)
            if self._reader.failed is not None:
                await self._read_on(flow)
                self._fail(self._reader.failed)
                return
        except ProviderError as error:
            if self._reader.failed is not None or data or error.kind != "malformed":
                self._fail(self._reader.failed or error)
                return
            # The end of the stream cut this event in two: it is the stream that is broken, not the provider's JSON.
        if self._reader.done or not data:
            silent = not self._heard and content_type(flow.headers) not in ("", EVENTS)
            self._end(self._stray() or (self._no_answer(flow, data) if silent else None))

    async def _read_on(self, flow: Flow) -> None:
        """Read a little further after a failure: some state afterwards what they bill for it."""
        left = MOST_FIGURES
        with anyio.move_on_after(LAST_FIGURES):
            try:
                while not self._reader.done and left > 0 and (data := await flow.receive()):
                    left -= len(data)
                    self._take_events(flow, data)
            except ProviderError:
                return  # The failure is known already.

    def _take_events(self, flow: Flow, data: bytes) -> None:
        """Take in the events that ``data`` completes; a failure among them is the reader's ``failed``."""
        events = self._parser.feed(data) if data else self._parser.close()
        carried_on = False
        for event in events:
            self._heard = True
            carried_on = self._take(self._reader.chunks(event)) or carried_on
            if self._reader.done:
                break
        if carried_on:
            flow.beat()

    def _stray(self) -> ProviderError | None:
        """Return the failure that was written into the stream as it is, not as an event."""
        text = self._parser.stray.strip()
        if not text.startswith(("{", "[")):
            return None
        try:
            self._take(self._reader.chunks(ServerSentEvent("", text)))
        except ProviderError:
            return None  # Whatever it was: what counts is that the stream broke off.
        return self._reader.failed

    def _end(self, error: ProviderError | None) -> None:
        """End the stream: well if the answer was complete, whatever became of the connection afterwards."""
        if self._reader.done or self._reader.complete:
            self._ended = True
            try:
                self._take(self._reader.ends())
                self._pass_on(self._apart.close())
            except ProviderError as found:
                self._fail(found)
        else:
            self._fail(error or self._broken("before its end"))

    def _fail(self, error: ProviderError) -> None:
        self._ended = True
        if self._content:
            self._pass_on(self._apart.close())
        if self._content and not isinstance(error, Interrupted):
            broken = self._broken(f"after it had begun: {error.message}")
            broken.__cause__ = error
            broken.status = error.status
            broken.bill = error.bill
            error = broken
        # The headers of the answer belong to its opening: a failure inside it was read with the same ones.
        known = [_identity(row) for row in self._told]
        error.evidence = tuple(row for row in error.evidence if _identity(row) not in known)
        if self._opening is not None:
            error.evidence = (*self._opening.evidence, *error.evidence)
        self._failure = self._named(error)

    def _broken(self, where: str) -> Interrupted:
        reader = self._reader
        return Interrupted(f"{reader.provider}: the stream broke off {where}", provider=reader.provider)

    def _no_answer(self, flow: Flow, data: bytes) -> ProviderError:
        return no_answer(self._reader.provider, flow.headers, data, flow.address)

    def _named(self, error: ProviderError) -> ProviderError:
        error.model = error.model or self._reader.model
        return error

    def _take(self, chunks: Sequence[Chunk]) -> bool:
        """Pass the chunks on; return whether any of them carries the answer on, as an empty delta does not."""
        self._pass_on(self._apart.take(chunks))
        return any(chunk.text or chunk.carries_on for chunk in chunks)

    def _pass_on(self, chunks: Sequence[Chunk]) -> None:
        if self._content and self._opening is None:
            self._ready.extend(chunks)
            return
        for chunk in chunks:
            self._content = self._content or chunk.has_content
            if self._opening is None:
                self._ready.append(chunk)
            else:
                self._ready.append(_with(chunk, self._opening))
                self._opening = None


def _identity(row: Evidence) -> tuple[object, ...]:
    return row.origin, row.unit, row.amount, row.remaining, row.window_seconds


def _with(chunk: Chunk, opening: Chunk) -> Chunk:
    return changed(
        chunk,
        headers_at=opening.headers_at,
        evidence=(*opening.evidence, *chunk.evidence),
        warnings=(*opening.warnings, *chunk.warnings),
        provider_request_id=opening.provider_request_id or chunk.provider_request_id,
    )
