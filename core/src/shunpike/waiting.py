"""Who waits for a full limit: a line for each bucket, persons before batches, first come first served.

Only the first of a line is woken; the others stand behind it, and so does everybody who comes later and needs that
bucket: small requests can't overtake a large one for ever. Nothing here waits by itself: see ``routing/waiting.py``.
It knows the requests of this process; what other processes hold is asked of the store now and then.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, NamedTuple

import anyio

from shunpike.types import Refusal


class Place(NamedTuple):
    """Where a request stands: the smaller, the earlier its turn."""

    batch: bool
    arrival: int


@dataclass(eq=False)
class Waiter:
    """One waiting request."""

    place: Place
    lines: dict[str, Refusal] = field(default_factory=dict)
    """Bucket → the refusal that it stands there for."""
    stirred: set[str] = field(default_factory=set)
    """Buckets at which something changed since it last looked."""
    turn: anyio.Event = field(default_factory=anyio.Event)
    """Set when it is worth looking again."""

    def look(self) -> set[str]:
        """Return what was stirred since the last look; from now on ``turn`` tells of what comes after."""
        stirred, self.stirred = self.stirred, set()
        self.turn = anyio.Event()
        return stirred

    def stir(self, bucket: str) -> None:
        """Wake it: something changed at ``bucket``."""
        self.stirred.add(bucket)
        self.turn.set()


class Queue:
    """The lines before all buckets of one client."""

    def __init__(self) -> None:
        self._lines: dict[str, list[tuple[Place, Waiter]]] = {}
        self._arrivals = count(1)
        self._running: dict[str, tuple[str, ...]] = {}
        """Attempt → the buckets that it holds something of."""
        self._held: Counter[str] = Counter()
        self.closed = False

    def arrive(self, claim: Literal["interactive", "batch"]) -> Waiter:
        """Return a request that has just come; it stands nowhere yet."""
        return Waiter(Place(claim == "batch", next(self._arrivals)))

    def stand(self, waiter: Waiter, lines: Mapping[str, Refusal]) -> None:
        """Let ``waiter`` stand before these buckets and no others; whoever becomes the first of a line is woken."""
        for bucket in [bucket for bucket in waiter.lines if bucket not in lines]:
            self._remove(waiter, bucket)
        for bucket, refusal in lines.items():
            if bucket not in waiter.lines:
                insort(self._lines.setdefault(bucket, []), (waiter.place, waiter), key=_place)
            waiter.lines[bucket] = refusal

    def leave(self, waiter: Waiter) -> None:
        """Let ``waiter`` stand nowhere any more; leaving again does nothing."""
        self.stand(waiter, {})

    def _remove(self, waiter: Waiter, bucket: str) -> None:
        del waiter.lines[bucket]
        line = self._lines[bucket]
        position = bisect_left(line, waiter.place, key=_place)
        del line[position]
        if not line:
            del self._lines[bucket]
        elif position == 0:
            line[0][1].stir(bucket)

    def is_first(self, waiter: Waiter, bucket: str) -> bool:
        """Return whether it is the turn of ``waiter`` at ``bucket``."""
        return self._lines[bucket][0][1] is waiter

    def ahead(self, place: Place, buckets: Iterable[str]) -> tuple[int, Refusal] | None:
        """Return how many come before ``place`` at a bucket, and why their first waits; None when the way is free."""
        for bucket in buckets:
            line = self._lines.get(bucket)
            before = bisect_left(line, place, key=_place) if line else 0
            if line and before:
                return before, line[0][1].lines[bucket]
        return None

    def began(self, attempt_id: str, buckets: Iterable[str]) -> None:
        """Note that an attempt runs which holds something of these buckets."""
        self._running[attempt_id] = held = tuple(buckets)
        self._held.update(held)

    def ended(self, attempt_id: str) -> None:
        """Note that it runs no more, and wake the first of each line: something came back. Again it does nothing."""
        for bucket in self._running.pop(attempt_id, ()):
            self._held[bucket] -= 1
            if not self._held[bucket]:
                del self._held[bucket]
            if bucket in self._lines:
                self._lines[bucket][0][1].stir(bucket)

    def running(self, bucket: str) -> int:
        """Return how many attempts of this process run that hold something of ``bucket``, or stand at that gate."""
        return self._held[bucket]

    def is_idle(self, bucket: str) -> bool:
        """Return whether nobody of this process holds something of ``bucket``, and at most one waits for it."""
        return bucket not in self._held and len(self._lines.get(bucket, ())) < 2

    def close(self) -> None:
        """Wake everybody, to be told that nobody will be admitted any more."""
        self.closed = True
        for line in self._lines.values():
            for _, waiter in line:
                waiter.turn.set()


def _place(entry: tuple[Place, Waiter]) -> Place:
    return entry[0]
