"""Cuts an answer's bytes where that hurts, between the loopback server and the plugin.

TCP and the HTTP libraries put together what arrives close in time, so that the only place at which a cut is sure to
reach a plugin is its transport.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import pairwise

import httpx
from typing_extensions import override

from shunpike.wire.transport import open_transport

MOST_CHUNKS = 200_000
Cut = Callable[[bytes], Sequence[bytes]]

_HOSTILE = re.compile(rb"(?<=[\x80-\xff])(?=[\x80-\xbf])|(?<=\r)(?=\n)|(?<=\n)(?=[\r\n])|(?<=\ndata)(?=:)|(?<=\\)")
"""Inside a UTF-8 sequence, between CR and LF, before the blank line of an event, in its field name, in an escape."""


def hostile(body: bytes) -> list[bytes]:
    """Return ``body`` cut at every place of the kinds that break careless parsers."""
    return cut_at(body, [found.start() for found in _HOSTILE.finditer(body)])


def single_bytes(body: bytes) -> list[bytes]:
    """Return ``body`` byte by byte, a very long one in somewhat larger chunks."""
    size = 1 + len(body) // MOST_CHUNKS
    return [body[place : place + size] for place in range(0, len(body), size)]


def cut_at(body: bytes, places: Sequence[int]) -> list[bytes]:
    """Return ``body`` cut at ``places``, in any order; those outside it don't count."""
    inside = sorted({place for place in places if 0 < place < len(body)})
    return [body[start:end] for start, end in pairwise([0, *inside, len(body)])]


CUTS: dict[str, Cut] = {"hostile": hostile, "bytes": single_bytes}
"""The cuts beside the whole answer as the network delivers it."""


class CuttingTransport(httpx.AsyncBaseTransport):
    """Hands on what a real transport receives, cut by ``cut``; None = as it came."""

    def __init__(self) -> None:
        self.cut: Cut | None = None
        self._inner: httpx.AsyncBaseTransport | None = None

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._inner is None:
            self._inner = open_transport(secure=False)
        response = await self._inner.handle_async_request(request)
        if self.cut is None or not isinstance(response.stream, httpx.AsyncByteStream):
            return response
        body = b"".join([raw_chunk async for raw_chunk in response.stream])
        await response.aclose()
        return httpx.Response(response.status_code, headers=response.headers, stream=_Parts(self.cut(body)))

    @override
    async def aclose(self) -> None:
        if self._inner is not None:
            await self._inner.aclose()


class _Parts(httpx.AsyncByteStream):
    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = parts

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


class RecitingTransport(httpx.AsyncBaseTransport):
    """Gives the answer it was told to, cut as it was told to, without any network: for tests by the thousand."""

    def __init__(self) -> None:
        self._status = 200
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: Sequence[bytes] = ()

    def set(self, status: int, headers: Mapping[str, str], parts: Sequence[bytes]) -> None:
        """Answer so from now on."""
        self._status = status
        self._headers = [
            (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        self._parts = parts

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(self._status, headers=self._headers, stream=_Parts(self._parts))
