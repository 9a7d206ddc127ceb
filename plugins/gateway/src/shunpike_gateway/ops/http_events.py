"""The event of the gateway itself: one for each request over HTTP, as the log and other observers get it."""

from __future__ import annotations

from typing import Literal

from shunpike.types import Event

HUNG_UP = 499
"""The status of a request whose client went away before the end of its answer, as others write it too."""


class HttpAnswered(Event):
    """A request over HTTP has ended. It tells neither of what was asked nor of what was answered."""

    name: Literal["http.answered"] = "http.answered"
    method: str
    route: str
    """As the table of routes has it, such as ``/v1/models/*``; ``none`` where there is nothing at its path."""
    status: int
    """Of HTTP; `HUNG_UP` where the client went away."""
    seconds: float
    """Until the end of the answer."""
    peer: str
    """The address that it came from."""
    client: str | None = None
    """The name of the client key."""
    request_id: str | None = None
    """Which ``shunpike explain`` takes."""
    provider: str | None = None
    model: str | None = None
