"""A thread with an event loop of its own, so that callers may be on asyncio or trio: psycopg knows asyncio only.

One task writes: what waits in its queue shares a transaction. Reads go through a pool, beside it. Nothing ends the task
but `Worker.close`: whatever goes wrong is told to those who wait. What must be written, the end of an attempt, is tried
again until it is; also while nobody asks for anything.
"""

from __future__ import annotations

import asyncio
import math
import os
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import Context
from typing import Any, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool

from shunpike.errors import StoreError
from shunpike.storage.backlog import ROOM, Backlog
from shunpike.storage.database import LATER
from shunpike.storage.pending import Pending, answer, answer_failed, begun
from shunpike_postgres.address import Address
from shunpike_postgres.connection import HEARTBEAT, READING, Connection, patience, reading_pool, said
from shunpike_postgres.jobs import Job, LaterJob, Settle
from shunpike_postgres.session import PostgresSession
from shunpike_postgres.writer import PostgresWriter

T = TypeVar("T")

_BATCH = 256
_AFTER_A_MISTAKE = 0.1
CLOSING = 5.0
"""Seconds after which a server that does not answer is left to itself at the end."""


class Worker:
    """The thread, its loop, the writer's queue and the pool of readers. Started at the first use."""

    def __init__(self, address: Address, session: PostgresSession, keep_days: float) -> None:
        self._address = address
        self._session = session
        self.writer = PostgresWriter(session, keep_days)
        self._queue: asyncio.Queue[Job | None] = asyncio.Queue()
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._reads: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Task[None] | None = None
        self.backlog: Backlog[Settle] = Backlog()
        """What must be written and could not be."""
        self._patient: list[LaterJob] = []
        self._patient_until_mono = math.inf
        """When the first of them has its turn, whatever else there is to do."""

    def put(self, job: Job) -> None:
        """Queue something to be written. Raises `StoreError` after `close`, or in a process that was forked off."""
        job.clock = self._session.clock
        self._soon(self._enqueue, job)

    def _enqueue(self, job: Job | None) -> None:
        self._queue.put_nowait(job)

    def read(self, work: Callable[[Connection], Awaitable[T]]) -> Pending[T]:
        """Read something through the pool. Raises as `put`."""
        pending: Pending[T] = Pending()
        pending.clock = self._session.clock
        self._soon(self._begin_reading, pending, work)
        return pending

    def listen(self) -> None:
        """Hear from now on what is announced, once. Raises as `put`."""
        if self._listener is None:
            self._soon(self._begin_listening)

    def _begin_listening(self) -> None:
        if self._listener is None:
            self._listener = asyncio.get_running_loop().create_task(self._session.feed.listen())

    def _soon(self, call: Callable[..., object], *arguments: object) -> None:
        if os.getpid() != self._pid:
            raise StoreError("the ledger was opened before a fork", hint="open a client of its own in each process")
        with self._lock:
            if self._closed:
                raise StoreError("the ledger is closed")
            if self._thread is None or not self._thread.is_alive():
                self._begin()
            assert self._loop is not None  # noqa: S101 - the thread has set it
            # In the caller's context it would pass for a task of the caller's event loop, which may be trio's.
            self._loop.call_soon_threadsafe(call, *arguments, context=Context())

    def _begin(self) -> None:
        """Start the thread. Raises `StoreError`."""
        ready: Future[asyncio.AbstractEventLoop] = Future()
        thread = threading.Thread(target=self._run, args=(ready,), name="shunpike-ledger", daemon=True)
        begun(thread)
        try:
            self._loop = ready.result(CLOSING)
        except Exception as error:
            raise said(self._address, error) from error
        self._thread = thread

    def close(self) -> None:
        """Finish what is queued and let go of all connections. Blocks, not for long; calling it again does nothing.

        What can't be written even now stays held in the database, until another process finds that its owner is gone.
        """
        with self._lock:
            if self._closed or os.getpid() != self._pid:
                return
            self._closed = True
            if self._loop is not None:
                # A loop that has ended has nothing left to finish.
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._enqueue, None)
        if self._thread is not None:
            self._thread.join(CLOSING)

    def _run(self, ready: Future[asyncio.AbstractEventLoop]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:  # noqa: BLE001 - whoever waits for the thread must hear of it
            if not ready.done():
                ready.set_exception(error)

    async def _serve(self, ready: Future[asyncio.AbstractEventLoop]) -> None:
        # What was there in a thread that has ended belongs to its loop.
        self._queue, self._pool, self._listener = asyncio.Queue(), reading_pool(self._address), None
        await self.writer.begin()
        ready.set_result(asyncio.get_running_loop())
        running = True
        while running:
            batch: list[Job] = []
            try:
                running = await self._drain(batch)
                await self._write(batch)
                await self._write_patient(last=not running)
                await self._again(last=not running)
            except BaseException as error:  # noqa: BLE001 - a mistake of our own: it must neither end this nor spin
                await asyncio.sleep(_AFTER_A_MISTAKE)
                answer_failed(batch, error)
            # Old rows can wait for the next hour; whatever is wrong will meet the next admission anyway.
            with suppress(BaseException):
                if batch:
                    await self.writer.rest()
                elif running:
                    await self.writer.beat()
        if self._reads:
            await asyncio.wait(self._reads)
        # A server that is gone at the end changes nothing for anybody: it has ended our session, and freed our lock.
        with suppress(psycopg.Error, StoreError, OSError):
            await self.writer.close()
        await self._pool.close()

    async def _write(self, batch: list[Job]) -> None:
        if batch:
            await self._do(batch)
            # Kept before anybody is told: who hears of it may ask at once how much is kept.
            failed = [job for job in batch if job.error is not None]
            self.backlog.keep(job for job in failed if isinstance(job, Settle))
            if len(failed) < len(batch):
                self.backlog.hurry()
            answer(batch)

    async def _write_patient(self, *, last: bool) -> None:
        """Do what nobody waits for, where it has its turn: in transactions of its own, behind those that answer."""
        if self._patient and (last or time.monotonic() >= self._patient_until_mono):
            jobs, self._patient, self._patient_until_mono = self._patient, [], math.inf
            try:
                await self._do(jobs)
            finally:
                for job in jobs:
                    job.tell()

    async def _again(self, *, last: bool) -> None:
        """Try again what could not be written, where it is time; at the end, all of it once more."""
        if last:
            self.backlog.hurry()
        jobs = self.backlog.due(ROOM if last else _BATCH)
        if jobs:
            for job in jobs:
                job.again()
            await self._do(jobs)
            failed = [job for job in jobs if job.error is not None]
            self.backlog.tried(failed, any_done=len(failed) < len(jobs))

    async def _do(self, jobs: Sequence[Job]) -> None:
        """Do all of it, each to a result or an error. Raises nothing."""
        try:
            await self.writer.write(jobs)
        except BaseException as error:  # noqa: BLE001 - nothing may end this task but the end
            for job in jobs:
                if job.error is None and job.result is None:
                    job.fail(error)

    async def _drain(self, batch: list[Job]) -> bool:
        """Wait for something to do; False at the end."""
        soon, turn = self.backlog.seconds(), self._patient_until_mono - time.monotonic()
        pause = min(HEARTBEAT if soon is None else soon, HEARTBEAT, max(turn, 0.0))
        try:
            job = await asyncio.wait_for(self._queue.get(), pause)
        except TimeoutError:
            return True
        while job is not None:
            if isinstance(job, LaterJob):
                self._patient_until_mono = min(self._patient_until_mono, time.monotonic() + LATER)
                self._patient.append(job)
            else:
                batch.append(job)
            if len(batch) == _BATCH or self._queue.empty():
                return True
            job = self._queue.get_nowait()
        return False

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
            except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                if isinstance(error, psycopg.OperationalError) and not last:
                    continue
                # What the work itself raises is passed on.
                ours = isinstance(error, psycopg.Error | OSError)
                pending.fail(said(self._address, error) if ours else error)
            break
        answer([pending])
