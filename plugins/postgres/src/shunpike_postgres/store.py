"""The ledger on PostgreSQL: one set of limits and budgets for all processes of all machines that name it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from typing_extensions import override

from shunpike.clock import Clock, SystemClock
from shunpike.ledger.awaiting import admission
from shunpike.ledger.folding import KEEP_DAYS
from shunpike.ledger.queries import (
    UsageAsked,
    read_attempts,
    read_blocks,
    read_factors,
    read_observations,
    read_openings,
    read_remaining,
    read_reopened,
    read_timings,
    read_unconfirmed,
    read_usage,
    reconcile,
    reopen,
)
from shunpike.ledger.schema import LEDGER
from shunpike.ledger.windows import GUARD
from shunpike.protocols import Store
from shunpike.storage import Transaction, Work
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
    Timing,
    Unconfirmed,
    UsageRow,
)
from shunpike_postgres.address import Address
from shunpike_postgres.audit import audit
from shunpike_postgres.batch import Batch
from shunpike_postgres.database import PostgresDatabase
from shunpike_postgres.jobs import Admit, SessionJob, Settle
from shunpike_postgres.session import PostgresSession
from shunpike_postgres.transaction import PostgresTransaction
from shunpike_postgres.upkeep import WORDS
from shunpike_postgres.worker import Worker

T = TypeVar("T")


class PostgresStore(Store):
    """Nothing is opened before the first use. Works under asyncio and trio.

    Args:
        clock: This machine's; None = its system clock.
        trust_clock: Whether that clock is everybody's, as in a simulation. If not, the database's rules, which all
            machines share.
        guard: Seconds, see ``shunpike.ledger.windows``.
        keep_days: Days after which attempts are folded into daily totals.

    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        trust_clock: bool = False,
        guard: float = GUARD,
        keep_days: float = KEEP_DAYS,
    ) -> None:
        self.address = Address(url)
        self._guard = guard
        self._session = PostgresSession(self.address, guard, clock or SystemClock(), trusted=trust_clock)
        self._worker = Worker(self.address, self._session, keep_days)
        self.database = PostgresDatabase(self._session, self._worker)
        """What it stands on, where other stores may stand too."""
        self.database.enroll(LEDGER)

    @override
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        job = Admit(reservation)
        self._worker.put(job)
        return await admission(job, reservation, self._release)

    def admitting(self, reservation: Reservation) -> Work[Grant | Denial]:
        """Return an admission as work for a transaction of the database."""

        async def admit(tx: Transaction) -> Grant | Denial:
            job = Admit(reservation)
            await self._join(tx, job)
            return job.outcome()

        return admit

    def settling(self, attempt_id: str, settlement: Settlement) -> Work[bool]:
        """Return a settlement as work for a transaction of the database."""

        async def settle(tx: Transaction) -> bool:
            job = Settle(attempt_id, settlement)
            await self._join(tx, job)
            return job.outcome()

        return settle

    async def _join(self, tx: Transaction, job: Admit | Settle) -> None:
        if not isinstance(tx, PostgresTransaction):
            raise TypeError(f"{tx!r} is no transaction of this database")
        await Batch(self._session, [job], joins=True).run()
        if isinstance(job.result, Grant):
            tx.admitted.append(job.result.attempt_id)

    def _release(self, attempt_id: str, settlement: Settlement) -> Settle:
        job = Settle(attempt_id, settlement)
        self._worker.put(job)
        return job

    @override
    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        return await self._release(attempt_id, settlement).wait()

    @property
    def unbooked(self) -> int:
        """How many settlements could not be written yet."""
        return len(self._worker.backlog)

    @property
    def recovered(self) -> int:
        """How many attempts of dead owners it made unconfirmed since it was made."""
        return self._worker.writer.recovered

    async def recover(self, now: float) -> int:
        """Make unconfirmed what dead owners still hold; return how many attempts that were. Raises `StoreError`."""
        del now  # the time that rules is the session's
        writer = self._worker.writer
        job = SessionJob(lambda session: writer.recover(session.now()))
        self._worker.put(job)
        return await job.wait()

    async def reconcile(self, attempt_id: str, cost: Money, at: float, note: str) -> bool:
        """Settle an unconfirmed attempt at ``cost`` and write it down; False when it is none. Raises `StoreError`."""
        session = self._session
        [done] = await self.database.transaction(
            lambda tx: reconcile(tx, attempt_id, cost, session.shift.theirs(at), note)
        )
        return bool(done)

    @override
    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        session = self._session
        found = await self._read(lambda tx: read_remaining(tx, holds, session.shift.theirs(now), self._guard))
        return session.shift.remaining(found)

    async def openings(self, holds: Sequence[Hold], now: float) -> Sequence[float | None]:
        """Return from when on the limit of each hold has room for it; None = not by waiting."""
        session = self._session
        found = await self._read(lambda tx: read_openings(tx, holds, session.shift.theirs(now), self._guard))
        return [None if at is None else session.shift.ours(at) for at in found]

    @override
    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        return await self.usage_by(since, until, day=False, tag=False)

    async def usage_by(
        self, since: float, until: float, *, day: bool, tag: bool, principal: str | None = None
    ) -> Sequence[UsageRow]:
        """Return totals as `usage` does, by day and tag where asked, of a principal or of all. Raises `StoreError`."""
        session, span = self._session, (since, until)

        def read(tx: Transaction) -> Awaitable[Sequence[UsageRow]]:
            theirs = session.shift.theirs(since), session.shift.theirs(until)
            return read_usage(tx, WORDS.day_of, UsageAsked(theirs, span, day, tag, principal))

        return await self._read(read)

    async def observations(self) -> Mapping[str, Observation]:
        """Return bucket → what its provider was last seen to say of it. Raises `StoreError`."""
        found = await self._read(read_observations)
        return {bucket: self._session.shift.observation(one) for bucket, one in found.items()}

    async def factors(self) -> Mapping[str, Factor]:
        """Return name → what its samples taught. Raises `StoreError`."""
        found = await self._read(read_factors)
        return {name: self._session.shift.factor(one) for name, one in found.items()}

    async def unconfirmed(self) -> Sequence[Unconfirmed]:
        """Return the attempts whose end is not known, oldest first. Raises `StoreError`."""
        found = await self._read(read_unconfirmed)
        return self._session.shift.unconfirmed(found)

    async def attempts_of(self, request_id: str) -> Sequence[KnownAttempt]:
        """Return the attempts of a request, by their numbers. Raises `StoreError`."""
        found = await self._read(lambda tx: read_attempts(tx, request_id))
        return [one.model_copy(update={"at": self._session.shift.ours(one.at)}) for one in found]

    async def timings(self, since: float, most: int) -> Sequence[Timing]:
        """Return the latest answers to attempts that began at ``since`` or later. Raises `StoreError`."""
        shift = self._session.shift
        found = await self._read(lambda tx: read_timings(tx, shift.theirs(since), most))
        return [one._replace(ended_at=shift.ours(one.ended_at)) for one in found]

    @override
    async def closed(self, now: float) -> Mapping[str, Block]:
        session = self._session
        found = await self._read(lambda tx: read_blocks(tx, session.shift.theirs(now)))
        return {one.bucket: session.shift.block(one) for one in found}

    async def reopen(self, buckets: Sequence[str], at: float, who: str, note: str) -> Sequence[Reopening]:
        """Open those of ``buckets`` that are closed, and write down who did it. Raises `StoreError`."""
        session = self._session
        [done] = await self.database.transaction(lambda tx: reopen(tx, buckets, session.shift.theirs(at), who, note))
        return session.shift.reopened(done)

    async def reopened(self) -> Sequence[Reopening]:
        """Return what was opened by hand, oldest first. Raises `StoreError`."""
        return self._session.shift.reopened(await self._read(read_reopened))

    async def _read(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Do what is one statement, or where each may be of a moment of its own."""
        return await self._worker.read(lambda connection: self._session.transaction(connection).run(work)).wait()

    @override
    async def check(self) -> str:
        """Return a few words on size. Raises `StoreError` when it can't be reached or the books don't add up."""
        return await self._worker.read(lambda connection: audit(connection, self.address)).wait()

    @override
    async def aclose(self) -> None:
        """Finish what is queued and let go of all connections; calling it again does nothing."""
        await self.database.aclose()


def open_postgres(url: str, *, clock: Clock | None = None) -> PostgresStore:
    """Return the store for ``postgresql://user@host/database``. Raises `ConfigError` for an address that is none."""
    return PostgresStore(url, clock=clock)
