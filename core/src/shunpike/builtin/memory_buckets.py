"""What counts in one limit, as the store in memory keeps it: small, however many attempts have ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from shunpike.ledger.windows import CLOCK_SLACK, Window, last_expiry

SLOTS = 1_000
"""From twice as many slots on, those that expire together, to this part of the window, are counted as one."""

Slot = tuple[float, str]
"""Expiry, and the attempt whose end is not confirmed, else an empty text."""


class Bucket:
    """What runs, and what has ended and still counts: one sum for each expiry.

    Args:
        rolling: Whether its window passes by the second, whatever the wall clock shows.

    """

    def __init__(self, *, rolling: bool = False) -> None:
        self.rolling = rolling
        self.used = 0
        self.in_flight = 0
        self.last: float | None = None
        """The latest expiry."""
        self._amounts: dict[Slot, int] = {}
        self._order: list[Slot] = []
        """A heap of the slots, and of some that are there no more."""
        self._doubtful: dict[str, float] = {}
        """Attempt whose end is not confirmed → the expiry of its slot."""
        self._merge_at = 2 * SLOTS

    @property
    def is_empty(self) -> bool:
        """Whether nothing counts, so that it can be forgotten."""
        return not (self.used or self.in_flight or self._amounts)

    @property
    def adds_up(self) -> bool:
        """Whether ``used`` is the sum of what it stands for."""
        return self.used == self.in_flight + sum(self._amounts.values())

    def __len__(self) -> int:
        """Return how many slots are kept."""
        return len(self._amounts)

    def take(self, amount: int) -> None:
        """Let ``amount`` be in flight."""
        self.used += amount
        self.in_flight += amount

    def land(self, amount: int) -> None:
        """Let ``amount`` no longer be in flight: what of it still counts is to be added."""
        self.used -= amount
        self.in_flight -= amount

    def add(self, expires: float, amount: int, attempt_id: str = "") -> None:
        """Let ``amount`` count until ``expires``; under the name of its attempt as long as its end is in doubt."""
        self.used += amount
        self._put((expires, attempt_id), amount)
        if len(self._amounts) >= self._merge_at:
            self._merge()

    def _put(self, slot: Slot, amount: int) -> None:
        if slot not in self._amounts:
            heappush(self._order, slot)
        self._amounts[slot] = self._amounts.get(slot, 0) + amount
        self.last = slot[0] if self.last is None else max(self.last, slot[0])
        if slot[1]:
            self._doubtful[slot[1]] = slot[0]

    def drop(self, now: float) -> None:
        """Take out what has expired."""
        while self._order and self._order[0][0] <= now:
            slot = heappop(self._order)
            self.used -= self._amounts.pop(slot, 0)
            self._doubtful.pop(slot[1], None)
        if not self._order:
            self.last = None

    def expire(self, window: Window, now: float, guard: float, latest_now: float = 0.0) -> None:
        """Take out what has expired, and pull in what a clock that was set back since made too late."""
        self.drop(now)
        # Not by the moment at which somebody asked: who stood still since then set no clock back.
        latest = last_expiry(window, max(now, latest_now), guard)
        if self.last is not None and self.last > latest + CLOCK_SLACK:
            # Nothing counts longer than what ends now would.
            self._rebuild(lambda slot: (min(slot[0], latest), slot[1]))

    def move(self, seconds: float) -> None:
        """Let everything expire by so much later: the wall clock was set."""
        self._rebuild(lambda slot: (slot[0] + seconds, slot[1]))

    def by_expiry(self) -> Iterable[tuple[float, int]]:
        """Return (expiry, amount), the earliest first."""
        return sorted((expires, amount) for (expires, _), amount in self._amounts.items())

    def correct(self, attempt_id: str, amount: int) -> None:
        """Let an attempt in doubt count as ``amount`` from now on, and no longer by its name."""
        expires = self._doubtful.pop(attempt_id, None)
        if expires is not None:
            self.used -= self._amounts.pop((expires, attempt_id))
            if amount:
                self.add(expires, amount)

    def believe(self, attempt_id: str) -> None:
        """Let an attempt in doubt count on as it does, no longer by its name."""
        expires = self._doubtful.get(attempt_id)
        if expires is not None:
            self.correct(attempt_id, self._amounts[expires, attempt_id])

    def _merge(self) -> None:
        """Count as one what expires within a short time, until the last of it does: a little too long, never less.

        The cells are powers of two, so that merging again what was merged moves nothing by more than one cell.
        """
        certain = [expires for expires, owner in self._amounts if not owner]
        if certain:
            cell = 2.0 ** math.ceil(math.log2(max(max(certain) - min(certain), 1e-6) / SLOTS))
            last: dict[int, float] = {}
            for expires in certain:
                last[int(expires // cell)] = max(expires, last.get(int(expires // cell), 0.0))
            self._rebuild(lambda slot: slot if slot[1] else (last[int(slot[0] // cell)], ""))
        self._merge_at = max(2 * SLOTS, 2 * len(self._amounts))

    def _rebuild(self, moved: Callable[[Slot], Slot]) -> None:
        before, self._amounts, self._order, self._doubtful, self.last = self._amounts, {}, [], {}, None
        for slot, amount in before.items():
            self._put(moved(slot), amount)
