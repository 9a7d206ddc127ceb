"""Who goes first, over a store that is asked for many attempts at once and answers each in its own time.

The law: no attempt is granted while a request with an earlier place stands before one of its limits, or asked for one
before it and is being denied. It is kept by three rules.

- Whoever would have to stand behind others is denied without asking the store, and so is who waits for what this
  process itself took so much of that it can't fit.
- Whoever is denied stands in line before anything else is awaited.
- A grant waits until those are answered that asked before it and have an earlier place; if then somebody with an
  earlier place stands before one of its limits, it is given back, unsent.

A request that has not asked yet (its prompt is being counted, its cap chosen) has no turn to lose. What other processes
do is the store's matter: it serves them as they ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import anyio

from shunpike.clock import Clock
from shunpike.errors import AttemptExists, StoreError
from shunpike.ledger.settling import LEAVING, Settling
from shunpike.ledger.slots import coming_back
from shunpike.ledger.windows import IN_FLIGHT_RETRY
from shunpike.protocols import AdmissionRequest
from shunpike.types import Denial, DenialCause, Grant, Hold, Limit, Settlement, State, Unit
from shunpike.waiting import Place, Queue, in_time


@dataclass(eq=False)
class _Asked:
    """An attempt of which the store's word is not known."""

    number: int
    place: Place
    limits: Mapping[str, Limit]
    """Bucket → limit, of what it needs."""
    known: anyio.Event | None = None
    """Set when it is; made when somebody waits for it."""


@dataclass
class Turns:
    """The turns of one ledger's attempts. `denial` first; then `asked`, and in the end `known` and `over`."""

    queue: Queue
    settling: Settling
    clock: Clock
    _asked: dict[str, _Asked] = field(default_factory=dict)
    """In the order in which they asked."""
    _numbers: count[int] = field(default_factory=count)

    def denial(self, ask: AdmissionRequest, holds: Sequence[Hold], now: float) -> Denial | None:
        """Return why the store need not be asked, None where it is to be. Whoever waits then stands in line.

        Raises `StoreError` once the ledger is closed.
        """
        if self.queue.closed:
            raise StoreError("the ledger is closed")
        if ask.arrival is None:
            return None
        denial = self._behind(_place(ask), {hold.bucket: hold.limit for hold in holds}, now)
        if denial is None and ask.waits_until is not None:
            denial = self._full(holds, now)
        if denial is not None:
            self.stand(ask, denial, asked=False)
        return denial

    def _behind(self, place: Place, limits: Mapping[str, Limit], now: float) -> Denial | None:
        """Return the denial of an attempt that needs what others of this process wait for and came first."""
        ahead = self.queue.ahead(place, limits)
        if ahead is None:
            return None
        before, first = ahead
        opens = first.retry_at if first.retry_at is None else max(first.retry_at, now + IN_FLIGHT_RETRY)
        limit = None if first.limit is None else limits[first.bucket]
        return first.model_copy(update={"limit": limit, "ahead": before, "fits": None, "retry_at": opens})

    def _full(self, holds: Sequence[Hold], now: float) -> Denial | None:
        """Return the denial by a limit that the attempts of this process fill, if what they hold may come back.

        Of what has ended and still counts only the store knows. An attempt larger than all that were let through may
        be denied by that: the store is asked.
        """
        for hold in holds:
            bucket, limit, taken = hold.bucket, hold.limit, self.queue.taken(hold.bucket)
            if not taken or taken + hold.amount <= limit.amount or not coming_back(limit, taken):
                continue
            if limit.unit is Unit.CONCURRENT or hold.amount <= self.queue.largest(bucket):
                opens = now + IN_FLIGHT_RETRY
                return Denial(
                    cause=DenialCause.FULL,
                    bucket=bucket,
                    limit=limit,
                    owner=hold.owner,
                    retry_at=opens,
                    held=True,
                    earliest=True,
                )
        return None

    def stand(self, ask: AdmissionRequest, denial: Denial, *, asked: bool = True) -> None:
        """Let a denied request stand in line, if it waits and may be helped in time."""
        if ask.arrival is not None and ask.waits_until is not None and in_time(denial, ask.waits_until):
            self.queue.join(_place(ask), denial, asked=asked)

    def asked(self, ask: AdmissionRequest, holds: Sequence[Hold]) -> None:
        """Note that the store is being asked. Raises `StoreError` where an attempt of that name runs already."""
        if ask.attempt_id in self.queue:
            raise AttemptExists(f"attempt {ask.attempt_id!r} is already in the ledger")
        takes = {hold.bucket: hold.amount for hold in holds}
        self.queue.asked(ask.attempt_id, takes)
        if ask.arrival is not None:
            limits = {hold.bucket: hold.limit for hold in holds}
            self._asked[ask.attempt_id] = _Asked(next(self._numbers), _place(ask), limits)

    async def known(self, ask: AdmissionRequest, verdict: Grant | Denial) -> Grant | Denial:
        """Take in the store's word; return the grant if it keeps, else the denial, with the request in its line."""
        if isinstance(verdict, Denial):
            self.stand(ask, verdict)
            self._tell(ask.attempt_id)
            return verdict
        try:
            overtaken = await self._overtaken(ask)
        except BaseException:
            await self._give_back(ask)
            raise
        if overtaken is None:
            self.queue.began(ask.attempt_id)
            return verdict
        await self._give_back(ask)
        return overtaken

    async def _overtaken(self, ask: AdmissionRequest) -> Denial | None:
        """Return the denial of an attempt that was granted before it was its turn."""
        mine = self._tell(ask.attempt_id)
        if mine is None:
            return None
        while (earlier := self._earlier(mine)) is not None:
            earlier.known = earlier.known or anyio.Event()
            await earlier.known.wait()
        denial = self._behind(mine.place, mine.limits, self.clock.now())
        if denial is None:
            return None
        denial = denial.model_copy(update={"returned": True})
        self.stand(ask, denial, asked=False)
        return denial

    def _earlier(self, mine: _Asked) -> _Asked | None:
        """Return one that asked before, has an earlier place, and does not know yet: a store may tell all at once."""
        for one in self._asked.values():
            if one.number > mine.number:
                return None
            if one.place < mine.place and not one.limits.keys().isdisjoint(mine.limits):
                return one
        return None

    def _tell(self, attempt_id: str) -> _Asked | None:
        one = self._asked.pop(attempt_id, None)
        if one is not None and one.known is not None:
            one.known.set()
        return one

    async def _give_back(self, ask: AdmissionRequest) -> None:
        unsent = Settlement(state=State.RELEASED, at=self.clock.now(), outcome="unsent", keeps_request=False)
        try:
            with anyio.CancelScope(shield=True):
                await self.settling.book(ask.attempt_id, unsent, LEAVING)
        finally:
            self.queue.ended(ask.attempt_id)

    def over(self, ask: AdmissionRequest, *, granted: bool) -> None:
        """Note that the store is no longer asked, whatever came of it."""
        self._tell(ask.attempt_id)
        if not granted:
            self.queue.denied(ask.attempt_id)


def _place(ask: AdmissionRequest) -> Place:
    return Place(ask.priority == "batch", ask.arrival or 0)
