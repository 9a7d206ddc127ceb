"""What a store works on while it holds the books: the buckets of a batch, in memory, and what changed of them.

No input or output here, so that every store of rows keeps the same books by the same rules. A store

1. opens a transaction and brings in what the batch needs: `WorkingSet.bring`, blocks, observations, factors,
2. admits and settles in memory: `WorkingSet.look` for the evaluation, `WorkingSet.take`, `WorkingSet.end`,
3. writes what changed (`WorkingSet.take_changes`) and commits; or rolls back and forgets the set.

Of a bucket, ``used`` is what runs (``in_flight``) and what has ended and still counts (its *slots*, one sum for each
expiry). What runs stands in the row of its attempt, as its *holds*; both are in the same commit as ``used``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from shunpike.ledger.counting import learned
from shunpike.ledger.half_open import Blocks
from shunpike.ledger.learning import is_news, lowered, merged
from shunpike.ledger.refusals import Use, bounded, is_bare
from shunpike.ledger.rows import BlockRow, BucketRow, HeldRow, Holds, SlotRow, booked_state
from shunpike.ledger.shortening import early
from shunpike.ledger.slots import Counted, Look, Part, remaining_of, settled_parts, used_at
from shunpike.ledger.windows import CLOCK_SLACK, GUARD, NEVER, Window, last_block, last_expiry
from shunpike.types import (
    Calendar,
    Factor,
    Grant,
    Held,
    Hold,
    Limit,
    LimitUpdate,
    Observation,
    Remaining,
    Reservation,
    Rolling,
    Sample,
    Settlement,
    State,
    Unit,
)
from shunpike.types.base import changed
from shunpike.types.limits import LARGEST

_SHORTEST_DAY = 82_800.0
"""No calendar's latest expiry is nearer than this, in seconds."""

SlotKey = tuple[int, float, str]
"""Bucket, expiry, and the attempt whose end is not confirmed, else an empty text."""


@dataclass(eq=False)
class Bucket:
    """One bucket: its row as it was read, and as it is to be written."""

    key: int
    name: str
    unit: Unit
    window: Window
    used: int = 0
    in_flight: int = 0
    ceiling: int = 0
    """What it was last allowed to hold; the database rejects a row that uses more."""
    counts: Literal["used", "reserved"] = "used"
    first: float | None = None
    """The earliest expiry of its slots."""
    last: float | None = None
    """The latest expiry of its slots."""
    admitted_at: float | None = None
    """When something was last admitted."""
    was: tuple[int, int] = (0, 0)
    """What the database has of ``used`` and ``in_flight``."""
    _limit: Limit | None = None

    def __post_init__(self) -> None:
        self.was = self.used, self.in_flight

    @property
    def limit(self) -> Limit:
        """What its slots are settled by; the amount is not known here."""
        if self._limit is None or self._limit.counts != self.counts:
            self._limit = Limit(unit=self.unit, amount=0, window=self.window, counts=self.counts)
        return self._limit

    def is_due(self, now: float) -> bool:
        """Return whether something has expired: its slots are then to be removed, and `forget` told how much."""
        return self.first is not None and self.first <= now

    def forget(self, amount: int, first: float | None, last: float | None) -> None:
        """Take off what has expired; the others expire between ``first`` and ``last``."""
        self.used -= amount
        self.first, self.last = first, last

    def beyond(self, now: float, guard: float) -> float | None:
        """Return the latest expiry that a slot can have when one is later: the clock was set back. Else None."""
        if self.last is None or (isinstance(self.window, Calendar) and self.last < now + _SHORTEST_DAY):
            return None
        latest = last_expiry(self.window, now, guard)
        return latest if self.last > latest + CLOCK_SLACK else None


@dataclass
class Changes:
    """What is to be written before the commit. Slots are to be added to what is there of the same key."""

    buckets: list[BucketRow] = field(default_factory=list)
    slots: list[SlotRow] = field(default_factory=list)
    blocks: list[BlockRow] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    """Buckets whose blocks are to be removed."""
    observations: list[Observation] = field(default_factory=list)
    factors: list[tuple[str, Factor]] = field(default_factory=list)


