"""The books of the store in memory: a working set that is never written, and the slots beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from typing_extensions import override

from shunpike.builtin.memory_attempts import Attempts
from shunpike.builtin.memory_slots import Slots
from shunpike.clock import Clock
from shunpike.errors import AttemptExists, StoreError
from shunpike.ledger.bookkeeper import Bookkeeper, Span
from shunpike.ledger.rows import HeldRow, SlotRow, ended_row
from shunpike.ledger.slots import Counted, remaining_of, room_at
from shunpike.ledger.steady import Steady, begun
from shunpike.ledger.working_set import Bucket
from shunpike.types import Denial, Grant, Hold, Limit, Money, Remaining, Reservation, Rolling, Settlement

SWEEP_EVERY = 1_000
"""Settlements between two looks for limits that nothing counts in any more."""
FACTORS = 10_000
"""Names of which token counts are remembered, those that were seen last."""


class _AsAsked:
    """The times of whoever asks, for a store without a clock."""

    wall = 0.0

    def asked(self, at: float) -> float:
        """Return the moment as it was told."""
        return at

    def told(self, one: Settlement) -> Settlement:
        """Return the settlement as it was told."""
        return one

    def look(self) -> float:
        """Return 0: nobody sets this clock."""
        return 0.0


class MemoryBooks(Bookkeeper):
    """All there is of the ledger. ``clock`` None = time is what whoever asks says it is."""

    def __init__(self, guard: float, clock: Clock | None) -> None:
        self._clock = _AsAsked() if clock is None else Steady(clock, begun(clock))
        super().__init__(guard, self._clock)
        self.attempts = Attempts()
        self.blocks = self._set.blocks
        self.observations = self._set.observations
        self.factors = self._set.factors
        self._slots: dict[int, Slots] = {}
        self._keys = count(1)
        self._held: dict[str, HeldRow] = {}
        self._settled = 0

    def __len__(self) -> int:
        """Return in how many buckets something counts."""
        return len(self._slots)

    def begin(self) -> None:
        """Move what passes by the second along with a wall clock that was set. Called first."""
        seconds = self._clock.look()
        if seconds:
            for bucket in self._set.by_key.values():
                if isinstance(bucket.window, Rolling):
                    self._slots[bucket.key].move(seconds)
                    bucket.first, bucket.last = self._slots[bucket.key].span
                    bucket.admitted_at = None if bucket.admitted_at is None else bucket.admitted_at + seconds
            self.blocks.move(seconds)

    def flush(self) -> None:
        """Keep the slots that were made; all else is kept already. Called last."""
        self._keep(self._set.keep_changes())

    def _keep(self, rows: Iterable[SlotRow]) -> None:
        for key, expires, attempt_id, amount in rows:
            self._slots[key].add(expires, amount, attempt_id)

    def _slots_of(self, bucket: Bucket) -> Slots:
        """Return the slots of a bucket, with those that were just made."""
        self._keep(self._set.take_slots())
        return self._slots[bucket.key]

    @override
    def _find(self, name: str | int) -> None:
        """Return None: what there is, is in the set."""

    @override
    def _make(self, name: str, limit: Limit) -> Bucket:
        bucket = Bucket(next(self._keys), name, limit.unit, limit.window)
        self._slots[bucket.key] = Slots()
        return self._set.bring(bucket)

    @override
    def _ended(self, bucket: Bucket) -> Sequence[tuple[float, int]]:
        return self._slots_of(bucket).by_expiry()

    @override
    def _drop(self, bucket: Bucket, now: float) -> tuple[int, Span]:
        slots = self._slots_of(bucket)
        return slots.drop(now), slots.span

    @override
    def _take_out(self, bucket: Bucket, latest: float) -> list[tuple[str, int]]:
        return self._slots_of(bucket).take_out(latest)

    @override
    def admit(self, reservation: Reservation) -> Grant | Denial:
        """Take every hold or none. Raises `StoreError` for an attempt that was admitted before."""
        if reservation.attempt_id in self.attempts:
            raise AttemptExists(f"attempt {reservation.attempt_id!r} is already in the ledger")
        return super().admit(reservation)

    @override
    def _begin(self, reservation: Reservation, held: HeldRow) -> None:
        self.attempts.held[reservation.attempt_id] = reservation
        self._held[reservation.attempt_id] = held

    @override
    def _end(self, attempt_id: str, settlement: Settlement) -> HeldRow | None:
        held = self._held.pop(attempt_id, None)
        if held is not None:
            for name, doubtful in self.attempts.end(attempt_id, settlement, ended_row(held, settlement)):
                for bucket in self._known_of(doubtful.buckets):
                    self._slots[bucket.key].believe(name)
        return held

    def _known_of(self, names: Iterable[str]) -> list[Bucket]:
        return [self._set.buckets[name] for name in names if name in self._set.buckets]

    @override
    def _bring_learned(self, settlement: Settlement) -> None:
        for sample in settlement.samples:
            if sample.name in self.factors:  # what was seen last comes last
                self.factors[sample.name] = self.factors.pop(sample.name)

    @override
    def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        """Settle a held attempt once; now and then, forget what expired where nobody looked."""
        done = super().settle(attempt_id, settlement)
        self._settled += done
        if done and self._settled % SWEEP_EVERY == 0:
            self.flush()
            self._sweep(max(settlement.at, self._clock.wall))
        return done

    def _sweep(self, now: float) -> None:
        for bucket in list(self._set.by_key.values()):
            self._expire(bucket, now)
            if not (bucket.used or len(self._slots[bucket.key])):
                self._set.leave_out(bucket)
                del self._slots[bucket.key]
        self.blocks.forget(now)
        for name in list(self.factors)[:-FACTORS]:
            del self.factors[name]

    def reconcile(self, attempt_id: str, cost: Money) -> bool:
        """Settle an attempt whose end is not known at ``cost``; False when it is none."""
        names = self.attempts.reconcile(attempt_id, cost)
        for bucket in self._known_of(names or ()):
            bucket.used += self._slots[bucket.key].correct(attempt_id, cost.pico)
        return names is not None

    def remaining(self, hold: Hold, now: float) -> Remaining:
        """Return what is left of a hold's limit."""
        bucket = self._set.buckets.get(hold.bucket)
        if bucket is None:
            return remaining_of(hold, now, Counted(), self._guard)
        self._freshen(bucket, now)
        counted = Counted(bucket.used, bucket.in_flight, bucket.last, bucket.admitted_at)
        return remaining_of(hold, now, counted, self._guard)

    def opening(self, hold: Hold, now: float) -> float | None:
        """Return from when on there is room for a hold; None = not by waiting."""
        bucket = self._set.buckets.get(hold.bucket)
        if bucket is None:
            return now
        self._freshen(bucket, now)
        return room_at(hold, now, Counted(bucket.used, bucket.in_flight), self._ended(bucket), self._guard)

    def check(self) -> tuple[int, int]:
        """Return how many attempts are kept one by one, and how many of them are held.

        Raises `StoreError` when a bucket's figures are not the sum of what they stand for.
        """
        for bucket in self._set.by_key.values():
            if bucket.used != bucket.in_flight + self._slots[bucket.key].total:
                raise StoreError(f"the books of {bucket.name} in memory don't add up")
        return len(self.attempts), len(self.attempts.held)
