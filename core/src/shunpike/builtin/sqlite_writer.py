"""One thread writes: what waits in its queue shares one commit.

A durable commit costs milliseconds, an admission microseconds. So the thread takes everything that has queued up while
the last commit was under way, runs it in one transaction with a savepoint each, commits once and answers all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
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

    def __init__(self, work: Callable[[Books], T]) -> None:
        self.work = work
        self.withdrawn = False
        """True = whoever waited has gone: if it was not begun, it need not be."""
        self.result: T | None = None
        self.error: Exception | None = None
        self._done = anyio.Event()
        token: Any = current_token()
        # Before anyio 4.11 the token is the loop's own; both kinds are known by what they can do.
        native = getattr(token, "native_token", token)
        self._soon: Callable[..., object] = getattr(native, "call_soon_threadsafe", None) or native.run_sync_soon

    def run(self, opened: Opened) -> None:
        """Do the work, or nothing if it was withdrawn. Called in the writing thread.

        Raises only when the error has ended the transaction, and with it the work of all others.
        """
        if self.withdrawn:
            return
        try:
            with opened.connection.savepoint():
                self.result = self.work(opened.books)
        except Exception as error:
            # Whatever went wrong belongs to the task that waits for it; the others in the batch go on.
            if not opened.connection.in_transaction:
                raise
            self.error = error
            opened.books.forget_ids()

    def fail(self, error: Exception) -> None:
        """Nothing of it was kept."""
        self.result, self.error = None, error

    def answer(self) -> None:
        """Wake the task that waits. Called in the writing thread."""
        # A loop that has ended has nobody waiting; its process is ending too, and recovery settles what it held.
        with suppress(RuntimeError):
            self._soon(self._done.set)

    async def done(self) -> None:
        """Wait until it is committed, or has failed."""
        await self._done.wait()

    def outcome(self) -> T:
        """Return the result. Raises what the work raised, or `StoreError` when the commit failed."""
        if self.error is not None:
            raise self.error
        return cast("T", self.result)


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
            with self._opened.connection.transaction():
                for job in batch:
                    job.run(self._opened)
        except Exception as error:  # noqa: BLE001 - nothing was kept: everybody who waits must hear of it
            for job in batch:
                job.fail(error)
            if self._opened is not None:
                self._opened.books.forget_ids()
        for job in batch:
            job.answer()
        if self._opened is not None:
            # Old rows can wait for the next hour; whatever is wrong will meet the next admission anyway.
            with suppress(StoreError):
                self._opened.rest()
