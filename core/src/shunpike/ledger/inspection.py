"""What a person asks of the ledger, and settles or opens by hand: beside the way of a request."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import TypeVar

from shunpike.clock import Clock
from shunpike.errors import StoreError
from shunpike.ledger.buckets import budget_bucket
from shunpike.ledger.budgets import budget_limit
from shunpike.ledger.capabilities import CountsBy, KnowsAttempts, Reconciles, Reopens, TellsTimings
from shunpike.ledger.knowledge import Knowledge
from shunpike.ledger.settling import Settling
from shunpike.ledger.slots import can_be_closed
from shunpike.ledger.terms import InForce
from shunpike.patience import answered
from shunpike.protocols import Store
from shunpike.types import (
    Block,
    Budget,
    Held,
    Hold,
    KnownAttempt,
    Money,
    Owner,
    Remaining,
    Reopening,
    Settings,
    Timing,
    Unconfirmed,
    UsageRow,
)
from shunpike.types.trouble import Troubles

T = TypeVar("T")

LOOKING = 90.0
"""Seconds after which a store that does not answer is given up, where no request waits for it: longer than a sum over
years takes, and than stores themselves wait for a lock."""


class Inspection:
    """The part of the ledger that looks at its store."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._in_force = InForce(settings)
        self._settling = Settling(store, clock)
        self._known = Knowledge(store, clock)

    async def _looking(self, call: Awaitable[T]) -> T:
        """Return what the store answers, in a bounded time; what could not be written before is tried first."""
        await self._settling.again()
        return await answered(call, self._clock, LOOKING)

    @property
    def unbooked(self) -> int:
        """How many settlements of this process could not be written yet: it tries again until they are."""
        return len(self._settling)

    async def closed(self) -> Mapping[str, Block]:
        """Return bucket → block of what is closed."""
        now = self._clock.now()
        found = await self._looking(self._store.closed(now))
        return {bucket: closed for bucket, closed in found.items() if can_be_closed(Held(), closed.until, now)}

    @property
    def known_troubles(self) -> Troubles | None:
        """What is in trouble, where that is known without a wait; else see `troubles`."""
        return self._known.troubles if self._known.is_known else None

    async def troubles(self) -> Troubles:
        """Return what is in trouble, as the store was last looked at: every few seconds. Raises `StoreError`."""
        await self._known.refresh()
        return self._known.troubles

    async def reopen(self, buckets: Sequence[str], who: str, note: str) -> Sequence[Reopening]:
        """Open what is closed of ``buckets``, which is written down. Raises `StoreError` where the store can't."""
        if not isinstance(self._store, Reopens):
            raise StoreError("this store can't be opened by hand", hint="use a ledger file: store = sqlite:/path")
        return await self._looking(self._store.reopen(buckets, self._clock.now(), who, note))

    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        """Return totals by provider and model of the attempts begun in ``[since, until)``, epoch seconds."""
        return await self._looking(self._store.usage(since, until))

    async def usage_by(
        self, since: float, until: float, *, day: bool = False, tag: bool = False, principal: str | None = None
    ) -> Sequence[UsageRow]:
        """Return the totals in one row for each day (UTC) and tag where asked and where the store can tell.

        Those of a ``principal``, as far as its attempts are kept one by one; None = of all. Raises `StoreError`, also
        where the store can't tell whom an attempt was for.
        """
        if isinstance(self._store, CountsBy):
            found = self._store.usage_by(since, until, day=day, tag=tag, principal=principal)
            return await self._looking(found)
        if principal is not None:
            raise StoreError("this store does not tell whom an attempt was for", hint="use: store = sqlite:/path")
        return await self._looking(self._store.usage(since, until))

    async def attempts_of(self, request_id: str) -> Sequence[KnownAttempt]:
        """Return the attempts of a request by their numbers; none where the store can't tell. Raises `StoreError`."""
        if not isinstance(self._store, KnowsAttempts):
            return ()
        return await self._looking(self._store.attempts_of(request_id))

    async def timings(self, since: float, most: int) -> Sequence[Timing]:
        """Return what the latest answers took, ``most`` at most; none where the store can't tell. Raises `StoreError`.

        ``since`` is when their attempts began at the earliest, epoch seconds.
        """
        return await self._store.timings(since, most) if isinstance(self._store, TellsTimings) else ()

    async def budgets(self) -> Sequence[tuple[Budget, Remaining]]:
        """Return each money budget with what is left of it."""
        budgets = self._in_force.settings.budgets
        holds = [
            Hold(bucket=budget_bucket(one), limit=budget_limit(one), amount=0, owner=Owner.OPERATOR) for one in budgets
        ]
        left = await self._looking(self._store.remaining(holds, self._clock.now()))
        return list(zip(budgets, left, strict=True))

    @property
    def can_reconcile(self) -> bool:
        """Whether the store keeps a list of the attempts whose end is not known."""
        return isinstance(self._store, Reconciles)

    async def unconfirmed(self) -> Sequence[Unconfirmed]:
        """Return the attempts whose end is not known. Raises `StoreError` where the store keeps no list."""
        return await self._looking(self._reconciler().unconfirmed())

    async def reconcile(self, attempt_id: str, cost: Money, note: str) -> bool:
        """Settle one of them by hand, which is written down; False when it is not unconfirmed. Raises `StoreError`."""
        return await self._looking(self._reconciler().reconcile(attempt_id, cost, self._clock.now(), note))

    def _reconciler(self) -> Reconciles:
        if not isinstance(self._store, Reconciles):
            raise StoreError("this store can't be reconciled by hand", hint="use a ledger file: store = sqlite:/path")
        return self._store
