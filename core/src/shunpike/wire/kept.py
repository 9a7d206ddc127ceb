"""A kept connection that its server closes while a request crosses: as a rule it has not even read what was sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from shunpike.not_sent import is_free, is_unsent
from shunpike.wire.sending import Outgoing, broke_off
from shunpike.wire.slim_httpx import httpx

MOST = 2
"""Repetitions: a pool may hold more than one connection that its server has closed."""


class Steps:
    """What a transport did for one request, as far as it tells: whether it took a connection that was there before."""

    __slots__ = ("_connected", "at_connection", "kept")

    def __init__(self) -> None:
        self.kept = False
        self.at_connection: Callable[[], None] | None = None
        """What is to be called when there is a connection."""
        self._connected = False

    def connects(self) -> None:
        """Note that a connection is made."""
        self._connected, self.kept = True, False

    def reuses(self) -> None:
        """Note that a connection is there, a kept one if none was made before."""
        self.kept = not self._connected
        if self.at_connection is not None:
            self.at_connection()

    async def note(self, event: str, _: object) -> None:
        """Hear what httpcore tells: each connection that it makes, and everything that it does on one."""
        if event.endswith(".connect_tcp.started"):
            self.connects()
        else:
            self.reuses()


steps_of_request: ContextVar[Steps | None] = ContextVar("steps_of_request", default=None)
"""The steps of the request that is being sent, for what is not told of by the request's own ``trace``: aiohttp."""


async def repeated(outgoing: Outgoing, send: Callable[[Outgoing], Awaitable[httpx.Response]]) -> httpx.Response:
    """Send ``outgoing``, again on another connection where a kept one broke without an answer.

    Only what costs nothing if it was processed after all: a request without a body, one of a free attempt, and one of
    which not all had left, which nobody can process. What else may be billed fails, and is booked as unconfirmed.
    """
    for left in range(MOST, -1, -1):
        steps = Steps()
        token = steps_of_request.set(steps)
        try:
            return await send(outgoing._replace(trace=steps.note))
        except httpx.HTTPError as error:
            harmless = not outgoing.body or is_free() or is_unsent(error)
            if not (left and steps.kept and broke_off(error) and harmless):
                raise
        finally:
            steps_of_request.reset(token)
    raise AssertionError("the last try returns or raises")
