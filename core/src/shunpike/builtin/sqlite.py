"""The ledger in one SQLite file: durable across ``kill -9`` and power cuts, shared safely by processes of one machine.

Write-ahead log with a full sync at every commit, so that nothing is sent before its reservation is on the disk. The
file must be on a local disk: the locks of network shares are not to be relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TypeVar

import anyio
import anyio.to_thread
from typing_extensions import override

from shunpike.builtin.sqlite_blocks import read_blocks, read_reopened
from shunpike.builtin.sqlite_books import Books
from shunpike.builtin.sqlite_clock import LedgerClock
from shunpike.builtin.sqlite_connection import LAST_PATIENCE, Patience, SqliteConnection
from shunpike.builtin.sqlite_creation import create, tidy
from shunpike.builtin.sqlite_file import is_new, real_path
from shunpike.builtin.sqlite_learning import read_factors, read_observations, read_unconfirmed
from shunpike.builtin.sqlite_owner import Incarnation, sweep
from shunpike.builtin.sqlite_sql import Connection, migrate
from shunpike.builtin.sqlite_upkeep import (
    KEEP_DAYS,
    UPKEEP_EVERY,
    audit,
    keep_small,
    read_remaining,
    read_usage,
)
from shunpike.builtin.sqlite_writer import Job, Writer
from shunpike.clock import Clock, SystemClock
from shunpike.errors import ConfigError, StoreError
from shunpike.ledger.pending import admission
from shunpike.ledger.steady import Steady
from shunpike.ledger.windows import GUARD
from shunpike.protocols import Store
from shunpike.types import (
    Block,
    Denial,
    Factor,
    Grant,
    Hold,
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
READING = 15.0
"""Seconds to wait for another reader of this process, which may itself wait for another process."""


class _Opened:
    """The database as the writing thread has it: its connection, its books, its lock as an owner."""

    def __init__(self, path: Path, patience: Patience, clock: Clock, guard: float, keep_days: float) -> None:
        real = real_path(path)
        if is_new(real):
            create(path, real, clock.now())
        else:
            tidy(real)
        self.connection = SqliteConnection(path, patience=patience)
        self._owner: Incarnation | None = None
        self._clock = clock
        self._keep_days = keep_days
        self._upkeep_at = clock.now()
        try:
            migrate(self.connection, str(real), self._upkeep_at)
            self._owner = Incarnation(real)
            with self.connection.transaction():
                ledger_clock = LedgerClock(self.connection, clock)
                self.steady = ledger_clock.steady
                self.books = Books(self.connection, self._owner, guard, ledger_clock)
                self.books.begin()
                self.books.enter(self._upkeep_at)
                self.books.recover(self._upkeep_at)
                self.books.flush()
                sweep(real)
        except BaseException:
            self.connection.close()
            if self._owner is not None:
                self._owner.close(forget=True)
            raise

    def rest(self) -> None:
        """Let other processes have their turn; fold old rows once an hour."""
        self.connection.rest()
        now = self._clock.now()
        if abs(now - self._upkeep_at) >= UPKEEP_EVERY:
            self._upkeep_at = now
            with self.connection.transaction():
                self.books.begin()
                # By the clock that shows less: what has expired by both.
                past = self.steady.wall + min(0.0, self.steady.ahead)
                more = keep_small(self.connection, past, self._keep_days)
            self.books.forget()
            if more:
                self._upkeep_at = now - UPKEEP_EVERY

    def close(self) -> None:
        """Leave the list of owners, unless something is still held: that is left to the next one's recovery."""
        gone = False
        # A disk that fails at the end changes nothing for anybody: the free lock tells that this owner has gone.
        with suppress(StoreError), self.connection.transaction():
            gone = self.books.leave()
        with suppress(StoreError):
            self.connection.close()
        if self._owner is not None:
            self._owner.close(forget=gone)


