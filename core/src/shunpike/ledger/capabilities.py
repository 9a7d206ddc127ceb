"""What a store of the ledger may be able to do beside `Store`: one protocol for each, ``isinstance`` asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from shunpike.storage import HasDatabase, Work
from shunpike.types import (
    Denial,
    Factor,
    Grant,
    Hold,
    KnownAttempt,
    Money,
    Observation,
    Reopening,
    Reservation,
    Settlement,
    Timing,
    Unconfirmed,
    UsageRow,
)


@runtime_checkable
class Learns(Protocol):
    """A store that keeps what `Settlement.limit_updates` and `Settlement.samples` taught. Else each process forgets."""

    async def observations(self) -> Mapping[str, Observation]:
        """Return bucket → what the provider was last seen to say of it."""
        ...

    async def factors(self) -> Mapping[str, Factor]:
        """Return name → what its samples taught."""
        ...


@runtime_checkable
class RetriesSettlements(Protocol):
    """A store that tries again by itself to write what it was told to settle, until it is written or it is closed.

    It does so also where the caller is cancelled meanwhile.
    Without it the ledger settles again what failed or was cancelled, whenever it is used and when it is closed.
    """

    @property
    def unbooked(self) -> int:
        """How many settlements could not be written yet."""
        ...


@runtime_checkable
class CountsBy(Protocol):
    """A store whose totals can be split by day (UTC) and by tag, and be told of one principal alone."""

    async def usage_by(
        self, since: float, until: float, *, day: bool, tag: bool, principal: str | None = None
    ) -> Sequence[UsageRow]:
        """Return totals as `Store.usage` does, in one row for each day and tag where asked.

        Those of a ``principal``, as far as its attempts are kept one by one; None = of all.
        """
        ...


@runtime_checkable
class KnowsAttempts(Protocol):
    """A store that tells what became of a request. Without it a ``request_id`` is unique among those that run here."""

    async def attempts_of(self, request_id: str) -> Sequence[KnownAttempt]:
        """Return ``<request_id>-1`` and what follows without a gap, as far as each is kept one by one."""
        ...


@runtime_checkable
class TellsOpenings(Protocol):
    """A store that tells when a full limit has room. Without it that is taken to be when nothing of it is used."""

    async def openings(self, holds: Sequence[Hold], now: float) -> Sequence[float | None]:
        """Return from when on the limit of each hold has room for it, ``now`` where it has; None = not by waiting.

        Blocks are not looked at.
        """
        ...


@runtime_checkable
class TellsTimings(Protocol):
    """A store that tells what answers took. Without it each process learns by its own which target is fast."""

    async def timings(self, since: float, most: int) -> Sequence[Timing]:
        """Return the latest answers, ``most`` at most, to attempts that began at ``since`` or later, epoch seconds."""
        ...


@runtime_checkable
class JoinsTransactions(HasDatabase, Protocol):
    """A store whose admissions and settlements may be work in a transaction of its database, beside that of others."""

    def admitting(self, reservation: Reservation) -> Work[Grant | Denial]:
        """Return an admission as work; what else is in the transaction is kept also where it is denied."""
        ...

    def settling(self, attempt_id: str, settlement: Settlement) -> Work[bool]:
        """Return a settlement as work."""
        ...


RECOVER_EVERY = 1.0
"""Seconds between two looks for dead owners, however many attempts are denied meanwhile."""


@runtime_checkable
class TellsRecovered(Protocol):
    """A store that tells how many attempts of owners that have died it made unconfirmed, whoever asked it to."""

    @property
    def recovered(self) -> int:
        """How many since it was made."""
        ...


@runtime_checkable
class Reconciles(Protocol):
    """A store in which attempts with an unknown end can be settled by hand."""

    async def unconfirmed(self) -> Sequence[Unconfirmed]:
        """Return the attempts whose end is not known, oldest first."""
        ...

    async def reconcile(self, attempt_id: str, cost: Money, at: float, note: str) -> bool:
        """Settle one at ``cost`` and write down who changed what; False when it is not unconfirmed (any more)."""
        ...


@runtime_checkable
class Reopens(Protocol):
    """A store in which a person can open what was closed, before its time."""

    async def reopen(self, buckets: Sequence[str], at: float, who: str, note: str) -> Sequence[Reopening]:
        """Open those of ``buckets`` that are closed, and write down who did it; return what they were closed by."""
        ...

    async def reopened(self) -> Sequence[Reopening]:
        """Return what was opened by hand, oldest first."""
        ...
