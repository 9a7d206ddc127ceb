"""One exchange with an origin, from sending the request to the last byte of its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AbstractContextManager, suppress
from typing import NoReturn, Protocol, Self, TypeVar, cast

import anyio

from shunpike.clock import Clock
from shunpike.errors import Overloaded
from shunpike.not_sent import KeptMark
from shunpike.types import Timeouts
from shunpike.wire.sending import FAILURES, Outgoing
from shunpike.wire.slim_httpx import httpx
from shunpike.wire.timeouts import ExchangeDeadline
from shunpike.wire.unpack import Unpacker

T = TypeVar("T")
MAX_BODY = 32 * 1024 * 1024
"""Bytes of a whole answer."""
MAX_STREAM = 8 * MAX_BODY
"""Bytes of a body that is read piece by piece: around each few letters of a streamed answer is a lot of wrapping."""
CLOSING = 2.0
"""Seconds that closing a connection may take when the caller is being cancelled."""
MOST_LEFT = 256
"""Chunks that may still be buffered when an answer is given up."""


class Exchanger(Protocol):
    """What an exchange needs of that with which it is made, which is `shunpike.wire.http.Http`."""

    clock: Clock

    async def send(self, outgoing: Outgoing) -> httpx.Response:
        """Hand ``outgoing`` to the transport."""
        ...

    def outside(self) -> AbstractContextManager[None]:
        """Return a context round each wait for the transport: virtual time stands still where that is a real one."""
        ...

    def fail(self, error: httpx.HTTPError | httpx.StreamError | OSError, address: str) -> NoReturn:
        """Raise what ``error`` means."""
        ...

    def turned_away(self, status: int, headers: Mapping[str, str], address: str) -> Overloaded | None:
        """Return the failure of a proxy whose own answer this is."""
        ...

    def asked(self, address: str) -> str:
        """Return who was asked, for a person."""
        ...

    def overloaded(self, kind: str, message: str) -> Overloaded:
        """Return the failure of the provider."""
        ...


class Flow:
    """One exchange. Entered: ``status``, ``headers`` (lower case) and ``headers_at`` (epoch seconds) are there."""

    status: int
    headers: Mapping[str, str]
    headers_at: float

    def __init__(self, http: Exchanger, outgoing: Outgoing, timeouts: Timeouts) -> None:
        self._http = http
        self._outgoing = outgoing
        self._timeouts = timeouts
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._unpacker: Unpacker | None = None
        self._ended = False
        self._whole = False
        self._received = 0

    def whole(self) -> Self:
        """Return itself, to be entered: the answer comes in one piece, so that nothing of it can come early."""
        self._whole = True
        return self

    @property
    def address(self) -> str:
        """What is asked, without query, which may hold what is nobody's business."""
        return self._outgoing.address

    async def __aenter__(self) -> Self:
        self._patience = ExchangeDeadline(self._timeouts, whole=self._whole)
        response, mark = None, KeptMark()
        try:
            with anyio.CancelScope(deadline=self._patience.deadline), mark, self._http.outside():
                response = await self._http.send(self._outgoing)
        except FAILURES as error:
            self._http.fail(error, self.address)
        if response is None:
            raise mark.on(self._late())
        self._patience.alive()
        self._response = response
        self._chunks = aiter(cast("httpx.AsyncByteStream", response.stream))
        self.headers_at = self._http.clock.now()
        self.status = response.status_code
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        turned_away = self._http.turned_away(self.status, self.headers, self._outgoing.address)
        if turned_away is not None:
            await self.__aexit__()
            raise turned_away
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._response is None:
            return
        if getattr(self._response.stream, "closes_at_once", False):
            await self._response.aclose()
            return
        with anyio.CancelScope(deadline=anyio.current_time() + CLOSING, shield=True), suppress(*FAILURES):
            await self._response.aclose()
            if self._chunks is not None and not self._ended:
                await self._read_out(self._chunks)

    def beat(self) -> None:
        """Note that data arrived, which a keep-alive is not: the next must come within ``idle`` seconds."""
        self._patience.beat()

    async def receive(self) -> bytes:
        """Return the next bytes, empty at the end. Raises `Overloaded` when they are late or the connection breaks.

        And as ``malformed`` when they are more than `MAX_STREAM` together.
        """
        while not self._ended and self._chunks is not None:
            if chunk := self._unpacked(await self._next(self._chunks)):
                self._received += len(chunk)
                if self._received > MAX_STREAM:
                    raise self._http.overloaded("malformed", f"the stream is larger than {MAX_STREAM} bytes")
                return chunk
        return b""

    async def read(self, limit: int = MAX_BODY) -> bytes:
        """Return all that is left, at most ``limit`` bytes. Raises `Overloaded`: ``malformed`` when it is more."""
        self._patience.until_the_end()
        return await self._timed(self._read(limit))

    async def _read(self, limit: int) -> bytes:
        parts, size = [], 0
        while not self._ended and self._chunks is not None:
            chunk = await anext(self._chunks, None)
            self._ended = chunk is None
            parts.append(self._unpacked(chunk or b""))
            size += len(parts[-1])
            if size > limit:
                raise self._http.overloaded("malformed", f"the answer is larger than {limit} bytes")
        return b"".join(parts)

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes:
        chunk = await self._timed(anext(chunks, None))
        self._ended = chunk is None
        self._patience.alive()
        return chunk or b""

    async def _timed(self, arriving: Awaitable[T]) -> T:
        """Wait for bytes, no longer than patience goes. Raises `Overloaded`."""
        try:
            # A bare scope is half as dear as `anyio.fail_after`, and this runs for each chunk.
            with anyio.CancelScope(deadline=self._patience.deadline), self._http.outside():
                return await arriving
        except FAILURES as error:
            self._ended = True
            self._http.fail(error, self.address)
        self._ended = True
        raise self._late()

    def _late(self) -> Overloaded:
        late = self._http.overloaded("timeout", f"{self._patience.lost()} ({self._http.asked(self.address)})")
        late.hint = self._patience.hint
        return late

    def _unpacked(self, chunk: bytes) -> bytes:
        """Return ``chunk`` in the clear; the first one shows whether there is anything to unpack."""
        encoding = self.headers.get("content-encoding", "identity")
        if encoding == "identity" or not (chunk or self._unpacker):
            return chunk
        try:
            if self._unpacker is None:
                self._unpacker = Unpacker(encoding, MAX_BODY)
            if self._ended:
                self._unpacker.close()
            return self._unpacker.feed(chunk)
        except ValueError as error:
            raise self._http.overloaded("malformed", str(error)) from error

    async def _read_out(self, chunks: AsyncIterator[bytes]) -> None:
        """Read on after the close, which ends each of the transport's nested generators with an error.

        Left to the garbage collector they would be finalised at a random place.
        """
        self._ended = True
        for _ in range(MOST_LEFT):
            if await anext(chunks, None) is None:
                return
