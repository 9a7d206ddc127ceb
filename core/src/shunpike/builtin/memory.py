"""A store in this process's memory: for trials and tests.

It forgets everything when the process ends and knows nothing of other processes: with more than one, every limit would
be overstepped. So a store that was opened by its address is refused while another process has one (``one_process.py``).
The window arithmetic is the ledger's own, the same that other stores use.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from shunpike.builtin import one_process
from shunpike.builtin.tally import Tally
from shunpike.clock import Clock
from shunpike.errors import ConfigError, StoreError
from shunpike.ledger.counting import learned
from shunpike.ledger.learning import is_news, lowered, merged
from shunpike.ledger.slots import Look, can_be_closed, judge, remaining_of, settled_parts
from shunpike.ledger.totals import DAY
from shunpike.ledger.windows import CLOCK_SLACK, GUARD, Window, last_expiry
from shunpike.protocols import Store
from shunpike.types import (
    Closure,
    Factor,
    Grant,
    Held,
    Hold,
    Lesson,
    Proof,
    Refusal,
    Remaining,
    Reservation,
    Settlement,
    UsageRow,
)

KEPT = 50_000
"""Attempts that are kept one by one; older ones are folded into daily totals."""


@dataclass
class _Bucket:
    used: int = 0
    in_flight: int = 0
    last: float | None = None
    """The latest expiry."""
    ended: dict[float, int] = field(default_factory=dict)
    """Expiry → what expires then."""
    order: list[float] = field(default_factory=list)
    """A heap of the expiries."""

    def drop(self, now: float) -> None:
        """Take out what has expired."""
        while self.order and self.order[0] <= now:
            self.used -= self.ended.pop(heapq.heappop(self.order))
        if not self.order:
            self.last = None

    def expire(self, window: Window, now: float, guard: float, latest_now: float = 0.0) -> None:
        self.drop(now)
        # Not by the moment at which somebody asked: who stood still since then set no clock back.
        latest = last_expiry(window, max(now, latest_now), guard)
        if self.last is not None and self.last > latest + CLOCK_SLACK:
            self._pull_in(latest)

    def _pull_in(self, latest: float) -> None:
        """The clock was set back: nothing counts longer than what ends now would."""
        before, self.ended, self.order, self.last = self.ended, {}, [], None
        for expires, amount in before.items():
            self.add(min(expires, latest), amount)

    def add(self, expires: float, amount: int) -> None:
        if expires not in self.ended:
            heapq.heappush(self.order, expires)
        self.ended[expires] = self.ended.get(expires, 0) + amount
        self.last = expires if self.last is None else max(self.last, expires)

    def by_expiry(self) -> Iterable[tuple[float, int]]:
        return sorted(self.ended.items())


@dataclass
class _Attempt:
    reservation: Reservation
    settlement: Settlement | None = None


class MemoryStore(Store):
    """Keeps the ledger in memory. ``guard`` is in seconds, see ``ledger/windows.py``.

    Args:
        clock: Where not None, a clock that was set back is told by it, not by the times of who asks.
        alone: Whether no other process may have such a store meanwhile; from its first admission until it is closed.

    """

    def __init__(self, guard: float = GUARD, *, clock: Clock | None = None, alone: bool = False) -> None:
        self._guard = guard
        self._clock = clock
        self._alone = alone
        self._pid: int | None = None
        """The process in which it was first used."""
        self._seat: one_process.Seat | None = None
        self._closed = False
        self._buckets: dict[str, _Bucket] = {}
        self._attempts: dict[str, _Attempt] = {}
        self._folded: dict[int, Tally] = {}
        self._closures: dict[str, tuple[float, str]] = {}
        self._proofs: dict[str, Proof] = {}
        self._factors: dict[str, Factor] = {}

    @override
    async def admit(self, reservation: Reservation) -> Grant | Refusal:
        """Take every hold, or none and say which limit blocks.

        Raises `StoreError` for an attempt that was admitted before, and where another process keeps a ledger in memory.
        """
        self._enter()
        if reservation.attempt_id in self._attempts:
            raise StoreError(f"attempt {reservation.attempt_id!r} is already in the ledger")
        now = reservation.at
        refusal = judge(reservation.holds, now, lambda hold: self._look(hold, now), self._guard)
        if refusal is not None:
            return refusal
        self._attempts[reservation.attempt_id] = _Attempt(reservation)
        left = []
        for hold in reservation.holds:
            if hold.amount:
                bucket = self._buckets[hold.bucket]
                bucket.used += hold.amount
                bucket.in_flight += hold.amount
                left.append(remaining_of(hold, now, bucket.used, bucket.last, bucket.in_flight, self._guard))
        return Grant(attempt_id=reservation.attempt_id, remaining=tuple(left))

    def _enter(self) -> None:
        self._check_open()
        if self._pid is None:
            if self._alone:
                self._seat = one_process.enter()
            self._pid = os.getpid()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the ledger is closed")
        if self._pid not in {None, os.getpid()}:
            raise StoreError("the ledger was opened before a fork", hint="open a client of its own in each process")

    def _look(self, hold: Hold, now: float) -> Look:
        bucket = self._buckets.setdefault(hold.bucket, _Bucket())
        bucket.expire(hold.limit.window, now, self._guard, 0.0 if self._clock is None else self._clock.now())
        closed = self._closures.get(hold.bucket)
        return Look(bucket.used, closed, bucket.by_expiry, lambda: bucket.in_flight)

    @override
    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        """Settle a held attempt once; False when it was settled before, which changes nothing.

        Raises `StoreError` once it is closed.
        """
        self._check_open()
        attempt = self._attempts.get(attempt_id)
        if attempt is None or attempt.settlement is not None:
            return False
        attempt.settlement = settlement
        for hold in attempt.reservation.holds:
            if hold.amount:
                self._settle_slot(hold, settlement)
        windows = {hold.bucket: hold.limit.window for hold in attempt.reservation.holds}
        now = settlement.at if self._clock is None else max(settlement.at, self._clock.now())
        for closure in settlement.closures:
            self._close(closure, windows.get(closure.bucket, Held()), now)
        for lesson in settlement.lessons:
            self._learn(lesson, settlement.at, now)
        for sample in settlement.samples:
            self._factors[sample.name] = learned(self._factors.get(sample.name), sample)
        self._fold()
        return True

    def _close(self, closure: Closure, window: Window, now: float) -> None:
        until, reason = self._closures.get(closure.bucket, (0.0, ""))
        if closure.until > until or not can_be_closed(window, until, now, self._guard):
            until, reason = closure.until, closure.reason
        self._closures[closure.bucket] = until, reason

    def _learn(self, lesson: Lesson, at: float, now: float) -> None:
        name, bucket = lesson.proof.bucket, self._buckets.get(lesson.proof.bucket)
        known = self._proofs.get(name)
        if bucket is not None and is_news(known, lesson.proof, now):
            bucket.drop(at)
            taken = lowered(lesson, bucket.used, at, self._guard)
            if taken is not None:
                bucket.used += taken[0]
                bucket.add(taken[1], taken[0])
        self._proofs[name] = merged(known, lesson.proof, now)

    async def proofs(self) -> Mapping[str, Proof]:
        """Return bucket → what its provider was last seen to say of it."""
        return dict(self._proofs)

    async def factors(self) -> Mapping[str, Factor]:
        """Return name → what its samples taught."""
        return dict(self._factors)

    def _settle_slot(self, hold: Hold, settlement: Settlement) -> None:
        bucket = self._buckets[hold.bucket]
        bucket.in_flight -= hold.amount
        bucket.used -= hold.amount
        for part in settled_parts(hold.limit, hold.amount, settlement, bucket.last, self._guard):
            bucket.used += part.amount
            bucket.add(part.expires, part.amount)

    def _fold(self) -> None:
        while len(self._attempts) > KEPT:
            oldest = next(iter(self._attempts))
            if self._attempts[oldest].settlement is None:
                return
            attempt = self._attempts.pop(oldest)
            day = int(attempt.reservation.at // DAY)
            self._folded.setdefault(day, Tally()).add(attempt.reservation, attempt.settlement)

    @override
    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        """Return what is left of each hold's limit; amounts are not looked at."""
        found = []
        for hold in holds:
            bucket = self._buckets.get(hold.bucket, _Bucket())
            bucket.expire(hold.limit.window, now, self._guard)
            found.append(remaining_of(hold, now, bucket.used, bucket.last, bucket.in_flight, self._guard))
        return found

    @override
    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        """Return totals by provider and model of the attempts begun in ``[since, until)``."""
        return await self.usage_by(since, until, day=False, tag=False)

    async def usage_by(self, since: float, until: float, *, day: bool, tag: bool) -> Sequence[UsageRow]:
        """Return totals as `usage` does, in one row for each day and tag where asked."""
        tally = Tally()
        for number, folded in self._folded.items():
            if since <= number * DAY < until:
                tally.merge(folded)
        for attempt in self._attempts.values():
            if since <= attempt.reservation.at < until:
                tally.add(attempt.reservation, attempt.settlement)
        return tally.rows(day=day, tag=tag)

    @override
    async def closed(self, now: float) -> Mapping[str, tuple[float, str]]:
        """Return bucket → (until, reason) of the buckets that providers declared closed."""
        return {bucket: closure for bucket, closure in self._closures.items() if closure[0] > now}

    async def recover(self, now: float) -> int:
        """Return 0: no owner but this process can have held anything. ``now`` is not looked at."""
        del now
        return 0

    @override
    async def check(self) -> str:
        """Return a few words on size. Raises `StoreError` when the books don't add up."""
        for name, bucket in self._buckets.items():
            if bucket.used != bucket.in_flight + sum(bucket.ended.values()):
                raise StoreError(f"the books of {name} in memory don't add up")
        held = sum(attempt.settlement is None for attempt in self._attempts.values())
        return f"in memory, {len(self._attempts)} attempts, {held} held; it is forgotten at the end"

    @override
    async def aclose(self) -> None:
        """Let other processes have such a store; calling it again does nothing."""
        self._closed = True
        if self._seat is not None:
            self._seat.leave()


def open_memory(url: str) -> MemoryStore:
    """Return a new, empty store for ``memory:``. Raises `ConfigError` for any other address."""
    if url not in ("memory:", "memory://"):
        raise ConfigError(f"{url!r} is not the address of a store in memory", hint="write memory:")
    return MemoryStore(alone=True)
