"""One thread writes: what waits in its queue shares one commit.

A durable commit costs milliseconds, an admission microseconds. So the thread takes everything that has queued up while
the last commit was under way, runs it in one transaction, commits once and answers all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar, cast

import anyio
from anyio.lowlevel import current_token

from shunpike.builtin.sqlite_books import Books
from shunpike.builtin.sqlite_sql import Connection
from shunpike.errors import StoreError

T = TypeVar("T")

_BATCH = 256


class Opened(Protocol):
    """What the thread works on, once it is open."""

    @property
    def connection(self) -> Connection:
        """The writing connection."""
        ...

    @property
    def books(self) -> Books:
        """What is done on it."""
        ...

    def rest(self) -> None:
        """Do what is not urgent, after everybody has been answered. Raises `StoreError`."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Job(Generic[T]):
    """Something to be done in a transaction, for a task that waits for it."""

    __slots__ = ("_done", "error", "loop", "result", "withdrawn", "work")

    def __init__(self, work: Callable[[Books], T]) -> None:
        self.work = work
        self.withdrawn = False
        """True = whoever waited has gone: if it was not begun, it need not be."""
        self.result: T | None = None
        self.error: Exception | None = None
        self._done = anyio.Event()
        token: Any = current_token()
        # Before anyio 4.11 the token is the loop's own; both kinds are known by what they can do.
        self.loop: Any = getattr(token, "native_token", token)

    def run(self, books: Books) -> None:
        """Do the work, or nothing if it was withdrawn. Called in the writing thread."""
        if not self.withdrawn:
            self.result = self.work(books)

    def fail(self, error: Exception) -> None:
        """Nothing of it was kept. Each task is told by an error of its own: a raised one grows with its way."""
        self.result, self.error = None, copy(error)
        self.error.__cause__ = error.__cause__

    def wake(self) -> None:
        """Let the task that waits go on. Called in its event loop."""
        self._done.set()

    async def done(self) -> None:
        """Wait until it is committed, or has failed."""
        await self._done.wait()

    def outcome(self) -> T:
        """Return the result. Raises what the work raised, or `StoreError` when the commit failed."""
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


def answer(batch: Sequence[Job[Any]]) -> None:
    """Wake the tasks that wait, those of one event loop by one call. Called in the writing thread."""
    loops: dict[int, list[Job[Any]]] = {}
    for job in batch:
        loops.setdefault(id(job.loop), []).append(job)
    for jobs in loops.values():
        loop = jobs[0].loop
        soon = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
        # A loop that has ended has nobody waiting; its process is ending too, and recovery settles what it held.
        with suppress(RuntimeError):
            soon(_wake, jobs)


def _wake(jobs: Sequence[Job[Any]]) -> None:
    for job in jobs:
        job.wake()


class Writer:
    """The thread, its queue, and the opened database that it alone writes to."""

    def __init__(self, opening: Callable[[], Opened]) -> None:
        self._opening = opening
        self._opened: Opened | None = None
        self._queue: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._closed = False

    def put(self, job: Job[Any]) -> None:
        """Queue ``job``. Raises `StoreError` after `close`, or in a process that was forked off."""
        if os.getpid() != self._pid:
            raise StoreError("the ledger was opened before a fork", hint="open a client of its own in each process")
        with self._lock:
            if self._closed:
                raise StoreError("the ledger is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="shunpike-ledger", daemon=True)
                self._thread.start()
            self._queue.put(job)

    def close(self) -> None:
        """Finish what is queued and let go of the database. Blocks; calling it again does nothing."""
        with self._lock:
            if self._closed or os.getpid() != self._pid:
                return
            self._closed = True
            self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _loop(self) -> None:
        running = True
        while running:
            batch: list[Job[Any]] = []
            running = self._drain(batch)
            if batch:
                self._commit(batch)
        if self._opened is not None:
            self._opened.close()

    def _drain(self, batch: list[Job[Any]]) -> bool:
        job = self._queue.get()
        while job is not None and len(batch) < _BATCH - 1:
            batch.append(job)
            try:
                job = self._queue.get_nowait()
            except Empty:
                return True
        if job is not None:
            batch.append(job)
        return job is not None

    def _commit(self, batch: list[Job[Any]]) -> None:
        try:
            if self._opened is None:
                self._opened = self._opening()
            self._write(self._opened, batch)
        except Exception as error:  # noqa: BLE001 - nothing was kept: everybody who waits must hear of it
            for job in batch:
                job.fail(error)
        answer(batch)
        if self._opened is not None:
            # Old rows can wait for the next hour; whatever is wrong will meet the next admission anyway.
            with suppress(StoreError):
                self._opened.rest()

    def _write(self, opened: Opened, batch: list[Job[Any]]) -> None:
        """Do all of the batch in one transaction; where one job fails, each in one of its own.

        Raises what goes wrong when the transaction is begun or committed.
        """
        failed: list[tuple[Job[Any], Exception]] = []
        try:
            with self._transaction(opened):
                for job in batch:
                    try:
                        job.run(opened.books)
                    except Exception as error:
                        failed.append((job, error))
                        raise
        except Exception:
            if not failed:
                raise
        if len(batch) == 1 and failed:
            batch[0].fail(failed[0][1])
        elif failed:
            for job in batch:
                self._write(opened, [job])

    @contextmanager
    def _transaction(self, opened: Opened) -> Iterator[None]:
        try:
            with opened.connection.transaction():
                opened.books.begin()
                yield
                opened.books.flush()
        except BaseException:
            opened.books.forget()
            raise
