"""Who waits for a full limit: a line for each bucket, persons before batches, first come first served.

Only the first of a line is woken; the others stand behind it, and so does everybody who comes later and needs that
bucket: small requests can't overtake a large one for ever. Nothing here waits by itself: see ``routing/waiting.py``.
It knows the requests of this process; what other processes hold is asked of the store now and then.

A request stands before every limit that denied it last, one for each model that it could ask: not before all limits
that such a model needs. Of two that were full it stands before the one that opens last, and joins the other's line by
its old place if that one denies it then. To stand before both would keep from others what nobody uses: a budget with
room, of all providers, for as long as one model's minute is full. The price: where the two never have room at one time
when its turn comes, only its timeout ends its wait.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, NamedTuple
from weakref import WeakValueDictionary

import anyio

from shunpike.types import Denial

SWITCHES = "switches"
"""The bucket, of no limit, before which all stand that wait: it stirs when an operator changes something."""


class Place(NamedTuple):
    """Where a request stands: the smaller, the earlier its turn."""

    batch: bool
    arrival: int


@dataclass(eq=False)
class Waiter:
    """One waiting request."""

    place: Place
    lines: dict[str, Denial] = field(default_factory=dict)
    """Bucket → the denial that it stands there for."""
    unasked: set[str] = field(default_factory=set)
    """Those of them where the store was not asked, as by what this process itself asked for it could not fit."""
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
        self._waiters: WeakValueDictionary[int, Waiter] = WeakValueDictionary()
        """Arrival → request."""
        self._takes: dict[str, Mapping[str, int]] = {}
        """Attempt → what it takes of each bucket, from when the store is asked for it until it has ended."""
        self._taken: dict[str, int] = {}
        self._running: set[str] = set()
        """The attempts that were granted."""
        self._held: dict[str, int] = {}
        self.closed = False

    def arrive(self, priority: Literal["interactive", "batch"]) -> Waiter:
        """Return a request that has just come; it stands nowhere yet."""
        waiter = Waiter(Place(priority == "batch", next(self._arrivals)))
        self._waiters[waiter.place.arrival] = waiter
        return waiter

    def stand(self, waiter: Waiter, lines: Mapping[str, Denial]) -> None:
        """Let ``waiter`` stand before these buckets and no others; whoever becomes the first of a line is woken."""
        for bucket in [bucket for bucket in waiter.lines if bucket not in lines]:
            self._remove(waiter, bucket)
        for bucket, denial in lines.items():
            self._add(waiter, bucket, denial)

    def join(self, place: Place, denial: Denial, *, asked: bool) -> None:
        """Let the request of ``place``, if it is one of this queue's, stand before the bucket that denied it, too.

        Args:
            asked: Whether it was the store that denied it.

        """
        waiter = self._waiters.get(place.arrival)
        if waiter is None:
            return
        self._add(waiter, denial.bucket, denial)
        if asked:
            waiter.unasked.discard(denial.bucket)
        else:
            waiter.unasked.add(denial.bucket)

    def _add(self, waiter: Waiter, bucket: str, denial: Denial) -> None:
        if bucket not in waiter.lines:
            insort(self._lines.setdefault(bucket, []), (waiter.place, waiter), key=_place)
        waiter.lines[bucket] = denial

    def stir(self, bucket: str) -> None:
        """Wake all that stand before ``bucket``: something changed for each of them."""
        for _, waiter in self._lines.get(bucket, ()):
            waiter.stir(bucket)

    def leave(self, waiter: Waiter) -> None:
        """Let ``waiter`` stand nowhere any more; leaving again does nothing."""
        self.stand(waiter, {})

    def _remove(self, waiter: Waiter, bucket: str) -> None:
        del waiter.lines[bucket]
        waiter.unasked.discard(bucket)
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

    def ahead(self, place: Place, buckets: Iterable[str]) -> tuple[int, Denial] | None:
        """Return how many come before ``place`` at a bucket, and why their first waits; None when the way is free."""
        for bucket in buckets:
            line = self._lines.get(bucket)
            before = bisect_left(line, place, key=_place) if line else 0
            if line and before:
                return before, line[0][1].lines[bucket]
        return None

    def __contains__(self, attempt_id: str) -> bool:
        """Return whether an attempt of that name runs, or the store is being asked for it."""
        return attempt_id in self._takes

    def asked(self, attempt_id: str, takes: Mapping[str, int]) -> None:
        """Note that the store is asked for an attempt, and what it would take of each bucket; gates take nothing."""
        self._takes[attempt_id] = takes
        for bucket, amount in takes.items():
            self._taken[bucket] = self._taken.get(bucket, 0) + amount

    def began(self, attempt_id: str) -> None:
        """Note that an attempt runs: the store gave it what it was asked for."""
        self._running.add(attempt_id)
        for bucket in self._takes[attempt_id]:
            self._held[bucket] = self._held.get(bucket, 0) + 1

    def denied(self, attempt_id: str) -> None:
        """Note that the store gave an attempt nothing. Who was not let to ask it because of that is woken."""
        for bucket in self._forget(attempt_id):
            line = self._lines.get(bucket)
            if line and bucket in line[0][1].unasked:
                line[0][1].stir(bucket)

    def ended(self, attempt_id: str) -> None:
        """Note that it runs no more, and wake the first of each line: something came back. Again it does nothing."""
        for bucket in self._forget(attempt_id):
            if bucket in self._lines:
                self._lines[bucket][0][1].stir(bucket)

    def _forget(self, attempt_id: str) -> Iterable[str]:
        takes = self._takes.pop(attempt_id, {})
        for bucket, amount in takes.items():
            _subtract(self._taken, bucket, amount)
        if attempt_id in self._running:
            self._running.remove(attempt_id)
            for bucket in takes:
                _subtract(self._held, bucket, 1)
        return takes

    def taken(self, bucket: str) -> int:
        """Return how much of ``bucket`` the attempts of this process hold, or have asked the store for."""
        return self._taken.get(bucket, 0)

    def largest(self, bucket: str) -> int:
        """Return how much of ``bucket`` the largest of them takes."""
        return max((takes.get(bucket, 0) for takes in self._takes.values()), default=0)

    def running(self, bucket: str) -> int:
        """Return how many attempts of this process run that hold something of ``bucket``, or stand at that gate."""
        return self._held.get(bucket, 0)

    def is_idle(self, bucket: str) -> bool:
        """Return whether nobody of this process holds something of ``bucket``, and at most one waits for it."""
        return bucket not in self._held and len(self._lines.get(bucket, ())) < 2

    def close(self) -> None:
        """Wake everybody, to be told that nobody will be admitted any more."""
        self.closed = True
        for line in self._lines.values():
            for _, waiter in line:
                waiter.turn.set()


def in_time(denial: Denial, until: float) -> bool:
    """Return whether what was denied may open before ``until``, in epoch seconds."""
    if denial.impossible or denial.retry_at is None:
        return False
    return denial.held or denial.retry_at < until


def _subtract(counts: dict[str, int], bucket: str, amount: int) -> None:
    left = counts.get(bucket, 0) - amount
    if left:
        counts[bucket] = left
    else:
        counts.pop(bucket, None)


def _place(entry: tuple[Place, Waiter]) -> Place:
    return entry[0]
