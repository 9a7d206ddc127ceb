"""A clock that tests turn: a month passes in a moment, and always in the same way."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from heapq import heapify, heappush
from itertools import count

import anyio
from anyio.lowlevel import checkpoint

from shunpike.clock import Uptime

_BOOTS = count()

_TURNS = 10
"""Times that every other task may run before time jumps, so that they can go to sleep first."""


@dataclass(order=True)
class _Sleeper:
    deadline: float
    order: int
    turn: anyio.Event = field(default_factory=anyio.Event, compare=False)


class VirtualClock:
    """Time that passes only when somebody sleeps, or when it is told to.

    With ``auto`` a sleep jumps to its end, the earliest of several sleepers first. Without it, sleepers wait for
    `advance`. Other tasks get a few turns before each jump; what they wait for outside of this process (sockets,
    threads) is not waited for.
    """

    def __init__(self, start: float = 1_800_000_000.0, *, auto: bool = True) -> None:
        self._wall = start
        self._monotonic = 0.0
        self._boot = f"virtual-{os.getpid()}-{next(_BOOTS)}"
        self._auto = auto
        self._order = count()
        self._sleepers: list[_Sleeper] = []
        self._woken = 0
        """How many sleeps have ended: whoever woke last has its turns before time jumps again."""

    def now(self) -> float:
        """Return the wall time, seconds since the epoch (UTC)."""
        return self._wall + self._monotonic

    def monotonic(self) -> float:
        """Return seconds since the clock was made; never set back."""
        return self._monotonic

    def uptime(self) -> Uptime:
        """Return seconds since the clock was made, as those of a machine of its own."""
        return Uptime(self._boot, self._monotonic)

    async def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` have passed: at once in real time with ``auto``."""
        sleeper = _Sleeper(self._monotonic + max(seconds, 0.0), next(self._order))
        heappush(self._sleepers, sleeper)
        try:
            while not await self._wakes(sleeper):
                await sleeper.turn.wait()
                sleeper.turn = anyio.Event()
        finally:
            self._sleepers.remove(sleeper)
            self._woken += 1
            heapify(self._sleepers)
            self._call_first()

    async def _wakes(self, sleeper: _Sleeper) -> bool:
        """Give the others their turns, then tell whether it is time, which with ``auto`` is made so."""
        woken = -1
        while woken != self._woken:
            woken = self._woken
            for _ in range(_TURNS if self._auto else 1):
                await checkpoint()
            if self._sleepers[0] is not sleeper:
                return False
        if self._auto:
            self._monotonic = max(self._monotonic, sleeper.deadline)
        return self._monotonic >= sleeper.deadline

    def _call_first(self) -> None:
        if self._sleepers:
            self._sleepers[0].turn.set()

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass; sleepers whose time has come wake one after the other, in order."""
        if seconds < 0:
            raise ValueError(f"time does not pass backwards, got {seconds}; to set the wall clock back use set_back")
        self._monotonic += seconds
        self._call_first()

    def set_back(self, seconds: float) -> None:
        """Set the wall clock back (a negative number: forward); the monotonic one goes on."""
        self._wall -= seconds
