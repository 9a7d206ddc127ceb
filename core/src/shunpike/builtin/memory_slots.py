"""What has ended in one bucket and still counts, as the store in memory keeps it: small, however many there were."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from shunpike.ledger.bookkeeper import Span

SLOTS = 1_000
"""From twice as many slots on, those that expire together, to this part of the window, are counted as one."""

Slot = tuple[float, str]
"""Expiry, and the attempt whose end is not confirmed, else an empty text."""


class Slots:
    """One sum for each expiry, and one for each attempt in doubt."""

    def __init__(self) -> None:
        self._amounts: dict[Slot, int] = {}
        self._order: list[Slot] = []
        """A heap of the slots, and of some that are there no more."""
        self._doubtful: dict[str, float] = {}
        """Attempt whose end is not confirmed → the expiry of its slot."""
        self._last: float | None = None
        self._merge_at = 2 * SLOTS

    def __len__(self) -> int:
        """Return how many slots are kept."""
        return len(self._amounts)

    @property
    def total(self) -> int:
        """The sum of all."""
        return sum(self._amounts.values())

    @property
    def span(self) -> Span:
        """The earliest and the latest expiry."""
        while self._order and self._order[0] not in self._amounts:
            heappop(self._order)
        return Span(self._order[0][0], self._last) if self._order else Span(None, None)

    def add(self, expires: float, amount: int, attempt_id: str = "") -> None:
        """Let ``amount`` count until ``expires``; under the name of its attempt as long as its end is in doubt."""
        self._put((expires, attempt_id), amount)
        if len(self._amounts) >= self._merge_at:
            self._merge()

    def _put(self, slot: Slot, amount: int) -> None:
        if slot not in self._amounts:
            heappush(self._order, slot)
        self._amounts[slot] = self._amounts.get(slot, 0) + amount
        self._last = slot[0] if self._last is None else max(self._last, slot[0])
        if slot[1]:
            self._doubtful[slot[1]] = slot[0]

    def drop(self, now: float) -> int:
        """Take out what has expired; return how much that was."""
        freed = 0
        while self._order and self._order[0][0] <= now:
            slot = heappop(self._order)
            freed += self._amounts.pop(slot, 0)
            self._doubtful.pop(slot[1], None)
        if not self._amounts:
            self._last = None
        return freed

    def take_out(self, latest: float) -> list[tuple[str, int]]:
        """Take out what expires after ``latest``; return (attempt, amount) of each."""
        late = [(slot, amount) for slot, amount in self._amounts.items() if slot[0] > latest]
        for slot, _ in late:
            del self._amounts[slot]
        self._rebuild(lambda slot: slot)
        return [(attempt, amount) for (_, attempt), amount in late]

    def move(self, seconds: float) -> None:
        """Let everything expire by so much later: the wall clock was set."""
        self._rebuild(lambda slot: (slot[0] + seconds, slot[1]))

    def by_expiry(self) -> Sequence[tuple[float, int]]:
        """Return (expiry, amount), the earliest first."""
        return sorted((expires, amount) for (expires, _), amount in self._amounts.items())

    def correct(self, attempt_id: str, amount: int) -> int:
        """Let an attempt in doubt count as ``amount``, and no longer by its name; return how much more that is."""
        expires = self._doubtful.pop(attempt_id, None)
        if expires is None:
            return 0
        before = self._amounts.pop((expires, attempt_id))
        if amount:
            self.add(expires, amount)
        return amount - before

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
        before, self._amounts, self._order, self._doubtful, self._last = self._amounts, {}, [], {}, None
        for slot, amount in before.items():
            self._put(moved(slot), amount)
