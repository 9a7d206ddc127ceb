"""The database that a ledger on PostgreSQL stands on, and other stores beside it: see ``shunpike.storage``."""

from __future__ import annotations

from typing import Any, TypeVar

import anyio
import anyio.to_thread
import psycopg
from typing_extensions import override

from shunpike.storage import Database, Migrations, Work
from shunpike.storage.database import Kept, Recover, Upkeep
from shunpike_postgres.connection import Connection
from shunpike_postgres.jobs import LaterJob, SharedJob
from shunpike_postgres.session import PostgresSession
from shunpike_postgres.worker import Worker

T = TypeVar("T")


class PostgresDatabase(Database):
    """All stores of one process on one server: one connection writes for all of them, others read."""

    def __init__(self, session: PostgresSession, worker: Worker) -> None:
        self._session = session
        self._worker = worker

    @override
    def enroll(self, migrations: Migrations, *, recover: Recover | None = None, upkeep: Upkeep | None = None) -> None:
        """Take in a store; its tables are brought up to date before it is used."""
        self._session.stores.enroll(migrations, recover, upkeep)

    @override
    async def transaction(self, *work: Work[Any]) -> tuple[Any, ...]:
        """Do all of ``work`` in one transaction, or nothing. Raises what one of them raises, and `StoreError`."""
        job = SharedJob(work)
        self._worker.put(job)
        results = await job.wait()
        if isinstance(results, BaseException):
            raise results
        return results

    @override
    def later(self, work: Work[Any], then: Kept) -> None:
        self._worker.put(LaterJob(work, then))

    @override
    async def read(self, work: Work[T]) -> T:
        """Do ``work``, which only reads, as of one moment. Raises what it raises, and `StoreError`."""
        if self._session.stores.are_behind:
            await self.transaction()
        done = await self._worker.read(lambda connection: self._read(connection, work)).wait()
        if isinstance(done, Exception):
            raise done
        return done[0]

    async def _read(self, connection: Connection, work: Work[T]) -> tuple[T] | Exception:
        """Return the result, or what the work raised."""
        async with connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                return (await self._session.transaction(connection).run(work),)
            except (psycopg.Error, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - the work's own: it is raised to whoever asked
                return error

    @override
    async def revision(self, topic: str) -> int:
        """Return how often ``topic`` was announced, as it was a fifth of a second ago. Raises `StoreError`."""
        feed, clock = self._session.feed, self._session.clock
        known = feed.known(topic)
        if known is None:
            begun_mono = clock.monotonic()
            rows = await self.read(lambda tx: tx.rows("SELECT revision FROM revisions WHERE topic = ?", topic))
            known = int(rows[0][0]) if rows else 0
            feed.tell(topic, known, begun_mono)
            self._worker.listen()
        return known

    @override
    async def aclose(self) -> None:
        """Finish what is queued and let go of all connections; calling it again does nothing."""
        with self._session.clock.outside(), anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._worker.close)
