"""A clock that moves when everybody waits: a week passes in a moment, and always in the same way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

import anyio

from shunpike.clock import FailAfter, Uptime
from shunpike.event_loop import call_soon, current_loop

_BOOTS = count()

_TURNS = 10
"""Times that every task may run before time jumps, so that they can begin to wait first."""
_FEW = 64
"""Timers that are over may stay in the heap until there are so many."""


@dataclass(eq=False, slots=True)
class _Timer:
    at_mono: float
    fire: Callable[[], None]
    loop: Any
    sleeps: bool
    """Whether a task sleeps for it, which ends the timer when it has woken."""
    live: bool = True


class VirtualClock:
    """Time that passes only when nobody has anything to do but wait, or when it is told to.

    With ``auto`` it jumps to the earliest end of a sleep or a timeout once all tasks had a few turns and none is
    `outside`. Without it, they wait for `advance`.
    """

    def __init__(self, start: float = 1_800_000_000.0, *, auto: bool = True) -> None:
        self._wall = start
        self._monotonic = 0.0
        self._boot = f"virtual-{os.getpid()}-{next(_BOOTS)}"
        self._auto = auto
        self._order = count()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._live = 0
        self._outside = 0
        """How many tasks wait for something real."""
        self._driver: Any = None
        """The event loop whose turns are counted."""
        self._turns = 0
        """How many there were since something last began or ended to wait."""

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
        turn = anyio.Event()
        timer = self._begin(seconds, turn.set, sleeps=True)
        try:
            await turn.wait()
        finally:
            self._end(timer)

    def move_on_after(self, seconds: float, *, shield: bool = False) -> AbstractContextManager[anyio.CancelScope]:
        """Return a context that ends when ``seconds`` have passed; ``cancelled_caught`` of its scope tells."""
        return self._bound(seconds, anyio.CancelScope(shield=shield))

    def fail_after(self, seconds: float, *, shield: bool = False) -> AbstractContextManager[anyio.CancelScope]:
        """Return a context that raises `TimeoutError` when ``seconds`` have passed."""
        return FailAfter(self.move_on_after(seconds, shield=shield))

    @contextmanager
    def _bound(self, seconds: float, scope: anyio.CancelScope) -> Iterator[anyio.CancelScope]:
        with scope:
            if seconds <= 0:
                scope.cancel()
            timer = self._begin(seconds, scope.cancel, sleeps=False)
            try:
                yield scope
            finally:
                self._end(timer)

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Return a context in which time stands still: what is waited for in it takes real time."""
        self._outside += 1
        try:
            yield
        finally:
            self._outside -= 1
            self._stir()

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass; sleepers whose time has come wake one after the other, in order."""
        if seconds < 0:
            raise ValueError(f"time does not pass backwards, got {seconds}; to set the wall clock back use set_back")
        self._monotonic += seconds
        if not self._auto:
            self._fire_due()

    def set_back(self, seconds: float) -> None:
        """Set the wall clock back (a negative number: forward); the monotonic one goes on."""
        self._wall -= seconds

    def _begin(self, seconds: float, fire: Callable[[], None], *, sleeps: bool) -> _Timer:
        timer = _Timer(self._monotonic + max(seconds, 0.0), fire, current_loop(), sleeps)
        heappush(self._timers, (timer.at_mono, next(self._order), timer))
        self._live += 1
        if self._auto:
            self._stir()
        elif timer.at_mono <= self._monotonic:
            self._fire(timer)
        return timer

    def _end(self, timer: _Timer) -> None:
        if timer.live:
            self._forget(timer)
        if self._auto:
            self._stir()
        elif timer.sleeps:
            self._fire_due()

    def _forget(self, timer: _Timer) -> None:
        timer.live = False
        self._live -= 1
        if len(self._timers) > _FEW + 2 * self._live:
            self._timers = [entry for entry in self._timers if entry[2].live]
            heapify(self._timers)

    def _first(self) -> _Timer | None:
        while self._timers and not self._timers[0][2].live:
            heappop(self._timers)
        return self._timers[0][2] if self._timers else None

    def _fire(self, timer: _Timer) -> None:
        self._forget(timer)
        if timer.loop is _running_loop():
            timer.fire()
        else:
            with suppress(RuntimeError):  # A loop that has ended has nobody waiting.
                call_soon(timer.loop, timer.fire)

    def _fire_due(self) -> None:
        """Fire what is due, up to the first sleeper: the next is called when that one has woken."""
        while (first := self._first()) is not None and first.at_mono <= self._monotonic:
            self._fire(first)
            if first.sleeps:
                return

    def _stir(self) -> None:
        """Note that somebody did something: all others have their turns before time jumps."""
        self._turns = 0
        if self._auto and self._live and not self._outside:
            loop = current_loop()
            if self._driver is not loop:
                self._driver = loop
                call_soon(loop, self._turn, loop)

    def _turn(self, loop: Any) -> None:
        """Count a turn of ``loop``, and after enough of them let time jump."""
        if self._driver is not loop:
            return
        first = self._first()
        if first is None or self._outside:
            self._driver = None
            return
        self._turns += 1
        if self._turns > _TURNS:
            self._turns = 0
            self._monotonic = max(self._monotonic, first.at_mono)
            self._fire(first)
        call_soon(loop, self._turn, loop)


def _running_loop() -> Any:
    """Return the event loop that runs in this thread, None where none does."""
    try:
        return current_loop()
    except RuntimeError:
        return None
