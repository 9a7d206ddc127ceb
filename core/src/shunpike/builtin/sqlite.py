"""The ledger in one SQLite file: durable across ``kill -9`` and power cuts, shared safely by processes of one machine.

Write-ahead log with a full sync at every commit, so that nothing is sent before its reservation is on the disk. The
file must be on a local disk: the locks of network shares are not to be relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from shunpike.builtin.sqlite_audit import audit
from shunpike.builtin.sqlite_books import WORDS, SqliteBooks
from shunpike.builtin.sqlite_clock import LedgerClock
from shunpike.clock import Clock, SystemClock
from shunpike.errors import ConfigError
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
)
from shunpike.ledger.schema import LEDGER
from shunpike.ledger.windows import GUARD
from shunpike.protocols import Store
from shunpike.storage import Transaction, Work
from shunpike.storage.sqlite.database import SqliteDatabase
from shunpike.storage.sqlite.session import Session
from shunpike.storage.sqlite.writer import Job
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

T = TypeVar("T")


class SqliteStore(Store):
    """The ledger in one file. Opened at the first use, by a thread of its own; works under asyncio and trio."""

    def __init__(
        self, path: Path, *, clock: Clock | None = None, guard: float = GUARD, keep_days: float = KEEP_DAYS
    ) -> None:
        self.path = path
        self._clock = clock or SystemClock()
        self.database = SqliteDatabase(path, self._clock)
        self._guard = guard
        self._keep_days = keep_days
        self._kept: SqliteBooks | None = None
        self.recovered = 0
        self.database.enroll(LEDGER, recover=self._take_back, upkeep=self._keep_small, keep=self._keep)

    def _keep(self, session: Session) -> SqliteBooks:
        self._kept = SqliteBooks(session, self._guard, LedgerClock(session.connection, self._clock))
        return self._kept

    @property
    def _books(self) -> SqliteBooks:
        """What is done in a transaction: there is one then."""
        assert self._kept is not None  # noqa: S101 - the session has it made before any work is done
        return self._kept

    async def _take_back(self, tx: Transaction) -> int:
        del tx  # it is the one that the books are in
        found = self._books.take_back()
        self.recovered += found
        return found

    async def _keep_small(self, tx: Transaction) -> bool:
        del tx
        return self._books.keep_small(self._keep_days)

    def admitting(self, reservation: Reservation) -> Work[Grant | Denial]:
        """Return an admission as work for a transaction of the database."""

        async def admit(tx: Transaction) -> Grant | Denial:
            del tx
            return self._books.admit(reservation)

        return admit

    def settling(self, attempt_id: str, settlement: Settlement) -> Work[bool]:
        """Return a settlement as work for a transaction of the database."""

        async def settle(tx: Transaction) -> bool:
            del tx
            return self._books.settle(attempt_id, settlement)

        return settle

    @override
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        job = self.database.put(lambda _: self._books.admit(reservation))
        return await admission(job, reservation, self._release)

    def _release(self, attempt_id: str, settlement: Settlement) -> Job[bool]:
        return self.database.put(lambda _: self._books.settle(attempt_id, settlement), lasting=True)

    @override
    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        return await self._release(attempt_id, settlement).wait()

    @property
    def unbooked(self) -> int:
        """How many settlements could not be written yet."""
        return self.database.unwritten

    async def recover(self, now: float) -> int:
        """Make unconfirmed what dead owners still hold; return how many attempts that were."""
        return await self._write(lambda books: books.recover(now))

    async def _write(self, work: Callable[[SqliteBooks], T]) -> T:
        return await self.database.put(lambda _: work(self._books)).wait()

    @override
    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        ahead = self._ahead()
        return await self.database.read(lambda tx: read_remaining(tx, holds, now, self._guard, ahead))

    async def openings(self, holds: Sequence[Hold], now: float) -> Sequence[float | None]:
        """Return from when on the limit of each hold has room for it; None = not by waiting."""
        ahead = self._ahead()
        return await self.database.read(lambda tx: read_openings(tx, holds, now, self._guard, ahead))

    @override
    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        return await self.usage_by(since, until, day=False, tag=False)

    async def usage_by(
        self, since: float, until: float, *, day: bool, tag: bool, principal: str | None = None
    ) -> Sequence[UsageRow]:
        """Return totals as `usage` does, in one row for each day and tag where asked, of one principal or of all."""
        asked = UsageAsked((since, until), (since, until), day, tag, principal)
        return await self.database.read(lambda tx: read_usage(tx, WORDS.day_of, asked))

    async def observations(self) -> Mapping[str, Observation]:
        """Return bucket → what its provider was last seen to say of it."""
        return await self.database.read(read_observations)

    async def factors(self) -> Mapping[str, Factor]:
        """Return name → what its samples taught."""
        return await self.database.read(read_factors)

    async def unconfirmed(self) -> Sequence[Unconfirmed]:
        """Return the attempts whose end is not known, oldest first."""
        return await self.database.read(read_unconfirmed)

    async def attempts_of(self, request_id: str) -> Sequence[KnownAttempt]:
        """Return the attempts of a request, by their numbers."""
        return await self.database.read(lambda tx: read_attempts(tx, request_id))

    async def timings(self, since: float, most: int) -> Sequence[Timing]:
        """Return the latest answers to attempts that began at ``since`` or later, ``most`` at most."""
        return await self.database.read(lambda tx: read_timings(tx, since, most))

    async def reconcile(self, attempt_id: str, cost: Money, at: float, note: str) -> bool:
        """Settle one of them at ``cost`` and write it down; False when it is not unconfirmed."""
        return await self._write(lambda books: books.reconcile(attempt_id, cost, at, note))

    @override
    async def closed(self, now: float) -> Mapping[str, Block]:
        ahead = self._ahead()
        found = await self.database.read(lambda tx: read_blocks(tx, now + ahead))
        return {block.bucket: block.moved(-ahead) for block in found}

    async def reopen(self, buckets: Sequence[str], at: float, who: str, note: str) -> Sequence[Reopening]:
        """Open those of ``buckets`` that are closed, and write down who did it; return what they were closed by."""
        return await self._write(lambda books: books.reopen(buckets, at, who, note))

    async def reopened(self) -> Sequence[Reopening]:
        """Return what was opened by hand, oldest first."""
        return await self.database.read(read_reopened)

    def _ahead(self) -> float:
        """Return how far steady time is ahead of the wall's, once the file is open."""
        return 0.0 if self._kept is None else self._kept.steady.ahead_now()

    @override
    async def check(self) -> str:
        """Return a few words on size. Raises `StoreError` when the file is damaged or the books don't add up."""
        return await self.database.read_by(lambda connection: audit(connection, str(self.path)))

    @override
    async def aclose(self) -> None:
        """Finish what is queued and let go of the file; does nothing again, or in a fork: there all is the parent's."""
        await self.database.aclose()


def open_sqlite(url: str, *, clock: Clock | None = None) -> SqliteStore:
    """Return the store for ``sqlite:/absolute/path.db``; the file is made at the first use, its folder must exist.

    ``clock`` is the one that reservations are dated by. Raises `ConfigError` for an address that is none.
    """
    scheme, _, rest = url.partition(":")
    path = Path(rest.removeprefix("//"))
    if scheme != "sqlite" or not path.is_absolute():
        raise ConfigError(f"{url!r} is not the address of a ledger file", hint="write sqlite:/absolute/path.db")
    return SqliteStore(path, clock=clock)