class WorkingSet:
    """The books as far as a batch needs them, by the wall clock as it is set now.

    Args:
        guard: Seconds, see ``ledger/windows.py``.
        ahead: Seconds by which the time that blocks and rolling windows are stored in is ahead of that clock.

    """

    def __init__(self, guard: float = GUARD, ahead: float = 0.0) -> None:
        self.guard = guard
        self.ahead = ahead
        self.buckets: dict[str, Bucket] = {}
        self.by_key: dict[int, Bucket] = {}
        self.blocks = Blocks()
        self.observations: dict[str, Observation] = {}
        self.factors: dict[str, Factor] = {}
        self._touched: dict[int, Bucket] = {}
        self._slots: dict[SlotKey, int] = {}
        self._learned: dict[str, Observation] = {}
        self._sampled: dict[str, Factor] = {}

    def bring(self, bucket: Bucket) -> Bucket:
        """Take in a bucket as the database has it."""
        self.buckets[bucket.name] = self.by_key[bucket.key] = bucket
        return bucket

    def leave_out(self, bucket: Bucket) -> None:
        """Forget a bucket that nothing counts in."""
        del self.buckets[bucket.name], self.by_key[bucket.key]
        self._touched.pop(bucket.key, None)

    def look(self, hold: Hold, now: float, ended: Callable[[], Iterable[tuple[float, int]]]) -> Look:
        """Return what the evaluation asks of a hold's bucket, which was brought in and has nothing due any more."""
        closed = self.blocks.known.get(hold.bucket)
        closed = closed if closed is not None and closed.until > now else None
        if not hold.amount:
            return Look(0, closed, tuple, int)
        bucket = self.buckets[hold.bucket]
        return Look(bucket.used, closed, ended, lambda: bucket.in_flight, bucket.admitted_at)

    def take(self, reservation: Reservation) -> Grant:
        """Take every hold of a reservation that was judged to fit; `holds_of` tells what its attempt's row says."""
        self.blocks.begin(reservation)
        left = tuple(self._take(hold, reservation.reserved_at) for hold in reservation.holds if hold.amount)
        return Grant.model_construct(attempt_id=reservation.attempt_id, remaining=left)

    def _take(self, hold: Hold, now: float) -> Remaining:
        bucket = self.touch(self.buckets[hold.bucket])
        bucket.used += hold.amount
        bucket.in_flight += hold.amount
        bucket.ceiling = min(hold.limit.amount, LARGEST)
        bucket.counts = "reserved" if hold.limit.counts == "reserved" else "used"
        bucket.admitted_at = now
        counted = Counted(bucket.used, bucket.in_flight, bucket.last, bucket.admitted_at)
        return remaining_of(hold, now, counted, self.guard)

    def holds_of(self, reservation: Reservation) -> Holds:
        """Return what the attempt's row shall say of its holds."""
        return tuple((self.buckets[hold.bucket].key, hold.amount) for hold in reservation.holds if hold.amount)

    def touch(self, bucket: Bucket) -> Bucket:
        """Note that ``bucket`` is to be written."""
        self._touched[bucket.key] = bucket
        return bucket

    def end(self, held: HeldRow, settlement: Settlement, now: float) -> None:
        """Correct the buckets of an attempt to how it ended, and take in what it closes and teaches.

        All of its buckets were brought in, and those of its charges; so were the observations and factors that the
        settlement speaks of, where known. What others learned since it ended is newer, not of a clock that was ahead:
        that is told by ``now``.
        """
        now = max(now, settlement.at)
        # What is not certain stays with its attempt, to be reconciled; the rest is one sum for each expiry.
        owner = held.attempt_id if booked_state(held.worst, settlement) is State.UNCONFIRMED else ""
        uses = self._uses(held, settlement)
        until = early(settlement, self.observations, held.attempt_id)
        for key, amount in held.holds:
            bucket = self.touch(self.by_key[key])
            self._end(bucket, amount, owner, settlement, until.get(bucket.name, NEVER))
        for charge in settlement.charges:
            bucket = self.touch(self.buckets[charge.bucket])
            for part in settled_parts(bucket.limit, charge.amount, settlement, bucket.last, self.guard):
                self.add(bucket, part, owner)
        self.blocks.end(held.attempt_id, settlement, lambda bucket: self._latest_block(bucket, now))
        for update in settlement.limit_updates:
            self._learn(update, uses.get(update.observation.bucket), settlement.at, now)
        for sample in settlement.samples:
            self._sample(sample)

    def _end(self, bucket: Bucket, held: int, owner: str, settlement: Settlement, until: float) -> None:
        limit = changed(bucket.limit, cached="free") if bucket.name in settlement.uncached else bucket.limit
        parts = settled_parts(limit, held, settlement, bucket.last, self.guard)
        bucket.in_flight -= held
        bucket.used -= held
        if not parts and not bucket.in_flight:
            # What used nothing was no admission.
            bucket.admitted_at = used_at(bucket.window, bucket.admitted_at, bucket.last, self.guard)
        for part in parts:
            self.add(bucket, Part(part.amount, min(part.expires_at, until)), owner)

    def add(self, bucket: Bucket, part: Part, attempt_id: str = "") -> None:
        """Let ``part`` count in ``bucket``: the truth is booked even where it is over the cap."""
        key = bucket.key, part.expires_at, attempt_id
        self._slots[key] = self._slots.get(key, 0) + part.amount
        bucket.used += part.amount
        bucket.ceiling = max(bucket.ceiling, bucket.used)
        bucket.first = part.expires_at if bucket.first is None else min(bucket.first, part.expires_at)
        bucket.last = part.expires_at if bucket.last is None else max(bucket.last, part.expires_at)

    def _latest_block(self, name: str, now: float) -> float:
        bucket = self.buckets.get(name)
        return last_block(bucket.window if bucket else Held(), now, self.guard) + CLOCK_SLACK

    def _uses(self, held: HeldRow, settlement: Settlement) -> dict[str, Use]:
        """Return what is in use of the buckets by which the attempt was refused, before it ends."""
        bare = {update.observation.bucket for update in settlement.limit_updates if is_bare(update.observation)}
        mine = [(self.by_key[key], amount) for key, amount in held.holds] if bare else []
        return {one.name: Use(self._counting(one, settlement.at), own) for one, own in mine if one.name in bare}

    def _learn(self, update: LimitUpdate, use: Use | None, at: float, now: float) -> None:
        known = self.observations.get(update.observation.bucket)
        bucket = self.buckets.get(update.observation.bucket)
        update = bounded(update, known, use, now)
        observation = update.observation
        if bucket is not None and is_news(known, observation, now):
            taken = lowered(update, self._counting(bucket, at), at, self.guard)
            if taken is not None:
                self.add(self.touch(bucket), Part(*taken))
        self.observations[observation.bucket] = self._learned[observation.bucket] = merged(known, observation, now)

    def _counting(self, bucket: Bucket, now: float) -> int:
        """Return what counts at ``now`` of a bucket whose expired slots were removed, except of this transaction."""
        if not bucket.is_due(now):
            return bucket.used
        mine = ((slot, amount) for slot, amount in self._slots.items() if slot[0] == bucket.key)
        return bucket.used - sum(amount for (_, expires, _), amount in mine if expires <= now)

    def _sample(self, sample: Sample) -> None:
        found = learned(self.factors.get(sample.name), sample)
        self.factors[sample.name] = self._sampled[sample.name] = found

    def take_slots(self) -> list[SlotRow]:
        """Return the slots that are to be written, and begin a new list: before slots are read or removed."""
        slots, self._slots = self._slots, {}
        if not self.ahead:
            return [SlotRow(*key, amount) for key, amount in slots.items()]
        return [
            SlotRow(key, expires + self.ahead_of(self.by_key[key].window), attempt, amount)
            for (key, expires, attempt), amount in slots.items()
        ]

    def ahead_of(self, window: Window) -> float:
        """Return how many seconds later than by the wall clock the expiry of a window's slots is stored."""
        return self.ahead if isinstance(window, Rolling) else 0.0

    def keep_changes(self) -> list[SlotRow]:
        """Return the slots that were made, where nothing else is to be written, and begin new lists."""
        self._touched, self._learned, self._sampled = {}, {}, {}
        self.blocks.keep_changes()
        return self.take_slots()

    def take_changes(self) -> Changes:
        """Return all that is to be written, and begin new lists."""
        changes = Changes(
            buckets=[self._row(bucket) for bucket in self._touched.values()],
            slots=self.take_slots(),
            blocks=self.blocks.take_rows(self.ahead),
            opened=self.blocks.take_opened(),
            observations=list(self._learned.values()),
            factors=list(self._sampled.items()),
        )
        self._touched, self._learned, self._sampled = {}, {}, {}
        return changes

    def _row(self, bucket: Bucket) -> BucketRow:
        was, bucket.was = bucket.was, (bucket.used, bucket.in_flight)
        ahead = self.ahead_of(bucket.window)
        admitted_at = None if bucket.admitted_at is None else bucket.admitted_at + ahead
        figures = bucket.used, bucket.in_flight, bucket.ceiling, bucket.counts
        return BucketRow(bucket.key, bucket.name, *figures, admitted_at, *was)
