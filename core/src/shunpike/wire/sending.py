"""A body on its way out, and what can go wrong there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

from typing_extensions import override

from shunpike.not_sent import Departure
from shunpike.wire.slim_httpx import httpx

FAILURES = (httpx.HTTPError, httpx.StreamError, OSError)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
"""After these not a byte of the request has left."""
BROKE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


CHUNK = 64 * 1024
"""Bytes of a body that are handed over at a time: while the last of them are here, nobody has the whole request."""


class Sending(httpx.AsyncByteStream):
    """A body on its way, without a generator; ``leaves`` is called when the last of it is fetched.

    What ends before that has sent something that nobody can process: its length is said in its head, and its JSON has
    no end. A generator that is given up halfway, at a timeout or a cancellation, is left to the garbage collector, of
    which trio complains.
    """

    def __init__(self, body: bytes, leaves: Callable[[], None]) -> None:
        self._body = body
        self._next = 0
        self.leaves = leaves

    @property
    def length(self) -> int:
        """Its bytes."""
        return len(self._body)

    @property
    def whole(self) -> bytes | None:
        """All of it where it is one chunk: whoever takes it calls ``leaves`` when it is connected."""
        return self._body if len(self._body) <= CHUNK else None

    @override
    def __aiter__(self) -> Self:
        """Return itself: a body is sent once; a repetition makes another."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk, end after the last."""
        begin, self._next = self._next, self._next + CHUNK
        if begin >= len(self._body):
            raise StopAsyncIteration
        if self._next >= len(self._body):
            self.leaves()
        return self._body[begin : self._next]


class Outgoing(NamedTuple):
    """A request that is to be sent, perhaps again: ``headers`` are all but the length, ``connect`` is in seconds."""

    url: httpx.URL
    address: str
    """The same for a person, without query."""
    headers: httpx.Headers
    body: bytes | None
    connect: float
    trace: Any = None
    """What is told of its steps, as httpcore tells them."""

    def whole(self) -> httpx.Request:
        """Return it with all of its content."""
        return httpx.Request(
            self._method, self.url, headers=self.headers, content=self.body, extensions=self._extensions
        )

    def fetched_from(self, stream: Sending) -> httpx.Request:
        """Return it with a body that only ``stream`` gives, and that nobody takes before it is sent."""
        return httpx.Request(self._method, self.url, headers=self.headers, stream=stream, extensions=self._extensions)

    @property
    def _method(self) -> str:
        return "GET" if self.body is None else "POST"

    @property
    def _extensions(self) -> dict[str, Any]:
        # Only connecting is timed down there; all else is timed here, where data and keep-alives are told apart.
        bounds = {"timeout": {"connect": self.connect, "read": None, "write": None, "pool": None}}
        return bounds if self.trace is None else {**bounds, "trace": self.trace}


async def exchange(outgoing: Outgoing, transport: httpx.AsyncBaseTransport, *, fetched_late: bool) -> httpx.Response:
    """Send ``outgoing``; what is raised before anything of it can be billed is marked as unsent.

    ``fetched_late``: the transport fetches a body only when it is connected and has made the headers, which alone are
    no request, and each piece when the one before has left. To any other it is handed over whole, and counts as sent.
    """
    departure = Departure()
    if outgoing.body and fetched_late:
        request = outgoing.fetched_from(Sending(outgoing.body, departure.leaves))
        if not getattr(transport, "tells_length", False):
            request.headers["Content-Length"] = str(len(outgoing.body))
    else:
        request = outgoing.whole()
        departure.leaves()
    with departure:
        response = await transport.handle_async_request(request)
    departure.leaves()  # Answered before the body was fetched, it was sent all the same.
    return response


def never_sent(error: Exception) -> bool:
    """Whether the request can't have reached anybody."""
    told = _of_aiohttp(error)
    return told == "unconnected" if told else isinstance(error, NOT_SENT)


def broke_off(error: Exception) -> bool:
    """Whether a connection that had been made broke before a byte of the answer had come."""
    told = _of_aiohttp(error)
    return told == "broke" if told else isinstance(error, BROKE)


def _of_aiohttp(error: Exception) -> str | None:
    """Return what the cause knows: httpx-aiohttp 0.2.0, a transport of the user's own, calls all a ConnectTimeout."""
    causes = {base.__name__ for base in type(error.__cause__).__mro__}
    if "ClientConnectionError" not in causes:
        return None
    if not causes.isdisjoint(("ClientConnectorError", "ConnectionTimeoutError")):
        return "unconnected"
    return "late" if "ServerTimeoutError" in causes else "broke"