class SqliteStore(Store):
    """The ledger in one file. Opened at the first use, by a thread of its own; works under asyncio and trio."""

    def __init__(
        self, path: Path, *, clock: Clock | None = None, guard: float = GUARD, keep_days: float = KEEP_DAYS
    ) -> None:
        self.path = path
        self._guard = guard
        chosen = clock or SystemClock()
        self._clock = chosen
        self._steady: Steady | None = None

        def opening() -> _Opened:
            opened = _Opened(path, patience, chosen, guard, keep_days)
            self._steady = opened.steady
            return opened

        patience = self._patience = Patience()
        self._writer = Writer(opening, patience.end, chosen)
        self._reader: SqliteConnection | None = None
        self._reading = Lock()

    @override
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        """Take every hold, or none and say which limit blocks; durable when it returns. Raises `StoreError`.

        A caller that is cancelled while it waits leaves at once; what it was granted is given back.
        """
        job = Job(lambda books: books.admit(reservation))
        self._writer.put(job)
        return await admission(job, reservation, self._release)

    def _release(self, attempt_id: str, settlement: Settlement) -> Job[bool]:
        job = Job(lambda books: books.settle(attempt_id, settlement), lasting=True)
        self._writer.put(job)
        return job

    @override
    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        """Settle a held attempt once; False when it was settled before, which changes nothing. Raises `StoreError`.

        It is done, durably, even when the caller is cancelled meanwhile; where it fails it is tried again until it is.
        """
        return await self._release(attempt_id, settlement).wait()

    @property
    def unbooked(self) -> int:
        """How many settlements could not be written yet."""
        return len(self._writer.backlog)

    async def recover(self, now: float) -> int:
        """Make unconfirmed what dead owners still hold; return how many attempts that were."""
        return await self._write(lambda books: books.recover(now))

    async def _write(self, work: Callable[[Books], T]) -> T:
        job = Job(work)
        self._writer.put(job)
        return await job.wait()

    @override
    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        """Return what is left of each hold's limit; amounts are not looked at."""
        return await self._read(lambda connection: read_remaining(connection, holds, now, self._guard, self._ahead()))

    @override
    async def usage(self, since: float, until: float) -> Sequence[UsageRow]:
        """Return totals by provider and model of the attempts begun in ``[since, until)``."""
        return await self._read(lambda connection: read_usage(connection, since, until))

    async def usage_by(self, since: float, until: float, *, day: bool, tag: bool) -> Sequence[UsageRow]:
        """Return totals as `usage` does, in one row for each day and tag where asked."""
        return await self._read(lambda connection: read_usage(connection, since, until, day=day, tag=tag))

    async def observations(self) -> Mapping[str, Observation]:
        """Return bucket → what its provider was last seen to say of it."""
        return await self._read(read_observations)

    async def factors(self) -> Mapping[str, Factor]:
        """Return name → what its samples taught."""
        return await self._read(read_factors)

    async def unconfirmed(self) -> Sequence[Unconfirmed]:
        """Return the attempts whose end is not known, oldest first."""
        return await self._read(read_unconfirmed)

    async def reconcile(self, attempt_id: str, cost: Money, at: float, note: str) -> bool:
        """Settle one of them at ``cost`` and write it down; False when it is not unconfirmed."""
        return await self._write(lambda books: books.reconcile(attempt_id, cost, at, note))

    @override
    async def closed(self, now: float) -> Mapping[str, Block]:
        """Return bucket → block of the buckets that are closed at ``now``."""
        found = await self._read(lambda connection: read_blocks(connection, now, self._ahead()))
        return {block.bucket: block for block in found}

    async def reopen(self, buckets: Sequence[str], at: float, who: str, note: str) -> Sequence[Reopening]:
        """Open those of ``buckets`` that are closed, and write down who did it; return what they were closed by."""
        return await self._write(lambda books: books.reopen(buckets, at, who, note))

    async def reopened(self) -> Sequence[Reopening]:
        """Return what was opened by hand, oldest first."""
        return await self._read(read_reopened)

    def _ahead(self) -> float:
        """Return how far steady time is ahead of the wall's, once the file is open."""
        return 0.0 if self._steady is None else self._steady.ahead_now()

    @override
    async def check(self) -> str:
        """Return a few words on size. Raises `StoreError` when the file is damaged or the books don't add up."""
        return await self._read(lambda connection: audit(connection, str(self.path)))

    async def _read(self, work: Callable[[Connection], T]) -> T:
        self._writer.check_process()  # a connection must not be used on both sides of a fork
        if self._reader is None:
            await self._write(lambda _: None)  # the writer has then made the file and its schema
        with self._clock.outside():
            return await anyio.to_thread.run_sync(self._read_now, work, abandon_on_cancel=True)

    def _read_now(self, work: Callable[[Connection], T]) -> T:
        if not self._reading.acquire(timeout=READING):
            raise StoreError(f"the ledger {self.path} did not answer within {READING:g} s", hint="run: shunpike doctor")
        try:
            if self._reader is None:
                self._reader = SqliteConnection(self.path, patience=self._patience)
            self._reader.file.check()
            return work(self._reader)
        finally:
            self._reading.release()

    @override
    async def aclose(self) -> None:
        """Finish what is queued and let go of the file; does nothing again, or in a fork: there all is the parent's."""
        with self._clock.outside(), anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._close)

    def _close(self) -> None:
        if self._writer.is_forked:
            return
        self._writer.close()
        # A reader that is still at it, for somebody who has left, goes with the process.
        if self._reading.acquire(timeout=LAST_PATIENCE):
            if self._reader is not None:
                self._reader.close()
            self._reading.release()


def open_sqlite(url: str, *, clock: Clock | None = None) -> SqliteStore:
    """Return the store for ``sqlite:/absolute/path.db``; the file is made at the first use, its folder must exist.

    ``clock`` is the one that reservations are dated by. Raises `ConfigError` for an address that is none.
    """
    scheme, _, rest = url.partition(":")
    path = Path(rest.removeprefix("//"))
    if scheme != "sqlite" or not path.is_absolute():
        raise ConfigError(f"{url!r} is not the address of a ledger file", hint="write sqlite:/absolute/path.db")
    return SqliteStore(path, clock=clock)
