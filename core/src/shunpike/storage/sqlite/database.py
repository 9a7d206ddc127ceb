"""A database in one SQLite file: durable across ``kill -9`` and power cuts, shared by processes of one machine.

Write-ahead log with a full sync at every commit, so that what was written is on the disk. The file must be on a local
disk: the locks of network shares are not to be relied on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from typing_extensions import override

from shunpike.clock import Clock
from shunpike.errors import StoreError
from shunpike.storage.database import SEEN_WITHIN, Database, Kept, Recover, Upkeep, Work
from shunpike.storage.migrations import Migrations
from shunpike.storage.sqlite.connection import LAST_PATIENCE, Patience, SqliteConnection
from shunpike.storage.sqlite.session import Enrolled, Keeper, Session
from shunpike.storage.sqlite.transaction import SqliteTransaction, run
from shunpike.storage.sqlite.writer import Job, PatientJob, Writer

T = TypeVar("T")
READING = 15.0
"""Seconds to wait for another reader of this process, which may itself wait for another process."""


class SqliteDatabase(Database):
    """Opened at the first use, by a thread of its own; works under asyncio and trio."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._stores: list[Enrolled] = []
        self._revisions: dict[str, int] = {}
        self._looked_mono: float | None = None
        self._owner = ""
        self._patience = Patience()
        self._writer = Writer(self._open, self._patience.end, clock)
        self._reader: SqliteConnection | None = None
        self._prepared = 0
        """So many of the stores had their tables when last looked at."""
        self._reading = Lock()

    def _open(self) -> Session:
        session = Session(self.path, self._patience, self._clock, self._stores, self._revisions)
        self._owner = session.owner.id
        return session

    @override
    def enroll(
        self,
        migrations: Migrations,
        *,
        recover: Recover | None = None,
        upkeep: Upkeep | None = None,
        keep: Callable[[Session], Keeper] | None = None,
    ) -> None:
        """Take in a store; ``keep``, of this kind of database alone, makes what it keeps of its tables in memory."""
        if all(one.migrations.store != migrations.store for one in self._stores):
            self._stores.append(Enrolled(migrations, recover, upkeep, keep))

    @override
    async def transaction(self, *work: Work[Any]) -> tuple[Any, ...]:
        """Do all of ``work`` in one transaction; other transactions that wait share its commit."""
        raised: list[Exception] = []

        def together(session: Session) -> tuple[Any, ...]:
            try:
                return session.run(work)
            except Exception as error:
                raised.append(error)
                raise

        job = self.put(together)
        await job.done()
        if raised and job.error is not None and job.error.__cause__ is raised[-1]:
            raise raised[-1]  # the work's own, as it was
        return job.outcome()

    def put(self, work: Callable[[Session], T], *, lasting: bool = False) -> Job[T]:
        """Queue work for the writing thread, which has the session; it is in a transaction then. Raises `StoreError`.

        Args:
            work: What is to be done.
            lasting: Whether it is tried again until it is done, whoever waits for it.

        """
        job = Job(work, lasting=lasting)
        self._writer.put(job)
        return job

    @override
    def later(self, work: Work[Any], then: Kept) -> None:
        self._writer.put(PatientJob(lambda session: session.run([work]), then))

    @property
    def unwritten(self) -> int:
        """How much of what is lasting could not be written yet."""
        return len(self._writer.backlog)

    @override
    async def read(self, work: Work[T]) -> T:
        return await self.read_by(lambda connection: self._run(work, connection))

    def _run(self, work: Work[T], connection: SqliteConnection) -> T:
        with connection.reading():
            return run(work(SqliteTransaction(connection, self._owner, self._clock.now())))

    async def read_by(self, work: Callable[[SqliteConnection], T]) -> T:
        """Do ``work``, statements that only read, in a thread beside the writer. Raises `StoreError`."""
        self._writer.check_process()  # a connection must not be used on both sides of a fork
        stores = len(self._stores)
        if self._prepared < stores:
            await self.put(lambda _: None).wait()  # the writer has then made the file and its tables
            self._prepared = stores
        with self._clock.outside():
            return await anyio.to_thread.run_sync(self._read_now, work, abandon_on_cancel=True)

    def _read_now(self, work: Callable[[SqliteConnection], T]) -> T:
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
    async def revision(self, topic: str) -> int:
        """Return how often ``topic`` was announced; the file is looked at where the last look was a while ago."""
        now_mono = self._clock.monotonic()
        if self._looked_mono is None or not 0 <= now_mono - self._looked_mono < SEEN_WITHIN:
            found = await self.read_by(lambda connection: connection.rows("SELECT topic, revision FROM revisions"))
            for name, revision in found:
                # What this process has announced since may be newer.
                self._revisions[name] = max(revision, self._revisions.get(name, 0))
            self._looked_mono = now_mono
        return self._revisions.get(topic, 0)

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
