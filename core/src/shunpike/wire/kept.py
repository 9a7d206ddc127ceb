"""A kept connection that its server closes while a request crosses: as a rule it has not even read what was sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shunpike.wire.slim_httpx import httpx
from shunpike.wire.unsent import is_free

BROKE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""How it shows, before a byte of the answer has come."""
MOST = 2
"""Repetitions: a pool may hold more than one connection that its server has closed."""


class _Steps:
    """What httpcore did for one request; over other transports it is told nothing."""

    def __init__(self) -> None:
        self.seen = False
        self.connected = False

    async def note(self, event: str, _: object) -> None:
        self.seen = True
        self.connected = self.connected or event == "connection.connect_tcp.started"

    @property
    def kept(self) -> bool:
        """Whether it was sent on a connection that had been there before."""
        return self.seen and not self.connected


async def repeated(
    request: httpx.Request, send: Callable[[httpx.Request], Awaitable[httpx.Response]]
) -> httpx.Response:
    """Send ``request``, again on another connection where a kept one broke without an answer.

    Only what costs nothing if it was processed after all: a request without a body, or one of a free attempt. What may
    be billed fails instead, and is booked as unconfirmed. Over aiohttp nobody tells whether a connection was kept.
    """
    for _ in range(MOST if not request.content or is_free() else 0):
        steps = _Steps()
        request.extensions["trace"] = steps.note
        try:
            return await send(request)
        except BROKE:
            if not steps.kept:
                raise
    request.extensions.pop("trace", None)
    return await send(request)
