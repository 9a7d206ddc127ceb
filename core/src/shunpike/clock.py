"""The only door to time: what takes a `Clock` can be run on a virtual one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

import anyio


@runtime_checkable
class Clock(Protocol):
    """Wall time in epoch seconds for days and resets, monotonic seconds for intervals."""

    def now(self) -> float:
        """Return the wall time, seconds since the epoch (UTC)."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that is never set back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a virtual clock moves forward instead."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the wall time, seconds since the epoch (UTC)."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds of a clock that is never set back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of real time."""
        await anyio.sleep(seconds)


def moment(at: float) -> datetime:
    """Return the aware UTC datetime of ``at`` (epoch seconds)."""
    return datetime.fromtimestamp(at, UTC)
