"""How long to wait for the next bytes of an answer: each stage has its own bound, and all together have one."""

from __future__ import annotations

import anyio

from shunpike.types import Timeouts


class Patience:
    """The deadline of one exchange. It begins with the wait for the first data; times are the event loop's seconds."""

    def __init__(self, timeouts: Timeouts) -> None:
        now = anyio.current_time()
        self._timeouts = timeouts
        self._latest = now + timeouts.total
        self._deadline = min(now + timeouts.first_token, self._latest)
        self._first = True

    @property
    def deadline(self) -> float:
        """The end of this stage."""
        return self._deadline

    def beat(self) -> None:
        """Note that data came: the next must come within ``idle``."""
        self._first = False
        self._deadline = min(anyio.current_time() + self._timeouts.idle, self._latest)

    def until_the_end(self) -> None:
        """Wait for all the rest as for one piece: only the bound of the whole holds."""
        self._first = False
        self._deadline = self._latest

    def lost(self) -> str:
        """Return which bound was overstepped, for a person."""
        if anyio.current_time() >= self._latest:
            return f"the answer was not complete after {self._timeouts.total:g} s"
        if self._first:
            return f"nothing came within {self._timeouts.first_token:g} s"
        return f"no data came for {self._timeouts.idle:g} s"
