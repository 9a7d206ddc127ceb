"""A store in this process's memory: for trials and tests.

It forgets everything when the process ends, and what it keeps until then does not grow with the number of requests. It
knows nothing of other processes: with more than one, every limit would be overstepped. So a store that was opened by
its address is refused while another process has one (``one_process.py``). The window arithmetic is the ledger's own,
the same that other stores use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import RLock

from typing_extensions import override

from shunpike.builtin.memory_attempts import Attempts
from shunpike.builtin.memory_buckets import Bucket
from shunpike.builtin.memory_tenancy import Tenancy
from shunpike.builtin.one_thread import one_thread
from shunpike.clock import Clock, SystemClock
from shunpike.errors import ConfigError, StoreError
from shunpike.ledger.counting import learned
from shunpike.ledger.half_open import Blocks
from shunpike.ledger.learning import is_news, lowered, merged
from shunpike.ledger.refusals import Use, bounded, is_bare
from shunpike.ledger.shortening import early
from shunpike.ledger.slots import Look, evaluate_holds, remaining_of, settled_parts
from shunpike.ledger.steady import Steady, begun
from shunpike.ledger.windows import CLOCK_SLACK, GUARD, NEVER, last_block
from shunpike.protocols import Store
from shunpike.types import (
    Block,
    Denial,
    Factor,
    Grant,
    Held,
    Hold,
    LimitUpdate,
    Money,
    Observation,
    Remaining,
    Reopening,
    Reservation,
    Rolling,
    Settlement,
    State,
    Unconfirmed,
    Unit,
    UsageRow,
)

SWEEP_EVERY = 1_000
"""Settlements between two looks for limits that nothing counts in any more."""
FACTORS = 10_000
"""Names of which token counts are remembered, those that were seen last."""


class MemoryStore(Store):
    """Keeps the ledger in memory. ``guard`` is in seconds, see ``ledger/windows.py``.

    Args:
        clock: Where not None, a clock that was set is told by it, not by the times of who asks.
        alone: Whether no other process may have such a store meanwhile; from its first admission until it is closed.

    """

    def __init__(self, guard: float = GUARD, *, clock: Clock | None = None, alone: bool = False) -> None:
        self.lock = RLock()
        self._guard = guard
        self._steady = None if clock is None else Steady(clock, begun(clock))
        self._tenancy = Tenancy(alone=alone)
        self._buckets: dict[str, Bucket] = {}
        self._attempts = Attempts()
        self._settled = 0
        self._blocks = Blocks()
        self._reopened: list[Reopening] = []
        self._observations: dict[str, Observation] = {}
        self._factors: dict[str, Factor] = {}

    @override
    @one_thread
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        """Take every hold, or none and say which limit blocks.

        Raises `StoreError` for an attempt that was admitted before, and where another process keeps a ledger in memory.
        """
        self._tenancy.enter()
        if reservation.attempt_id in self._attempts:
            raise StoreError(f"attempt {reservation.attempt_id!r} is already in the ledger")
        self._follow()
        now = reservation.at if self._steady is None else self._steady.asked(reservation.at)
        denial = evaluate_holds(reservation.holds, now, lambda hold: self._look(hold, now), self._guard)
        if denial is not None:
            return denial
        self._attempts.held[reservation.attempt_id] = reservation
        self._blocks.begin(reservation)
        left = []
        for hold in reservation.holds:
            if hold.amount:
                bucket = self._buckets[hold.bucket]
                bucket.take(hold.amount)
                left.append(remaining_of(hold, now, bucket.used, bucket.last, bucket.in_flight, self._guard))
        return Grant(attempt_id=reservation.attempt_id, remaining=tuple(left))

    def _follow(self) -> None:
        """Move what passes by the second along with a wall clock that was set."""
        seconds = 0.0 if self._steady is None else self._steady.look()
        if seconds:
            for bucket in (one for one in self._buckets.values() if one.rolling):
                bucket.move(seconds)
            self._blocks.move(seconds)

    def _look(self, hold: Hold, now: float) -> Look:
        bucket = self._bucket(hold)
        bucket.expire(hold.limit.window, now, self._guard, 0.0 if self._steady is None else self._steady.wall)
        closed = self._blocks.known.get(hold.bucket)
        return Look(bucket.used, closed, bucket.by_expiry, lambda: bucket.in_flight)

    def _bucket(self, hold: Hold) -> Bucket:
        return self._buckets.setdefault(hold.bucket, Bucket(rolling=isinstance(hold.limit.window, Rolling)))

    @override
    @one_thread
    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        """Settle a held attempt once; False when it was settled before, which changes nothing.

        Raises `StoreError` once it is closed.
        """
        self._tenancy.check()
        self._follow()
        one = self._attempts.held.get(attempt_id)
        if one is None:
            return False
        settlement = settlement if self._steady is None else self._steady.told(settlement)
        uses = self._uses(one, settlement)
        until = early(settlement, self._observations, attempt_id)
        for hold in one.holds:
            if hold.amount:
                self._buckets[hold.bucket].land(hold.amount)
                self._settle_slot(hold, settlement, attempt_id, until.get(hold.bucket, NEVER))
        for charge in settlement.charges:
            self._settle_slot(charge, settlement, attempt_id)
        now = settlement.at if self._steady is None else max(settlement.at, self._steady.wall)
        self._teach(one, settlement, uses, now)
        for name, doubtful in self._attempts.end(attempt_id, settlement):
            for bucket in doubtful.buckets:
                if bucket in self._buckets:
                    self._buckets[bucket].believe(name)
        self._settled += 1
        if self._settled % SWEEP_EVERY == 0:
            self._sweep(now)
        return True

    def _teach(self, one: Reservation, settlement: Settlement, uses: Mapping[str, Use], now: float) -> None:
        windows = {hold.bucket: hold.limit.window for hold in one.holds}

        def latest(bucket: str) -> float:
            return last_block(windows.get(bucket, Held()), now, self._guard) + CLOCK_SLACK

        self._blocks.end(one.attempt_id, settlement, latest)
        self._blocks.take_rows()
        self._blocks.take_opened()
        for update in settlement.limit_updates:
            self._learn(update, uses.get(update.observation.bucket), settlement.at, now)
        for sample in settlement.samples:
            self._factors[sample.name] = learned(self._factors.pop(sample.name, None), sample)

    def _sweep(self, now: float) -> None:
        """Forget what expired where nobody looked."""
        for name, bucket in list(self._buckets.items()):
            bucket.drop(now)
            if bucket.is_empty:
                del self._buckets[name]
        self._blocks.forget(now)
        for name in list(self._factors)[:-FACTORS]:
            del self._factors[name]

    def _uses(self, one: Reservation, settlement: Settlement) -> dict[str, Use]:
        bare = {update.observation.bucket for update in settlement.limit_updates if is_bare(update.observation)}
        mine = {hold.bucket: hold.amount for hold in one.holds if hold.amount and hold.bucket in bare}
        for name in mine:
            self._buckets[name].drop(settlement.at)
        return {name: Use(self._buckets[name].used, own) for name, own in mine.items()}

    def _learn(self, update: LimitUpdate, use: Use | None, at: float, now: float) -> None:
        name = update.observation.bucket
        if update.begins or update.observation.unlisted is not None:
            self._buckets.setdefault(name, Bucket(rolling=isinstance(update.limit.window, Rolling)))
        bucket = self._buckets.get(name)
        known = self._observations.get(name)
        update = bounded(update, known, use, now)
        if bucket is not None and is_news(known, update.observation, now):
            bucket.drop(at)
            taken = lowered(update, bucket.used, at, self._guard)
            if taken is not None:
                bucket.add(taken[1], taken[0])
        self._observations[name] = merged(known, update.observation, now)

    @one_thread
    async def observations(self) -> Mapping[str, Observation]:
        """Return bucket → what its provider was last seen to say of it."""
        return dict(self._observations)

    @one_thread
    async def factors(self) -> Mapping[str, Factor]:
        """Return name → what its samples taught."""
        return dict(self._factors)

    def _settle_slot(self, hold: Hold, settlement: Settlement, attempt_id: str, until: float = NEVER) -> None:
        bucket = self._bucket(hold)
        in_doubt = settlement.state is State.UNCONFIRMED and hold.limit.unit is Unit.USD
        for part in settled_parts(hold.limit, hold.amount, settlement, bucket.last, self._guard):
            bucket.add(min(part.expires, until), part.amount, attempt_id if in_doubt else "")

    @one_thread
    async def unconfirmed(self) -> Sequence[Unconfirmed]:
        """Return the attempts whose end is not known, oldest first."""
        return self._attempts.unconfirmed()

    @one_thread
    async def reconcile(self, attempt_id: str, cost: Money, at: float, note: str) -> bool:
        """Settle one of them at ``cost``; False when it is not unconfirmed. Nothing keeps ``at`` and ``note``."""
        del at, note
        self._tenancy.check()
        buckets = self._attempts.reconcile(attempt_id, cost)
        for bucket in buckets or ():
            if bucket in self._buckets:
                self._buckets[bucket].correct(attempt_id, cost.pico)
        return buckets is not None

    @override
    @one_thread
    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        """Return what is left of each hold's limit; amounts are not looked at."""
        self._follow()
        found = []
        for hold in holds:
            bucket = self._buckets.get(hold.bucket, Bucket())
            bucket.expire(hold.limit.window, now, self._guard)
            found.append(remaining_of(hold, now, bucket.used, bucket.last, bucket.in_flight, self._guard))
        return found

    @override
    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        """Return totals by provider and model of the attempts begun in ``[since, until)``."""
        return await self.usage_by(since, until, day=False, tag=False)

    @one_thread
    async def usage_by(self, since: float, until: float, *, day: bool, tag: bool) -> Sequence[UsageRow]:
        """Return totals as `usage` does, in one row for each day and tag where asked."""
        return self._attempts.tally(since, until).rows(day=day, tag=tag)

    @override
    @one_thread
    async def closed(self, now: float) -> Mapping[str, Block]:
        """Return bucket → block of the buckets that are closed at ``now``."""
        self._follow()
        return {bucket: block for bucket, block in self._blocks.known.items() if block.until > now}

    @one_thread
    async def reopen(self, buckets: Sequence[str], at: float, who: str, note: str) -> Sequence[Reopening]:
        """Open those of ``buckets`` that are closed, and write down who did it; return what they were closed by."""
        closed = [one for bucket in dict.fromkeys(buckets) if (one := self._blocks.reopen(bucket)) is not None]
        done = [Reopening(block=one, at=at, who=who, note=note) for one in closed]
        self._reopened += done
        return done

    @one_thread
    async def reopened(self) -> Sequence[Reopening]:
        """Return what was opened by hand, oldest first."""
        return list(self._reopened)

    @one_thread
    async def recover(self, now: float) -> int:
        """Return 0: no owner but this process can have held anything. ``now`` is not looked at."""
        del now
        return 0

    @override
    @one_thread
    async def check(self) -> str:
        """Return a few words on size. Raises `StoreError` when the books don't add up."""
        for name, bucket in self._buckets.items():
            if not bucket.adds_up:
                raise StoreError(f"the books of {name} in memory don't add up")
        kept, held = len(self._attempts), len(self._attempts.held)
        return f"in memory, {kept} attempts kept one by one, {held} held; it is forgotten at the end"

    @override
    @one_thread
    async def aclose(self) -> None:
        """Let other processes have such a store; calling it again does nothing."""
        self._tenancy.leave()


def open_memory(url: str, *, clock: Clock | None = None) -> MemoryStore:
    """Return a new, empty store for ``memory:``. Raises `ConfigError` for any other address."""
    if url not in ("memory:", "memory://"):
        raise ConfigError(f"{url!r} is not the address of a store in memory", hint="write memory:")
    return MemoryStore(clock=clock or SystemClock(), alone=True)
