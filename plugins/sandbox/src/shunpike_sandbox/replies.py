"""Answers as ASGI applications that tell their visit what really went out, and can fail on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
from typing_extensions import override

from shunpike_sandbox import faults
from shunpike_sandbox.carriage import DRIPS, bomb, carried
from shunpike_sandbox.visits import Visit
from shunpike_sandbox.world import SimulatedWorld

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

STEPPED = "shunpike.stepped"
"""Scope extension of a caller that runs the app inside its own task: no cancel scope may outlive a send."""
HANGUP = "shunpike.hangup"
"""Scope extension with a function that closes the connection without another byte."""


class Frame(NamedTuple):
    """A piece of a stream and the number of tokens that were generated for it."""

    data: bytes
    tokens: int = 0


class HungUp(Exception):
    """The sandbox breaks the connection on purpose, and the server has no other way to do it."""


def dump(value: Any, *, indent: int | None = None) -> bytes:
    """Write JSON, compact unless indented; lone surrogates are escaped rather than fatal."""
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators).encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, separators=separators).encode()


def raw_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI wants them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


@dataclass(slots=True)
class PlainReply:
    """A whole answer that needs no books: errors, lists, the control room."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        headers = {"content-type": "application/json", "content-length": str(len(self.body)), **self.headers}
        await send({"type": "http.response.start", "status": self.status, "headers": raw_headers(headers)})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


@dataclass(slots=True)
class _Performance:
    """What unary answers and streams share: a visit that always ends, however the client behaves."""

    world: SimulatedWorld
    visit: Visit
    headers: Mapping[str, str]
    fault: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Play the answer, and notice when the client goes away."""
        hangup: Callable[[], None] | None = scope.get("extensions", {}).get(HANGUP)
        try:
            if STEPPED in scope.get("extensions", {}):
                await self._play(send, hangup)
            else:
                await self._watched(receive, send, hangup)
        except OSError:
            # The ASGI word for "nobody listens any more".
            pass
        finally:
            self.visit.cancel()

    async def _watched(self, receive: Receive, send: Send, hangup: Callable[[], None] | None) -> None:
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await self._play(send, hangup)
            group.cancel_scope.cancel()

    async def _play(self, send: Send, hangup: Callable[[], None] | None) -> None:
        if self.fault in (faults.HANGUP, faults.LOST):
            self.visit.drop(billed=self.fault == faults.LOST)
            await self._hang_up(hangup)
        await self._wait(self.world.pace.first_byte)
        if self.fault == faults.SLOW:
            await self._wait(self.world.faults.seconds)
        await self._send_all(send, hangup)

    async def _send_all(self, send: Send, hangup: Callable[[], None] | None) -> None:
        raise NotImplementedError

    async def _start(self, send: Send, headers: Mapping[str, str], status: int = 200) -> None:
        await send({"type": "http.response.start", "status": status, "headers": raw_headers(headers)})

    async def _carry(self, send: Send, data: bytes, *, more: bool) -> None:
        """Send ``data`` as the fault has it carried."""
        pieces = carried(self.fault, data)
        for number, piece in enumerate(pieces, 1):
            if self.fault == faults.DRIP:
                await self._wait(self.world.faults.seconds / DRIPS)
            await send({"type": "http.response.body", "body": piece, "more_body": more or number < len(pieces)})

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            await self.world.clock.sleep(seconds)

    async def _hang_up(self, hangup: Callable[[], None] | None) -> None:
        if hangup is None:
            raise HungUp
        hangup()
        # The watcher sees the disconnect and ends this wait.
        await anyio.sleep_forever()


@dataclass(slots=True)
class WholeReply(_Performance):
    """A unary answer."""

    body: bytes
    status: int = 200

    @override
    async def _send_all(self, send: Send, hangup: Callable[[], None] | None) -> None:
        body, headers = self.body, {"content-type": "application/json", **self.headers}
        if self.fault == faults.HALF_JSON:
            body = body[: len(body) // 2]
        if self.fault == faults.BOMB:
            body, headers = bomb(), {**headers, "content-encoding": "gzip"}
        if self.fault == faults.STALL:
            await self._wait(self.world.faults.seconds)
        length = len(body) + (self.fault == faults.WRONG_LENGTH)
        await self._start(send, {**headers, "content-length": str(length)}, self.status)
        if self.fault in (faults.CUT, faults.STREAM_ERROR):
            half = body[: len(body) // 2]
            self.visit.tell(half, 0)
            self.visit.cut()
            await send({"type": "http.response.body", "body": half, "more_body": True})
            await self._hang_up(hangup)
        self.visit.tell(body, 0)
        # The books are closed before the last byte leaves, so that a client that has its answer finds them right.
        self.visit.complete(self.status)
        await self._carry(send, body, more=self.fault == faults.WRONG_LENGTH)
        if self.fault == faults.WRONG_LENGTH:
            await self._hang_up(hangup)


@dataclass(slots=True)
class StreamedReply(_Performance):
    """A streamed answer; ``error`` is what the dialect sends instead of content when it fails inside a 200."""

    frames: Iterable[Frame]
    error: Iterable[Frame] = ()

    @override
    async def _send_all(self, send: Send, hangup: Callable[[], None] | None) -> None:
        await self._start(send, {"content-type": "text/event-stream", **self.headers})
        if self.fault == faults.STREAM_ERROR:
            await self._fail(send)
            return
        frames = list(self.frames)
        middle = max(1, len(frames) // 2)
        made_by = max((number for number, frame in enumerate(frames) if frame.tokens), default=0)
        for number, frame in enumerate(frames):
            if number == middle and self.fault in (faults.CUT, faults.HALF_JSON):
                self.visit.cut()
                await send(
                    {"type": "http.response.body", "body": frame.data[: len(frame.data) // 2], "more_body": True}
                )
                await self._hang_up(hangup)
            if number == middle and self.fault == faults.UNFINISHED:
                self.visit.cut()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            if number == middle and self.fault == faults.STALL:
                await self._wait(self.world.faults.seconds)
            elif number:
                await self._wait(self.world.pace.between_chunks)
            self.visit.tell(frame.data, frame.tokens)
            if number == made_by:
                self.visit.settle()
            last = number == len(frames) - 1
            if last:
                self.visit.complete()
            await self._carry(send, frame.data, more=not last)

    async def _fail(self, send: Send) -> None:
        frames = list(self.error)
        for frame in frames:
            self.visit.tell(frame.data, 0)
        self.visit.fail()
        for frame in frames:
            await send({"type": "http.response.body", "body": frame.data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
