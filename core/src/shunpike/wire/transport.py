"""What carries requests: a pool of connections."""

from __future__ import annotations

import asyncio
import ssl

import anyio

from shunpike.wire.certificates import tls_context
from shunpike.wire.network import Way
from shunpike.wire.slim_httpx import httpx

KEPT = 4.0
"""Seconds that an idle connection is kept for the next call: usual servers (uvicorn, Node) close theirs after 5."""


def open_transport(*, secure: bool, way: Way | None = None) -> httpx.AsyncBaseTransport:
    """Return a transport with a pool of its own: over aiohttp on asyncio, else httpx's.

    Through a proxy it is httpx's in any case, which knows all kinds of them. Raises what `tls_context` raises where it
    is to be ``secure``, or its proxy is.
    """
    proxy = None if way is None else way.proxy
    if secure or (proxy is not None and proxy.url.scheme == "https"):
        context = tls_context(None if way is None else way.trusted)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if proxy is None and anyio.get_cancelled_exc_class() is asyncio.CancelledError:  # this is asyncio, not trio
        from shunpike.wire.aiohttp_transport import AiohttpTransport

        return AiohttpTransport(context, KEPT)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=KEPT)
    through = None if proxy is None else _through(proxy.url, context)
    return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=through)


def _through(url: httpx.URL, context: ssl.SSLContext) -> httpx.Proxy:
    return httpx.Proxy(url, ssl_context=context if url.scheme == "https" else None)


def fetches_late(transport: httpx.AsyncBaseTransport) -> bool:
    """Whether ``transport`` fetches the body of a request when it is connected, and not before.

    Both kinds that `open_transport` returns do. What is made of them may look at the content of a request first.
    """
    kind = type(transport)
    ours = (kind.__module__, kind.__name__) == ("shunpike.wire.aiohttp_transport", "AiohttpTransport")
    return ours or kind is httpx.AsyncHTTPTransport
