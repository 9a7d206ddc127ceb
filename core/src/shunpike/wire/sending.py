"""A body on its way out, and what can go wrong there."""

from __future__ import annotations

from typing import Self

from typing_extensions import override

from shunpike.wire.slim_httpx import httpx

FAILURES = (httpx.HTTPError, httpx.StreamError, OSError)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
"""After these not a byte of the request has left."""


class Sending(httpx.AsyncByteStream):
    """A body that is sent in one piece, without a generator.

    A generator that is given up halfway, at a deadline or a cancellation, is left to the garbage collector, of which
    trio complains.
    """

    def __init__(self, body: bytes) -> None:
        self._left = [body]

    @override
    def __aiter__(self) -> Self:
        """Return itself: a body is sent once, as nothing here is sent again."""
        return self

    async def __anext__(self) -> bytes:
        """Return the body, then end."""
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


def never_sent(error: Exception) -> bool:
    """Whether the request can't have reached anybody."""
    # httpx-aiohttp 0.2.0 calls also a server that hung up on a request a ConnectTimeout: the cause knows better.
    causes = [base.__name__ for base in type(error.__cause__).__mro__]
    if "ClientConnectionError" in causes:
        return "ClientConnectorError" in causes
    return isinstance(error, NOT_SENT)
