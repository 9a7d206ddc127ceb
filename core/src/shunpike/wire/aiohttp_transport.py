"""Requests of httpx carried by aiohttp, whose pool takes the same time however many connections it holds.

Slow to import, so that `open_transport` does it when the first request is sent.
"""

from __future__ import annotations

import select
import ssl
import sys
from functools import lru_cache
from typing import Any

import aiohttp
from typing_extensions import override
from yarl import URL

from shunpike.wire.kept import steps_of_request
from shunpike.wire.sending import Sending
from shunpike.wire.slim_httpx import httpx

LONGEST_LINE = 64 * 1024
"""Bytes of a header of an answer."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """A pool without bound whose idle connections are kept for ``kept`` seconds. It belongs to one event loop."""

    tells_length = True
    """Whether it adds the length of a body by itself."""

    def __init__(self, context: ssl.SSLContext, kept: float) -> None:
        self._context = context
        self._kept = kept
        self._session: aiohttp.ClientSession | None = None

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer when its head has come. Raises what httpx's own transport raises."""
        session = self._session or self._open()
        body = await self._body(request)
        headers = [(name.decode("ascii"), value.decode("ascii")) for name, value in request.headers.raw]
        if isinstance(body, Sending):
            headers.append(("Content-Length", str(body.length)))
        try:
            answer = await session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=_bounds(request.extensions.get("timeout", {}).get("connect")),
            )
        except aiohttp.ConnectionTimeoutError:
            raise httpx.ConnectTimeout("it took too long") from None  # Its text holds the query.
        except aiohttp.ClientConnectorError as error:
            raise httpx.ConnectError(str(getattr(error, "os_error", error))) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _broken(error) from None  # Its text, and what it holds, may quote what came.
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Arriving(answer), request=request)

    def _open(self) -> aiohttp.ClientSession:
        # Here 0 means without bound, and None a hundred.
        connector = _Connector(ssl=self._context, keepalive_timeout=self._kept, limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )
        self._session._retry_connection = False  # noqa: SLF001 - what is sent again is decided in ``kept.py``
        return self._session

    async def _body(self, request: httpx.Request) -> Any:
        stream = request.stream
        if not isinstance(stream, Sending):
            return await request.aread() or None
        steps = steps_of_request.get()
        if stream.whole is None or steps is None:
            return stream
        # In one piece it is written right when there is a connection, without a task of its own that reads it.
        steps.at_connection = stream.leaves
        return stream.whole

    @override
    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class _Connector(aiohttp.TCPConnector):
    """Tells whether a connection was kept, and from when on there is one; never hands out one that is not at rest."""

    @override
    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        connection = await super().connect(req, traces, timeout)
        while _holds_more(connection.protocol):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        if (steps := steps_of_request.get()) is not None:
            steps.reuses()
        return connection

    @override
    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        if (steps := steps_of_request.get()) is not None:
            steps.connects()
        return await super()._create_connection(req, traces, timeout)


def _holds_more(protocol: Any) -> bool:
    """Whether something came on an idle connection: its end, or what would be taken for the next answer."""
    if protocol.should_close:
        return True
    files = [protocol.transport.get_extra_info("socket").fileno()]
    if sys.platform == "win32":
        return bool(select.select(files, [], [], 0)[0])
    waiting = select.poll()
    waiting.register(files[0], select.POLLIN)
    return bool(waiting.poll(0))


class _Arriving(httpx.AsyncByteStream):
    """The body of an answer, as it comes; closing it waits for nothing."""

    closes_at_once = True

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    @override
    def __aiter__(self) -> _Arriving:
        return self

    async def __anext__(self) -> bytes:
        """Return what has come since, end after the last."""
        try:
            data = await self._answer.content.readany()
        except aiohttp.ClientError as error:
            raise _broken(error) from None
        if not data:
            raise StopAsyncIteration
        return data

    @override
    async def aclose(self) -> None:
        """Let go of the connection: it is kept only where all was read."""
        self._answer.close()


@lru_cache(16)
def _bounds(connect: float | None) -> aiohttp.ClientTimeout:
    """Return the timeout for all of connecting; the rest is timed where data and keep-alives are told apart."""
    return aiohttp.ClientTimeout(total=None, connect=connect)


def _broken(error: aiohttp.ClientError | TimeoutError) -> httpx.HTTPError:
    """Return what httpx's own transport would have raised where a connection failed, in words that quote nothing."""
    if isinstance(error, aiohttp.ClientResponseError):
        return httpx.RemoteProtocolError("the answer is no HTTP")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return httpx.RemoteProtocolError("the server hung up without an answer")
    if isinstance(error, aiohttp.ClientPayloadError):
        return httpx.RemoteProtocolError("the answer ended before its end")
    if isinstance(error, OSError) and error.strerror:
        return httpx.ReadError(error.strerror)
    return httpx.ReadTimeout("late") if isinstance(error, TimeoutError) else httpx.ReadError(type(error).__name__)
