"""What carries requests: a pool of connections."""

from __future__ import annotations

import asyncio
import importlib
import ssl
from typing import Any, cast

import anyio

from shunpike.wire.certificates import tls_context
from shunpike.wire.kept import steps_of_request
from shunpike.wire.network import Way
from shunpike.wire.slim_httpx import httpx

KEPT = 4.0
"""Seconds that an idle connection is kept for the next call: usual servers (uvicorn, Node) close theirs after 5."""


def open_transport(*, secure: bool, way: Way | None = None) -> httpx.AsyncBaseTransport:
    """Return a transport with a pool of its own: over aiohttp on asyncio where that is installed, else httpx's.

    Through a proxy it is httpx's in any case, which knows all kinds of them. Raises what `tls_context` raises where it
    is to be ``secure``, or its proxy is.
    """
    proxy = None if way is None else way.proxy
    if secure or (proxy is not None and proxy.url.scheme == "https"):
        context = tls_context(None if way is None else way.trusted)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if proxy is None and anyio.get_cancelled_exc_class() is asyncio.CancelledError:  # this is asyncio, not trio
        try:
            # Imported here because it is optional and slow to import.
            fast = importlib.import_module("httpx_aiohttp")
        except ImportError:
            pass
        else:
            return cast("httpx.AsyncBaseTransport", fast.AiohttpTransport(verify=context, client=_Sessions(context)))
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=KEPT)
    through = None if proxy is None else _through(proxy.url, context)
    return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=through)


def _through(url: httpx.URL, context: ssl.SSLContext) -> httpx.Proxy:
    return httpx.Proxy(url, ssl_context=context if url.scheme == "https" else None)


class _Sessions:
    """Makes the session of an aiohttp transport, when the first request is sent.

    It is made here and not there so that it tells whether a connection was kept.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def __call__(self) -> Any:
        aiohttp = importlib.import_module("aiohttp")
        told = aiohttp.TraceConfig()
        told.on_connection_create_start.append(_connects)
        told.on_connection_reuseconn.append(_reuses)
        # Here 0 means without bound, and None a hundred.
        connector = aiohttp.TCPConnector(ssl=self._context, keepalive_timeout=KEPT, limit=0)
        return aiohttp.ClientSession(connector=connector, trace_configs=[told])


async def _connects(*_: object) -> None:
    if (steps := steps_of_request.get()) is not None:
        steps.connects()


async def _reuses(*_: object) -> None:
    if (steps := steps_of_request.get()) is not None:
        steps.reuses()


def fetches_late(transport: httpx.AsyncBaseTransport) -> bool:
    """Whether ``transport`` fetches the body of a request when it is connected, and not before.

    Both kinds that `open_transport` returns do. What is made of them may look at the content of a request first.
    """
    kind = type(transport)
    fast = (kind.__module__.partition(".")[0], kind.__name__) == ("httpx_aiohttp", "AiohttpTransport")
    return fast or kind is httpx.AsyncHTTPTransport
