"""One thread writes: what waits in its queue shares one commit.

A durable commit costs milliseconds, an admission microseconds. So the thread takes everything that has queued up while
the last commit was under way, runs it in one transaction, commits once and answers all.

Nothing ends the thread but `Writer.close`: whatever goes wrong is told to those who wait. What must be written, the end
of an attempt, is tried again until it is; also while nobody asks for anything.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from shunpike.clock import Clock
from shunpike.errors import StoreError
from shunpike.storage.backlog import ROOM, Backlog
from shunpike.storage.database import LATER, Kept
from shunpike.storage.pending import REAL, Pending, answer, answer_failed, begun
from shunpike.storage.sqlite.session import Session

T = TypeVar("T")

_BATCH = 256
_AFTER_A_MISTAKE = 0.1
CLOSING = 5.0
"""Seconds after which a database that does not answer is left to itself at the end."""


class Job(Pending[T]):
    """Something to be done in a transaction, for a task that waits for it."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[Session], T], *, lasting: bool = False) -> None:
        super().__init__(lasting=lasting)
        self.work = work

    def run(self, session: Session) -> None:
        """Do the work, or nothing if it was withdrawn. Called in the writing thread."""
        if not self.withdrawn:
            self.result = self.work(session)


class PatientJob(Job[T]):
    """Something that nobody waits for: it rides with what is written next, or has its turn a little later."""

    __slots__ = ("then",)

    def __init__(self, work: Callable[[Session], T], then: Kept) -> None:
        super().__init__(work)
        self.then = then


class Writer:
    """The thread, its queue, and the opened database that it alone writes to.

    Args:
        opening: Opens the database. Raises `StoreError`.
        hurry: Lets the database, opened or about to be, wait for nobody much longer. Called in another thread.
        clock: Stands still, where it is virtual, while a job is waited for.

    """

    def __init__(
        self,
        opening: Callable[[], Session],
        hurry: Callable[[], None] = lambda: None,
        clock: Clock = REAL,
    ) -> None:
        self._opening = opening
        self._clock = clock
        self._hurry = hurry
        self._opened: Session | None = None
        self._queue: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._closed = False
        self.backlog: Backlog[Job[Any]] = Backlog()
        """What must be written and could not be."""
        self._patient: list[PatientJob[Any]] = []
        self._patient_until_mono = math.inf
        """When the first of them has its turn, whatever else there is to do."""

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
        job.clock = self._clock
        with self._lock:
            if self._closed:
                raise StoreError("the ledger is closed")
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._loop, name="shunpike-ledger", daemon=True)
                begun(thread)
                self._thread = thread
            self._queue.put(job)

    def close(self) -> None:
        """Finish what is queued and let go of the database. Blocks, not for long; does nothing again, or in a fork.

        What can't be written even now stays held in the file, until whoever opens it next finds that its owner is gone.
        """
        if self.is_forked:
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._hurry()
        if self._thread is not None:
            self._thread.join(CLOSING)

    def _loop(self) -> None:
        running = True
        while running:
            batch: list[Job[Any]] = []
            try:
                running = self._drain(batch)
                if batch:
                    self._commit(batch)
                self._again(last=not running)
            except BaseException as error:  # noqa: BLE001 - a mistake of our own: it must neither end this nor spin
                time.sleep(_AFTER_A_MISTAKE)
                answer_failed([job for job in batch if not isinstance(job, PatientJob)], error)
                _tell_kept(batch, error)
        with suppress(BaseException):
            if self._opened is not None:
                self._opened.close()

    def _drain(self, batch: list[Job[Any]]) -> bool:
        """Wait for something to do; False at the end."""
        running = True
        try:
            job = self._queue.get(timeout=self._pause())
            while job is not None and len(batch) < _BATCH:
                self._sort(job, batch)
                job = self._queue.get_nowait() if len(batch) < _BATCH else job
            running = job is not None
        except Empty:
            pass
        if batch or not running or time.monotonic() >= self._patient_until_mono:
            batch += self._patient
            self._patient, self._patient_until_mono = [], math.inf
        return running

    def _sort(self, job: Job[Any], batch: list[Job[Any]]) -> None:
        if not isinstance(job, PatientJob):
            batch.append(job)
            return
        if not self._patient:
            self._patient_until_mono = time.monotonic() + LATER
        self._patient.append(job)

    def _pause(self) -> float | None:
        """Return the seconds until there is something to do, whoever asks for anything; None where there is nothing."""
        retry = self.backlog.seconds()
        if not self._patient:
            return retry
        turn = max(self._patient_until_mono - time.monotonic(), 0.0)
        return turn if retry is None else min(retry, turn)

    def _again(self, *, last: bool) -> None:
        """Try again what could not be written, where it is time; at the end, all of it once more."""
        if last:
            self.backlog.hurry()
        jobs = self.backlog.due(ROOM if last else _BATCH)
        if jobs:
            for job in jobs:
                job.again()
            self._do(jobs)
            failed = [job for job in jobs if job.error is not None]
            self.backlog.tried(failed, any_done=len(failed) < len(jobs))

    def _commit(self, batch: list[Job[Any]]) -> None:
        self._do(batch)
        # Kept before anybody is told: who hears of it may ask at once how much is kept.
        failed = [job for job in batch if job.error is not None]
        self.backlog.keep(job for job in failed if job.lasting)
        if len(failed) < len(batch):
            self.backlog.hurry()
        _tell_kept(batch)
        answer([job for job in batch if not isinstance(job, PatientJob)])
        # Old rows can wait for the next hour; whatever is wrong will meet the next admission anyway.
        with suppress(BaseException):
            if self._opened is not None:
                self._opened.rest()

    def _do(self, batch: Sequence[Job[Any]]) -> None:
        """Do all of it, each to a result or an error. Raises nothing."""
        try:
            if self._opened is None:
                self._opened = self._opening()
            self._write(self._opened, batch)
        except BaseException as error:  # noqa: BLE001 - nothing was kept, and nothing may end this thread
            for job in batch:
                job.fail(error)

    def _write(self, session: Session, batch: Sequence[Job[Any]]) -> None:
        """Do all of the batch in one transaction; where one job or what it leaves to be written fails, each in its own.

        Raises what goes wrong when the transaction is begun or committed.
        """
        failed: Exception | None = None
        try:
            with session.transaction():
                try:
                    for job in batch:
                        job.run(session)
                    session.flush()
                except Exception as error:
                    failed = error
                    raise
        except Exception:
            if failed is None:
                raise
        if failed is not None and len(batch) == 1:
            batch[0].fail(failed)
        elif failed is not None:
            self._one_by_one(session, batch)

    def _one_by_one(self, session: Session, batch: Sequence[Job[Any]]) -> None:
        """What one of them has committed is kept, whatever happens to the next; a broken file is not tried again."""
        broken: Exception | None = None
        for job in batch:
            try:
                if broken is None:
                    self._write(session, [job])
            except Exception as error:  # noqa: BLE001 - it belongs to this job, and to those that are not tried
                broken = error
            if broken is not None:
                job.fail(broken)


def _tell_kept(batch: Sequence[Job[Any]], error: BaseException | None = None) -> None:
    for job in batch:
        if isinstance(job, PatientJob):
            job.then(error or job.error)
