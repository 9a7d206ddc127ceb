"""Admitting and settling on a working set, for a store that does it in one thread, wherever its rows are.

A store says how a bucket is found and made, how slots are taken out, and where attempts stand; the order of the steps,
and so every rule, is here. Only a store that must ask for many rows at once walks the same steps by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple, Protocol

from shunpike.ledger.rows import HeldRow, held_row
from shunpike.ledger.slots import Look, Part, evaluate_holds
from shunpike.ledger.working_set import Bucket, WorkingSet
from shunpike.types import Denial, Grant, Hold, Limit, Reservation, Settlement


class Times(Protocol):
    """The clock of a store, as `Steady` is one."""

    @property
    def wall(self) -> float:
        """The wall's time at the last look; 0 where nobody looks."""
        ...

    def asked(self, at: float) -> float:
        """Return the moment of a reservation."""
        ...

    def told(self, one: Settlement) -> Settlement:
        """Return a settlement whose moments are by the wall clock as it is set now."""
        ...


class Span(NamedTuple):
    """The earliest and the latest expiry of a bucket's slots."""

    first: float | None
    last: float | None


class Bookkeeper(ABC):
    """Works on one set of books. Its methods are called one after the other, inside the store's transactions.

    Args:
        guard: Seconds, see ``ledger/windows.py``.
        times: The store's clock.

    """

    def __init__(self, guard: float, times: Times) -> None:
        self._guard = guard
        self._times = times
        self._set = WorkingSet(guard)

    @abstractmethod
    def _find(self, name: str | int) -> Bucket | None:
        """Bring in the bucket of that name, or of that key; None = there is none yet."""

    @abstractmethod
    def _make(self, name: str, limit: Limit) -> Bucket:
        """Make a bucket that is not there yet, and bring it in."""

    @abstractmethod
    def _ended(self, bucket: Bucket) -> Iterable[tuple[float, int]]:
        """Return (expiry, amount) of its slots, the earliest first."""

    @abstractmethod
    def _drop(self, bucket: Bucket, now: float) -> tuple[int, Span]:
        """Take out the slots that have expired; return how much that was, and what is left."""

    @abstractmethod
    def _take_out(self, bucket: Bucket, latest: float) -> list[tuple[str, int]]:
        """Take out the slots that expire after ``latest``; return (attempt, amount) of each."""

    @abstractmethod
    def _begin(self, reservation: Reservation, held: HeldRow) -> None:
        """Write down an attempt that was admitted. Raises `StoreError` where it is there already."""

    @abstractmethod
    def _end(self, attempt_id: str, settlement: Settlement) -> HeldRow | None:
        """Write down how an attempt ended and return what it held; None = it is not held, nothing is changed."""

    @abstractmethod
    def _bring_learned(self, settlement: Settlement) -> None:
        """Bring in the observations and factors that the settlement speaks of, where known."""

    def _may_recover(self, now: float) -> bool:
        """Look for dead owners now and then, and return whether they held something; a store may have no others."""
        del now
        return False

    def admit(self, reservation: Reservation) -> Grant | Denial:
        """Take every hold or none. Before a denial, what dead owners still hold is looked for now and then."""
        asked = self._times.asked(reservation.reserved_at)
        if asked != reservation.reserved_at:
            reservation = reservation.model_copy(update={"reserved_at": asked})
        denial = self._evaluate(reservation)
        if denial is not None and not denial.impossible and self._may_recover(reservation.reserved_at):
            denial = self._evaluate(reservation)
        if denial is not None:
            return denial
        grant = self._set.take(reservation)
        self._begin(reservation, held_row(reservation, self._set.holds_of(reservation)))
        return grant

    def _evaluate(self, reservation: Reservation) -> Denial | None:
        now = reservation.reserved_at
        return evaluate_holds(reservation.holds, now, lambda hold: self._look(hold, now), self._guard)

    def _look(self, hold: Hold, now: float) -> Look:
        if not hold.amount:
            return self._set.look(hold, now, tuple)
        bucket = self._bring(hold)
        self._freshen(bucket, now)
        return self._set.look(hold, now, partial(self._ended, bucket))

    def _known(self, name: str) -> Bucket | None:
        return self._set.buckets.get(name) or self._find(name)

    def _bring(self, hold: Hold) -> Bucket:
        return self._known(hold.bucket) or self._make(hold.bucket, hold.limit)

    def _freshen(self, bucket: Bucket, now: float) -> None:
        """Remove what has expired, and pull in what a clock that was set back made too late."""
        self._expire(bucket, now)
        # Not by the moment at which somebody asked: a process that stood still since then set no clock back.
        latest = bucket.beyond(max(now, self._times.wall), self._guard)
        if latest is not None:
            gone = self._take_out(bucket, latest)
            first = None if bucket.first is None or bucket.first > latest else bucket.first
            self._set.touch(bucket).forget(sum(amount for _, amount in gone), first, latest)
            for attempt, amount in gone:
                self._set.add(bucket, Part(amount, latest), attempt)

    def _expire(self, bucket: Bucket, now: float) -> None:
        if bucket.is_due(now):
            freed, left = self._drop(bucket, now)
            self._set.touch(bucket).forget(freed, *left)

    def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        """Settle a held attempt once; False changes nothing."""
        settlement = self._times.told(settlement)
        held = self._end(attempt_id, settlement)
        if held is None:
            return False
        for key, _ in held.holds:
            if key not in self._set.by_key:
                self._find(key)
        for charge in settlement.charges:
            self._expire(self._bring(charge), settlement.at)
        if settlement.limit_updates or settlement.samples:
            self._bring_learned(settlement)
            self._bring_updated(settlement)
        self._set.end(held, settlement, self._times.wall)
        return True

    def _bring_updated(self, settlement: Settlement) -> None:
        for update in settlement.limit_updates:
            name = update.observation.bucket
            bucket = self._known(name)
            if bucket is None and (update.begins or update.observation.unlisted is not None):
                bucket = self._make(name, update.limit)
            if bucket is not None:
                # A settlement may come late: its moment shows what has expired, not whether the clock was set back.
                self._expire(bucket, settlement.at)
