"""How long to wait for the next bytes of an answer: each stage has its own bound, and all together have one."""

from __future__ import annotations

import anyio

from shunpike.types import Timeouts

LONGER = 5
"""How many times the bound that was too short is proposed."""


class ExchangeDeadline:
    """The deadline of one exchange. It begins with the wait for the first data; times are the event loop's seconds.

    ``whole``: what is waited for comes in one chunk, of which nothing can come early: only a ``first_token`` that was
    set holds for it.
    """

    def __init__(self, timeouts: Timeouts, *, whole: bool = False) -> None:
        self._timeouts = timeouts
        self._latest = anyio.current_time() + timeouts.total
        self._deadline = self._latest
        self._first = not whole or "first_token" in timeouts.model_fields_set
        self.alive()

    @property
    def deadline(self) -> float:
        """The end of this stage."""
        return self._deadline

    def alive(self) -> None:
        """Note that something came, be it a keep-alive: until the first data, that gives ``first_token`` again."""
        if self._first:
            self._deadline = min(anyio.current_time() + self._timeouts.first_token, self._latest)

    def beat(self) -> None:
        """Note that data came: the next must come within ``idle``."""
        self._first = False
        self._deadline = min(anyio.current_time() + self._timeouts.idle, self._latest)

    def until_the_end(self) -> None:
        """Wait for all the rest as for one chunk: only the bound of the whole holds."""
        self._first = False
        self._deadline = self._latest

    @property
    def hint(self) -> str | None:
        """What to change where a bound was overstepped that a longer timeout of the request does not move."""
        if anyio.current_time() >= self._latest:
            return None
        name = "first_token" if self._first else "idle"
        longer = LONGER * (self._timeouts.first_token if self._first else self._timeouts.idle)
        return (
            f"give it more time: timeouts.{name} = {longer:g} in its section   ·   or ask another model: -m PROVIDER/ID"
        )

    def lost(self) -> str:
        """Return which bound was overstepped, and its setting, for a person."""
        if anyio.current_time() >= self._latest:
            return f"the answer was not complete after {self._timeouts.total:g} s, timeouts.total"
        if self._first:
            return f"nothing came within {self._timeouts.first_token:g} s, timeouts.first_token"
        return f"no data came for {self._timeouts.idle:g} s, timeouts.idle"
