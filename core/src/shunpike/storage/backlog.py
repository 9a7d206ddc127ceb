"""What could not be written yet, and is tried again until it is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

FIRST_WAIT = 0.1
LONGEST_WAIT = 30.0
"""Seconds until the next try: each time twice as long."""
ROOM = 10_000
"""So much is kept. Without a ledger nothing new is admitted, so there is never nearly as much."""


class Backlog(Generic[T]):
    """A list in order, and the moment of the next try. Used by one thread; others may ask for its length.

    What is dropped for want of room, the oldest, stays held in the books, and is unconfirmed after this process.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._waiting: deque[T] = deque(maxlen=ROOM)
        self._under_way = 0
        self._wait = FIRST_WAIT
        self._next_mono = 0.0

    def __len__(self) -> int:
        """Return how much is not written yet."""
        return len(self._waiting) + self._under_way

    def keep(self, new: Iterable[T]) -> None:
        """Take on what has just failed, behind the others."""
        for one in new:
            if not self._waiting:
                self._wait, self._next_mono = FIRST_WAIT, self._monotonic() + FIRST_WAIT
            self._waiting.append(one)

    def seconds(self) -> float | None:
        """Return how long it is until the next try, None where nothing waits."""
        return max(0.0, self._next_mono - self._monotonic()) if self._waiting else None

    def hurry(self) -> None:
        """Let the next try be now: something else was just written."""
        self._next_mono = self._monotonic()

    def due(self, count: int) -> list[T]:
        """Take out the first ``count`` where it is time; `tried` is to be told what became of them."""
        if not self._waiting or self._next_mono > self._monotonic():
            return []
        taken = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        self._under_way = len(taken)
        return taken

    def tried(self, failed: Iterable[T], *, any_done: bool) -> None:
        """Keep what failed once more, before the others; the next try is at once after a success, else later."""
        self._waiting.extendleft(reversed(list(failed)))
        self._under_way = 0
        self._wait = FIRST_WAIT if any_done else min(2 * self._wait, LONGEST_WAIT)
        self._next_mono = self._monotonic() + (0.0 if any_done else self._wait)
