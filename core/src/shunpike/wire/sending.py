"""A body on its way out, and what can go wrong there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from typing_extensions import override

from shunpike.wire.slim_httpx import httpx
from shunpike.wire.unsent import Departure

FAILURES = (httpx.HTTPError, httpx.StreamError, OSError)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)
"""After these not a byte of the request has left."""


class Sending(httpx.AsyncByteStream):
    """A body that is sent in one piece, without a generator; ``leaves`` is called when it is fetched.

    A generator that is given up halfway, at a deadline or a cancellation, is left to the garbage collector, of which
    trio complains.
    """

    def __init__(self, body: bytes, leaves: Callable[[], None]) -> None:
        self._left = [body]
        self._leaves = leaves

    @override
    def __aiter__(self) -> Self:
        """Return itself: a body is sent once, as nothing here is sent again."""
        return self

    async def __anext__(self) -> bytes:
        """Return the body, then end."""
        if not self._left:
            raise StopAsyncIteration
        self._leaves()
        return self._left.pop()


async def exchange(
    request: httpx.Request, transport: httpx.AsyncBaseTransport, *, fetched_late: bool
) -> httpx.Response:
    """Send ``request``; what is raised before anything of it can be billed is marked as unsent.

    ``fetched_late``: the transport fetches a body only when it is connected and has made the headers, which alone are
    no request. To any other transport it is handed over whole, and counts as sent then.
    """
    departure, body = Departure(), request.content
    if body and fetched_late:
        request = _to_fetch(request, Sending(body, departure.leaves))
    else:
        departure.leaves()
    with departure:
        response = await transport.handle_async_request(request)
    departure.leaves()  # Answered before the body was fetched, it was sent all the same.
    return response


def _to_fetch(request: httpx.Request, body: Sending) -> httpx.Request:
    """Return ``request`` with a body that only its stream gives: httpx-aiohttp would take the content at once."""
    return httpx.Request(
        request.method, request.url, headers=request.headers, stream=body, extensions=request.extensions
    )


def never_sent(error: Exception) -> bool:
    """Whether the request can't have reached anybody."""
    # httpx-aiohttp 0.2.0 calls also a server that hung up on a request a ConnectTimeout: the cause knows better.
    causes = {base.__name__ for base in type(error.__cause__).__mro__}
    if "ClientConnectionError" in causes:
        return not causes.isdisjoint(("ClientConnectorError", "ConnectionTimeoutError"))
    return isinstance(error, NOT_SENT)
