"""Runs batches on the session: opens it again when it was lost, and never says that something is kept that may not be.

| what went wrong                           | what is done                                                            |
| ----------------------------------------- | ----------------------------------------------------------------------- |
| the connection, before the commit         | nothing was kept: once more on a new one                                |
| the connection, while the commit was sent | admissions fail: nothing is sent, and a row that stands is given back;  |
|                                           | settlements are done again: they count once                             |
| one job                                   | each job in a transaction of its own                                    |
| a deadlock, or this process stood still   | the whole batch once more                                               |
| a lock that was not got in time           | all of them fail: each would wait as long                               |
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import groupby

import psycopg
from psycopg import errors

from shunpike.errors import AttemptExists, StoreError
from shunpike.ledger.capabilities import RECOVER_EVERY
from shunpike.types import Settlement, State
from shunpike_postgres.batch import Batch
from shunpike_postgres.connection import QUICK, said
from shunpike_postgres.jobs import Admit, Job, SessionJob, Settle, SharedJob
from shunpike_postgres.owners import living_numbers
from shunpike_postgres.session import PostgresSession
from shunpike_postgres.upkeep import UPKEEP_EVERY, bury, fold, orphans

_AGAIN = (errors.DeadlockDetected, errors.SerializationFailure, errors.IdleInTransactionSessionTimeout)


class PostgresWriter:
    """One task uses it; readers only wait until it is `opened`."""

    def __init__(self, session: PostgresSession, keep_days: float) -> None:
        self._session = session
        self._keep_days = keep_days
        self._upkeep_at: float | None = None
        self._opening = asyncio.Lock()
        self.recovered = 0
        self._doubtful: dict[str, int] = {}
        """Attempts whose admission may stand although its caller was told that it failed → the number of that line."""

    async def begin(self) -> None:
        """Begin in a new event loop: what belongs to another one is of no use."""
        self._opening = asyncio.Lock()
        await self._session.drop()

    async def opened(self) -> PostgresSession:
        """Return the session, opened, or opened again. Raises `StoreError`."""
        async with self._opening:
            if not self._session.is_open:
                try:
                    await self._session.open()
                    with self._session.patience():
                        await self.recover(self._session.now())
                except (psycopg.Error, OSError) as error:
                    await self._session.drop()
                    raise said(self._session.address, error) from error
        return self._session

    async def _ready(self) -> PostgresSession:
        """Return the session as `opened`, for the next transaction. Raises `psycopg.Error` and `StoreError`."""
        session = await self.opened()
        with session.patience():
            await session.look_at_clock()
            await self._give_back()
        return session

    async def _give_back(self) -> None:
        """Release what is doubtful and stands, once its line has ended at the server too: until then it may commit."""
        if not self._doubtful:
            return
        session = self._session
        living = await living_numbers(session.connection)
        sure = [name for name, number in self._doubtful.items() if number not in living]
        unsent = Settlement(state=State.RELEASED, at=session.now(), outcome="store_lost", keeps_request=False)
        # What was asked for again by the same name, and granted, is no longer in doubt.
        await self._settle([(name, unsent) for name in sure if name not in session.holds], [session.number])
        for name in sure:
            del self._doubtful[name]

    def _doubt(self, names: Iterable[str], number: int) -> None:
        self._doubtful.update(dict.fromkeys(names, number))

    async def write(self, jobs: Sequence[Job]) -> None:
        """Do all of the jobs, each to a result or an error. Raises nothing."""
        for alone, group in groupby(jobs, key=lambda job: isinstance(job, SessionJob)):
            if alone:
                for job in group:
                    await self._work(job)  # type: ignore[arg-type]  # a `SessionJob`, by its key
            else:
                await self._batch(list(group))  # type: ignore[arg-type]  # no `SessionJob`, by its key

    async def _work(self, job: SessionJob[object]) -> None:
        session = self._session
        for last in (False, True):
            try:
                await self._ready()
                with session.patience():
                    if session.stores.are_behind:
                        await session.bring_up()
                        await self._take_back()
                    job.result = await job.work(session)
            except StoreError as error:
                job.fail(error)
            except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                if isinstance(error, psycopg.Error) and not last and self._is_undone(job, error):
                    continue
                if isinstance(job, SharedJob) and job.committing and not session.is_open:
                    self._doubt(job.admitted, session.number)
                job.fail(said(session.address, error))
            return

    def _is_undone(self, job: SessionJob[object], error: psycopg.Error) -> bool:
        """Tell whether it is certain that nothing was kept, for a reason that may be gone by now."""
        if not self._session.is_open:
            return not (isinstance(job, SharedJob) and job.committing)
        return isinstance(error, _AGAIN)

    async def _batch(self, jobs: list[Admit | Settle], *, last: bool = False) -> None:
        batch: Batch | None = None
        try:
            session = await self._ready()
            with session.patience():
                batch = Batch(session, jobs)
                denied = await batch.run()
        except Exception as error:  # noqa: BLE001 - nothing may be kept: whoever waits must hear of it, whatever it is
            await self._failed(jobs, batch, error, last=last)
        else:
            await self._ask_again(session, denied)

    async def _ask_again(self, session: PostgresSession, denied: list[Admit]) -> None:
        """Evaluate once more who was denied, where the dead held something. Where this fails they stay denied."""
        batch = Batch(session, denied)
        try:
            if denied:
                with session.patience():
                    if await self._may_recover():
                        await batch.run()
        except Exception as error:  # noqa: BLE001 - they have their answer; what is wrong will meet the next one
            if batch.committing and not session.is_open:
                # They may have been admitted after all: an attempt that was denied is asked for again by its name.
                self._doubt((job.reservation.attempt_id for job in denied), batch.number)
                _fail(denied, said(session.address, error))

    async def _failed(self, jobs: list[Admit | Settle], batch: Batch | None, error: Exception, *, last: bool) -> None:
        told = said(self._session.address, error) if isinstance(error, psycopg.Error | OSError) else error
        lost = not self._session.is_open
        if lost and batch is not None and batch.committing:
            admits = [job for job in jobs if isinstance(job, Admit)]
            self._doubt((job.reservation.attempt_id for job in admits), batch.number)
            _fail(admits, told)
            jobs = [job for job in jobs if isinstance(job, Settle)]
        if last or isinstance(error, StoreError):
            _fail(jobs, (_known(jobs[0], error) if len(jobs) == 1 else None) or told)
        elif lost or isinstance(error, _AGAIN):
            await self._batch(jobs, last=True)
        elif isinstance(error, errors.LockNotAvailable):
            _fail(jobs, told)
        elif len(jobs) == 1:
            _fail(jobs, _known(jobs[0], error) or told)
        else:
            for job in jobs:
                await self._batch([job], last=True)

    async def _may_recover(self) -> bool:
        session = self._session
        now = session.now()
        if session.recovered_at is not None and abs(now - session.recovered_at) < RECOVER_EVERY:
            return False
        return await self.recover(now) > 0

    async def recover(self, now: float) -> int:
        """Make unconfirmed what dead owners still hold; return how many attempts that were. Raises `psycopg.Error`.

        What the stores had leased to any who is not on the list of owners is taken back too: one that closed left it.
        """
        self._session.recovered_at = now
        dead, held = await orphans(self._session.connection, self._session.owner, now)
        recovered = await self._settle(held, dead)
        self.recovered += recovered
        if dead or self._session.stores.have_leases:
            await self._take_back(dead)
        return recovered

    async def _take_back(self, dead: Sequence[int] = ()) -> None:
        """Take the dead off the list, and all that is held by nobody who is on it."""
        session = self._session
        async with session.connection.transaction():
            await bury(session.connection, list(dead))
            await session.transaction().run(session.stores.recover)

    async def _settle(self, ends: Sequence[tuple[str, Settlement]], dead: list[int]) -> int:
        jobs = [Settle(name, end) for name, end in ends]
        await Batch(self._session, jobs, dead=dead).run()
        return sum(bool(job.result) for job in jobs)

    async def close(self) -> None:
        """Give back what is in doubt, as far as that can be told by now, and leave. Raises as `beat`."""
        try:
            if self._doubtful:
                await self._ready()
        finally:
            await self._session.close(max(self._doubtful.values(), default=None))

    async def beat(self) -> None:
        """Make sure that this process is seen to live, while it holds something. Raises `psycopg.Error`, `StoreError`.

        A call takes minutes sometimes, and meanwhile nothing else would notice that the connection is gone.
        """
        if not (self._session.holds or self._session.stores.have_leases or self._doubtful):
            return
        if self._session.is_open:
            with suppress(psycopg.Error), self._session.patience(QUICK):
                await self._session.connection.execute("SELECT 1")
        await self._ready()

    async def rest(self) -> None:
        """Fold old rows once an hour, or until there are no more. Raises `psycopg.Error`."""
        now = self._session.now()
        if self._upkeep_at is None:
            self._upkeep_at = now
        elif abs(now - self._upkeep_at) >= UPKEEP_EVERY and self._session.is_open:
            self._upkeep_at = now
            session = self._session
            with session.patience():
                more = await fold(session.connection, session.transaction(), self._keep_days)
                async with session.connection.transaction():
                    more |= await session.transaction().run(session.stores.keep_small)
            if more:
                self._upkeep_at = now - UPKEEP_EVERY


def _known(job: Admit | Settle, error: Exception) -> StoreError | None:
    """An attempt that was admitted before is a mistake of the caller's, not of the database's."""
    if isinstance(job, Admit) and isinstance(error, errors.UniqueViolation):
        return AttemptExists(f"attempt {job.reservation.attempt_id!r} is already in the ledger")
    return None


def _fail(jobs: Sequence[Admit | Settle], error: Exception) -> None:
    for job in jobs:
        job.fail(error)
