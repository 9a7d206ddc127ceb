"""A thread with an event loop of its own, so that callers may be on asyncio or trio: psycopg knows asyncio only.

One task writes: what waits in its queue shares a transaction. Reads go through a pool, beside it.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool

from shunpike.errors import StoreError
from shunpike.ledger.pending import Pending, answer
from shunpike_postgres.address import Address
from shunpike_postgres.connection import HEARTBEAT, READING, Connection, patience, reading_pool, said
from shunpike_postgres.jobs import Job
from shunpike_postgres.session import Session
from shunpike_postgres.writer import Writer

T = TypeVar("T")

_BATCH = 256


class Worker:
    """The thread, its loop, the writer's queue and the pool of readers. Started at the first use."""

    def __init__(self, address: Address, session: Session, keep_days: float) -> None:
        self._address = address
        self._session = session
        self.writer = Writer(session, keep_days)
        self._queue: asyncio.Queue[Job | None] = asyncio.Queue()
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._reads: set[asyncio.Task[None]] = set()

    def put(self, job: Job) -> None:
        """Queue something to be written. Raises `StoreError` after `close`, or in a process that was forked off."""
        self._soon(self._queue.put_nowait, job)

    def read(self, work: Callable[[Connection], Awaitable[T]]) -> Pending[T]:
        """Read something through the pool. Raises as `put`."""
        pending: Pending[T] = Pending()
        self._soon(self._begin_reading, pending, work)
        return pending

    def _soon(self, call: Callable[..., object], *arguments: object) -> None:
        if os.getpid() != self._pid:
            raise StoreError("the ledger was opened before a fork", hint="open a client of its own in each process")
        with self._lock:
            if self._closed:
                raise StoreError("the ledger is closed")
            if self._thread is None:
                ready = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(ready,), name="shunpike-ledger", daemon=True)
                self._thread.start()
                ready.wait()
            assert self._loop is not None  # noqa: S101 - the thread has set it
            self._loop.call_soon_threadsafe(call, *arguments)

    def close(self) -> None:
        """Finish what is queued and let go of all connections. Blocks; calling it again does nothing."""
        with self._lock:
            if self._closed or os.getpid() != self._pid:
                return
            self._closed = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._queue.put_nowait, None)
        if self._thread is not None:
            self._thread.join()

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = reading_pool(self._address)
        ready.set()
        running = True
        while running:
            batch: list[Job] = []
            running = await self._drain(batch)
            if batch:
                try:
                    await self.writer.write(batch)
                finally:
                    answer(batch)
            # Old rows can wait for the next hour; whatever is wrong will meet the next admission anyway.
            with suppress(Exception):
                if batch:
                    await self.writer.rest()
                elif running:
                    await self.writer.beat()
        if self._reads:
            await asyncio.wait(self._reads)
        # A server that is gone at the end changes nothing for anybody: it has ended our session, and freed our lock.
        with suppress(psycopg.Error, StoreError, OSError):
            await self._session.close()
        await self._pool.close()

    async def _drain(self, batch: list[Job]) -> bool:
        try:
            job = await asyncio.wait_for(self._queue.get(), HEARTBEAT)
        except TimeoutError:
            return True
        while job is not None and len(batch) < _BATCH - 1:
            batch.append(job)
            if self._queue.empty():
                return True
            job = self._queue.get_nowait()
        if job is not None:
            batch.append(job)
        return job is not None

    def _begin_reading(self, pending: Pending[Any], work: Callable[[Connection], Awaitable[Any]]) -> None:
        task = asyncio.get_running_loop().create_task(self._read(pending, work))
        self._reads.add(task)
        task.add_done_callback(self._reads.discard)

    async def _read(self, pending: Pending[Any], work: Callable[[Connection], Awaitable[Any]]) -> None:
        assert self._pool is not None  # noqa: S101 - made before anything is read
        for last in (False, True):
            try:
                # The writer makes the schema, and knows the database's clock.
                await self.writer.opened()
                await self._pool.open()
                async with self._pool.connection() as connection:
                    with patience(connection, READING):
                        pending.result = await work(connection)
            except StoreError as error:
                pending.fail(error)
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                if isinstance(error, psycopg.OperationalError) and not last:
                    continue
                pending.fail(said(self._address, error))
            break
        answer([pending])
