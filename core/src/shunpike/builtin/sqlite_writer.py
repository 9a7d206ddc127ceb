"""One thread writes: what waits in its queue shares one commit.

A durable commit costs milliseconds, an admission microseconds. So the thread takes everything that has queued up while
the last commit was under way, runs it in one transaction, commits once and answers all.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from shunpike.builtin.sqlite_books import Books
from shunpike.builtin.sqlite_sql import Connection
from shunpike.errors import StoreError
from shunpike.ledger.pending import Pending, answer

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


class Job(Pending[T]):
    """Something to be done in a transaction, for a task that waits for it."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[Books], T]) -> None:
        super().__init__()
        self.work = work

    def run(self, books: Books) -> None:
        """Do the work, or nothing if it was withdrawn. Called in the writing thread."""
        if not self.withdrawn:
            self.result = self.work(books)


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

    @property
    def is_forked(self) -> bool:
        """Whether this process is not the one that made it. To be asked before a lock is taken.

        In a fork the threads are gone, and a lock that one of them held is never let go.
        """
        return os.getpid() != self._pid

    def check_process(self) -> None:
        """Raise `StoreError` in a process that was forked off."""
        if self.is_forked:
            raise StoreError("the ledger was opened before a fork", hint="open a client of its own in each process")

    def put(self, job: Job[Any]) -> None:
        """Queue ``job``. Raises `StoreError` after `close`, or in a process that was forked off."""
        self.check_process()
        with self._lock:
            if self._closed:
                raise StoreError("the ledger is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="shunpike-ledger", daemon=True)
                self._thread.start()
            self._queue.put(job)

    def close(self) -> None:
        """Finish what is queued and let go of the database. Blocks; does nothing again, or in a fork."""
        if self.is_forked:
            return
        with self._lock:
            if self._closed:
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
        """Do all of the batch in one transaction; where one job or what it leaves to be written fails, each in its own.

        Raises what goes wrong when the transaction is begun or committed.
        """
        failed: Exception | None = None
        try:
            with self._transaction(opened):
                try:
                    for job in batch:
                        job.run(opened.books)
                    opened.books.flush()
                except Exception as error:
                    failed = error
                    raise
        except Exception:
            if failed is None:
                raise
        if failed is not None and len(batch) == 1:
            batch[0].fail(failed)
        elif failed is not None:
            self._one_by_one(opened, batch)

    def _one_by_one(self, opened: Opened, batch: list[Job[Any]]) -> None:
        """What one of them has committed is kept, whatever happens to the next; a broken file is not tried again."""
        broken: Exception | None = None
        for job in batch:
            try:
                if broken is None:
                    self._write(opened, [job])
            except Exception as error:  # noqa: BLE001 - it belongs to this job, and to those that are not tried
                broken = error
            if broken is not None:
                job.fail(broken)

    @contextmanager
    def _transaction(self, opened: Opened) -> Iterator[None]:
        try:
            with opened.connection.transaction():
                opened.books.begin()
                yield
        except BaseException:
            opened.books.forget()
            raise
