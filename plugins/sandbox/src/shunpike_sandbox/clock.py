"""The only door to time, so that a month can be played in a second."""

from __future__ import annotations

import time
from typing import Protocol

import anyio


class SandboxClock(Protocol):
    """Tells the time and waits; a simulation brings its own."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait until ``seconds`` have passed on this clock."""
        ...


class WallClock:
    """Real time."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await anyio.sleep(seconds)
