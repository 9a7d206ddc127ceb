"""The source of time for all code: what takes a `Clock` can be run on a virtual one."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, runtime_checkable

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

    def move_on_after(self, seconds: float, *, shield: bool = False) -> AbstractContextManager[anyio.CancelScope]:
        """Return a context that is cancelled when ``seconds`` have passed, as `anyio.move_on_after` does."""
        ...

    def fail_after(self, seconds: float, *, shield: bool = False) -> AbstractContextManager[anyio.CancelScope]:
        """Return a context that raises `TimeoutError` when ``seconds`` have passed, as `anyio.fail_after` does."""
        ...

    def outside(self) -> AbstractContextManager[None]:
        """Return a context for a wait on something real, such as a socket or a thread: virtual time stands still."""
        ...


class FailAfter:
    """A context that raises `TimeoutError` where the one in it was ended by its own time."""

    __slots__ = ("_bound", "_scope")

    def __init__(self, bound: AbstractContextManager[anyio.CancelScope]) -> None:
        self._bound = bound

    def __enter__(self) -> anyio.CancelScope:
        self._scope = self._bound.__enter__()
        return self._scope

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        swallowed = self._bound.__exit__(kind, error, trace)
        if self._scope.cancelled_caught:
            raise TimeoutError
        return bool(swallowed)


class Uptime(NamedTuple):
    """How long the machine has run, asleep or awake: the same in all of its processes, and set by nobody."""

    boot: str
    """Which start of which machine; empty where the system does not name it."""
    seconds: float


@runtime_checkable
class UptimeClock(Clock, Protocol):
    """A clock that all processes of the machine share."""

    def uptime(self) -> Uptime:
        """Return how long the machine has run."""
        ...


def uptime_of(clock: Clock) -> Uptime:
    """Return how long the machine of ``clock`` has run; a clock that can't tell is one of its own machine."""
    if isinstance(clock, SystemClock | UptimeClock):
        return clock.uptime()
    return Uptime(f"{os.getpid()}-{id(clock)}", clock.monotonic())


@cache
def boot_name() -> str:
    """Return which start of which machine this is, empty where the system does not name it."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


_OUTSIDE = nullcontext()
_UPTIME = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""The clock that counts on while the machine sleeps: elsewhere than on Linux, the monotonic one does."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the wall time, seconds since the epoch (UTC)."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds of a clock that is never set back."""
        return time.monotonic()

    def uptime(self) -> Uptime:
        """Return how long the machine has run."""
        seconds = time.monotonic() if _UPTIME is None else time.clock_gettime(_UPTIME)
        return Uptime(boot_name(), seconds)

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of real time."""
        await anyio.sleep(seconds)

    def move_on_after(self, seconds: float, *, shield: bool = False) -> AbstractContextManager[anyio.CancelScope]:
        """Return a context that is cancelled when ``seconds`` of real time have passed."""
        return anyio.CancelScope(deadline=anyio.current_time() + seconds, shield=shield)

    def fail_after(self, seconds: float, *, shield: bool = False) -> AbstractContextManager[anyio.CancelScope]:
        """Return a context that raises `TimeoutError` when ``seconds`` of real time have passed."""
        return FailAfter(self.move_on_after(seconds, shield=shield))

    def outside(self) -> AbstractContextManager[None]:
        """Return a context that does nothing: all of this clock's time is real."""
        return _OUTSIDE


def moment(at: float) -> datetime:
    """Return the aware UTC datetime of ``at`` (epoch seconds)."""
    return datetime.fromtimestamp(at, UTC)


def duration(span: float) -> str:
    """Return ``58 s``, ``3 h 12 min`` or ``2 d 4 h``."""
    if span < 60:
        return f"{max(span, 0):.1f} s" if span < 10 else f"{span:.0f} s"
    minutes = round(span / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def when(at: float, now: float) -> str:
    """Return the moment ``at`` (epoch seconds) for a person: ``17:30, in 3 h 12 min``, by the local clock.

    What is not today is ``tomorrow 08:00, in 11 h`` or has a date; what is within a minute has its second.
    """
    local, today = moment(at).astimezone(), moment(now).astimezone().date()
    clock = f"{local:%H:%M:%S}" if at - now < 60 else f"{local:%H:%M}"
    days = (local.date() - today).days
    day = "" if days == 0 else "tomorrow " if days == 1 else f"{local:%Y-%m-%d} "
    return f"{day}{clock}, in {duration(at - now)}"
