"""A store in this process's memory: for trials and tests.

It forgets everything when the process ends, and what it keeps until then does not grow with the number of requests. It
knows nothing of other processes: with more than one, every limit would be overstepped. So a store that was opened by
its address is rejected while another process has one (``one_process.py``). The window arithmetic is the ledger's own,
the same that other stores use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TypeVar

from typing_extensions import override

from shunpike.builtin.memory_books import MemoryBooks
from shunpike.builtin.memory_tenancy import Tenancy
from shunpike.clock import Clock, SystemClock
from shunpike.control import ControlStore, MemoryControl
from shunpike.decisions import DecisionStore, MemoryDecisions
from shunpike.errors import ConfigError
from shunpike.ledger.windows import GUARD
from shunpike.protocols import Store
from shunpike.types import (
    Block,
    Denial,
    Factor,
    Grant,
    Hold,
    KnownAttempt,
    Money,
    Observation,
    Remaining,
    Reopening,
    Reservation,
    Settlement,
    Unconfirmed,
    UsageRow,
)

T = TypeVar("T")


class MemoryStore(Store):
    """Keeps the ledger in memory. ``guard`` is in seconds, see ``ledger/windows.py``.

    Args:
        clock: Where not None, a clock that was set is told by it, not by the times of who asks.
        alone: Whether no other process may have such a store meanwhile; from its first admission until it is closed.

    """

    def __init__(self, guard: float = GUARD, *, clock: Clock | None = None, alone: bool = False) -> None:
        self._lock = Lock()
        self._tenancy = Tenancy(alone=alone)
        self._books = MemoryBooks(guard, clock)
        self._reopened: list[Reopening] = []
        self.control: ControlStore = MemoryControl()
        """What an operator changes; this process alone sees it."""
        self.decisions: DecisionStore = MemoryDecisions()
        """Why requests went where they went: the last ones."""

    def _do(self, work: Callable[[MemoryBooks], T]) -> T:
        """Do ``work`` as of one moment, by one thread at a time."""
        with self._lock:
            self._books.begin()
            try:
                return work(self._books)
            finally:
                self._books.flush()

    @override
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        """Raise `StoreError` also where another process keeps a ledger in memory."""

        def admit(books: MemoryBooks) -> Grant | Denial:
            self._tenancy.enter()
            return books.admit(reservation)

        return self._do(admit)

    @override
    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        self._tenancy.check()
        return self._do(lambda books: books.settle(attempt_id, settlement))

    async def observations(self) -> Mapping[str, Observation]:
        """Return bucket → what its provider was last seen to say of it."""
        return self._do(lambda books: dict(books.observations))

    async def factors(self) -> Mapping[str, Factor]:
        """Return name → what its samples taught."""
        return self._do(lambda books: dict(books.factors))

    async def unconfirmed(self) -> Sequence[Unconfirmed]:
        """Return the attempts whose end is not known, oldest first."""
        return self._do(lambda books: books.attempts.unconfirmed())

    async def attempts_of(self, request_id: str) -> Sequence[KnownAttempt]:
        """Return the attempts of a request, by their numbers."""
        return self._do(lambda books: books.attempts.of_request(request_id))

    async def reconcile(self, attempt_id: str, cost: Money, at: float, note: str) -> bool:
        """Settle one of them at ``cost``; False when it is not unconfirmed. Nothing keeps ``at`` and ``note``."""
        del at, note
        self._tenancy.check()
        return self._do(lambda books: books.reconcile(attempt_id, cost))

    @override
    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        return self._do(lambda books: [books.remaining(hold, now) for hold in holds])

    async def openings(self, holds: Sequence[Hold], now: float) -> Sequence[float | None]:
        """Return from when on the limit of each hold has room for it; None = not by waiting."""
        return self._do(lambda books: [books.opening(hold, now) for hold in holds])

    @override
    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        return await self.usage_by(since, until, day=False, tag=False)

    async def usage_by(
        self, since: float, until: float, *, day: bool, tag: bool, principal: str | None = None
    ) -> Sequence[UsageRow]:
        """Return totals as `usage` does, in one row for each day and tag where asked, of one principal or of all."""
        return self._do(lambda books: books.attempts.tally(since, until, principal)).rows(day=day, tag=tag)

    @override
    async def closed(self, now: float) -> Mapping[str, Block]:
        known = self._do(lambda books: dict(books.blocks.known))
        return {bucket: block for bucket, block in known.items() if block.until > now}

    async def reopen(self, buckets: Sequence[str], at: float, who: str, note: str) -> Sequence[Reopening]:
        """Open those of ``buckets`` that are closed, and write down who did it; return what they were closed by."""
        found = self._do(lambda books: [books.blocks.reopen(bucket) for bucket in dict.fromkeys(buckets)])
        closed = [one for one in found if one is not None]
        done = [Reopening(block=one, at=at, who=who, note=note) for one in closed]
        self._reopened += done
        return done

    async def reopened(self) -> Sequence[Reopening]:
        """Return what was opened by hand, oldest first."""
        return list(self._reopened)

    async def recover(self, now: float) -> int:
        """Return 0: no owner but this process can have held anything. ``now`` is not looked at."""
        del now
        return 0

    @override
    async def check(self) -> str:
        """Return a few words on size. Raises `StoreError` when the books don't add up."""
        kept, held = self._do(MemoryBooks.check)
        return f"in memory, {kept} attempts kept one by one, {held} held; it is forgotten at the end"

    @override
    async def aclose(self) -> None:
        """Let other processes have such a store; calling it again does nothing."""
        self._tenancy.leave()


def open_memory(url: str, *, clock: Clock | None = None) -> MemoryStore:
    """Return a new, empty store for ``memory:``. Raises `ConfigError` for any other address."""
    if url not in ("memory:", "memory://"):
        raise ConfigError(f"{url!r} is not the address of a store in memory", hint="write memory:")
    return MemoryStore(clock=clock or SystemClock(), alone=True)
