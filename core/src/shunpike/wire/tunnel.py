"""The way through a proxy, which has the time for connecting: what it asks of the proxy is no wait for an answer."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from shunpike.wire.sending import Outgoing
from shunpike.wire.slim_httpx import httpx


async def through_proxy(outgoing: Outgoing, send: Callable[[Outgoing], Awaitable[httpx.Response]]) -> httpx.Response:
    """Send ``outgoing``, each step to the provider within its timeout for connecting. Raises `httpx.ConnectTimeout`.

    httpcore bounds the connection to the proxy and the encryption of the one behind it, but neither the answer to a
    CONNECT nor the words of SOCKS.
    """
    seconds, heard = outgoing.connect, outgoing.trace
    with anyio.CancelScope(deadline=anyio.current_time() + seconds) as scope:

        async def note(event: str, info: Any) -> None:
            if heard is not None:
                await heard(event, info)
            if event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
                scope.deadline = math.inf
            elif scope.deadline < math.inf:
                scope.deadline = anyio.current_time() + seconds

        return await send(outgoing._replace(trace=note))
    raise httpx.ConnectTimeout(f"it gave no way within {seconds:g} s, timeouts.connect")
