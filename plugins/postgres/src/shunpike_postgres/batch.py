"""Admissions and settlements that share one transaction: read under the buckets' locks, decide, write, commit.

Two round trips, whatever the batch's size. The rules are those of the working set (``shunpike.ledger.working_set``),
the same
that the ledger's file is kept by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from psycopg import AsyncPipeline, errors

from shunpike.ledger.records import block_of, factor_of, observation_of
from shunpike.ledger.rows import HeldRow, ended_row, holds_text, read_holds
from shunpike.ledger.slots import Look, Part, coming_back, evaluate_holds
from shunpike.ledger.working_set import WorkingSet
from shunpike.types import Calendar, Denial, Grant, Hold, Limit, Reservation, Rolling, Settlement
from shunpike_postgres import statements as sql
from shunpike_postgres import writes
from shunpike_postgres.connection import STALE_AFTER, Cursor, Row
from shunpike_postgres.jobs import Admit, Settle
from shunpike_postgres.session import PostgresSession
from shunpike_postgres.shift import Shift


@dataclass
class DeniedJob:
    """A reservation that does not fit; the moment at which its limits open is still to be asked for."""

    job: Admit
    reservation: Reservation
    looks: dict[str, Look]
    opens: dict[str, list[Row]] = field(default_factory=dict)
    """Bucket → when how much of it will have expired."""

    def waits_for(self) -> list[Hold]:
        """Return the holds that do not fit until something expires."""
        passing = [hold for hold in self.reservation.holds if isinstance(hold.limit.window, Rolling | Calendar)]
        return [hold for hold in passing if hold.amount and self.excess(hold) > 0]

    def excess(self, hold: Hold) -> int:
        """Return how much too much the hold takes, even if all comes back that may come back of running attempts."""
        look = self.looks[hold.bucket]
        return look.used + hold.amount - hold.limit.amount - coming_back(hold.limit, look.in_flight())

    def verdict(self, guard: float) -> Denial | None:
        """Return the denial, as the books stood when it was judged."""
        return evaluate_holds(self.reservation.holds, self.reservation.reserved_at, self._look, guard)

    def _look(self, hold: Hold) -> Look:
        ended = self.opens.get(hold.bucket, [])
        return self.looks[hold.bucket]._replace(ended=lambda: ended)


class Batch:
    """One transaction of a session. What it decides is in the jobs only once it is committed.

    Args:
        dead: Where not None: settle only what the owners of these numbers hold by now. The jobs' times are the
            database's already.
        joins: Whether it is part of a transaction that somebody else began and commits, or rolls back.

    """

    def __init__(
        self,
        session: PostgresSession,
        jobs: Sequence[Admit | Settle],
        *,
        dead: list[int] | None = None,
        joins: bool = False,
    ) -> None:
        self._session = session
        self._of = dead
        self._joins = joins
        self._shift = session.shift if dead is None else Shift()
        self._jobs = [job for job in jobs if not job.withdrawn]
        self._set = WorkingSet(session.guard)
        self._locked: dict[str, HeldRow] = {}
        self._made: list[dict[str, Any]] = []
        self._ended: list[dict[str, Any]] = []
        self._denied: list[DeniedJob] = []
        self._done: list[partial[None]] = []
        self._began_mono = 0.0
        self.number = session.number
        """The owner's number on whose line it is run."""
        self.committing = False
        """Whether the commit was sent: from then on its outcome is not known before it is answered."""

    async def run(self) -> list[Admit]:
        """Do all of it, or raise and have done nothing; return the admissions that were denied but might fit later."""
        if not self._jobs:
            return []
        session, shift = self._session, self._shift
        admits = [(job, session.asked(job.reservation, shift)) for job in self._jobs if isinstance(job, Admit)]
        settles = [(job, session.told(job.settlement, shift)) for job in self._jobs if isinstance(job, Settle)]
        await self._find([one for _, one in admits], settles)
        pages: dict[str, Cursor] = {}
        try:
            # Left between its two trips, a pipeline of this library asks the server for one thing more, and the server
            # takes that for work: it would not end the transaction of a process that stands still (`STALE_AFTER`).
            async with session.connection.pipeline() as pipeline:
                await self._read(pipeline, [one for _, one in admits], settles)
                asked, ends = iter(admits), iter(settles)
                for job in self._jobs:
                    if isinstance(job, Admit):
                        self._admit(*next(asked))
                    else:
                        self._settle(*next(ends))
                pages = await self._write()
        except BaseException:
            if session.is_open and not self._joins:
                await session.connection.rollback()
            raise
        self.committing = False
        for keep in self._done:
            keep()
        await self._deny(pages)
        return [one.job for one in self._denied if isinstance(one.job.result, Denial) and not one.job.result.impossible]

    async def _find(self, asked: Sequence[Reservation], ends: Sequence[tuple[Settle, Settlement]]) -> None:
        """Learn the numbers of all buckets, before anything is locked."""
        session = self._session
        limits: dict[str, Limit] = {hold.bucket: hold.limit for one in asked for hold in one.holds if hold.amount}
        limit_updates = [update for _, end in ends for update in end.limit_updates]
        limits.update(
            (one.observation.bucket, one.limit)
            for one in limit_updates
            if one.begins or one.observation.unlisted is not None
        )
        limits.update((charge.bucket, charge.limit) for _, end in ends for charge in end.charges)
        names = {update.observation.bucket for update in limit_updates}
        unknown = [job.attempt_id for job, _ in ends if job.attempt_id not in session.holds]
        if unknown:
            cursor = await session.connection.execute(sql.HELD, [sql.names(unknown)])
            for name, *_, holds in await cursor.fetchall():
                session.holds[name] = tuple(key for key, _ in read_holds(holds))
        keys = {key for job, _ in ends for key in session.holds.get(job.attempt_id, ())}
        await session.find(limits, names, keys)
        self._keys = keys | {key for name in (*limits, *names) if (key := session.key_of(name)) is not None}

    async def _read(
        self, pipeline: AsyncPipeline, asked: Sequence[Reservation], ends: Sequence[tuple[Settle, Settlement]]
    ) -> None:
        connection, keys = self._session.connection, sql.numbers(sorted(self._keys))
        names = {hold.bucket for one in asked for hold in one.holds}
        settled = sql.names(job.attempt_id for job, _ in ends)
        now = min((one.reserved_at for one in asked), default=min((end.at for _, end in ends), default=0.0))
        taught = {update.observation.bucket for _, end in ends for update in end.limit_updates}
        sampled = {sample.name for _, end in ends for sample in end.samples}
        if not self._joins:
            await connection.execute("BEGIN")
        buckets = await connection.execute(sql.LOCK_BUCKETS, [keys])
        held = await connection.execute(sql.LOCK_ATTEMPTS, [settled, self._of, self._of]) if ends else None
        spans = await connection.execute(sql.EXPIRE, {"keys": keys, "now": now})
        closed = await connection.execute(sql.CLOSED, [sql.names(names)]) if names else None
        tests = await connection.execute(sql.LOCK_TESTS, [settled, now, sql.names(names)])
        observations = await connection.execute(sql.OBSERVATIONS_OF, [sql.names(taught)]) if taught else None
        factors = await connection.execute(sql.FACTORS_OF, [sql.names(sampled)]) if sampled else None
        await pipeline.sync()
        # From here on others wait for us: until now we may have waited for them.
        self._began_mono = self._session.clock.monotonic()
        self._bring(await buckets.fetchall(), await spans.fetchall())
        for name, worst, prompt, output, holds in await held.fetchall() if held else ():
            self._locked[name] = HeldRow(name, worst, prompt, output, read_holds(holds))
        for row in [*(await closed.fetchall() if closed else ()), *await tests.fetchall()]:
            self._set.blocks.bring(block_of(row))
        for row in await observations.fetchall() if observations else ():
            self._set.observations[row[0]] = observation_of(row)
        for row in await factors.fetchall() if factors else ():
            self._set.factors.update([factor_of(row)])
        for bucket in list(self._set.buckets.values()):
            # Not by the moment at which they asked: a process that stood still since then set no clock back.
            latest = bucket.beyond(max(now, self._session.now()), self._session.guard) if asked else None
            if latest is not None:
                await self._pull_in(pipeline, bucket.key, latest)

    def _bring(self, rows: Sequence[Row], spans: Sequence[Row]) -> None:
        ends = {key: (freed, first, last) for key, freed, first, last in spans}
        for key, used, in_flight, ceiling, counts, admitted_at in rows:
            bucket = self._session.bucket(key)
            bucket.used, bucket.in_flight, bucket.ceiling, bucket.counts = used, in_flight, ceiling, counts
            bucket.admitted_at = admitted_at
            bucket.was = used, in_flight
            freed, first, last = ends[key]
            self._set.bring(bucket).forget(freed, first, last)
            if freed:
                self._set.touch(bucket)

    async def _pull_in(self, pipeline: AsyncPipeline, key: int, latest: float) -> None:
        """The clock was set back: nothing counts longer than what ends now would."""
        cursor = await self._session.connection.execute(sql.PULL_IN, [key, latest])
        await pipeline.sync()
        gone = await cursor.fetchall()
        bucket = self._set.touch(self._set.by_key[key])
        first = None if bucket.first is None or bucket.first > latest else bucket.first
        bucket.forget(sum(amount for _, amount in gone), first, latest)
        for attempt, amount in gone:
            self._set.add(bucket, Part(amount, latest), attempt)

    def _admit(self, job: Admit, one: Reservation) -> None:
        if job.withdrawn:  # while its buckets were locked
            return
        looks = {hold.bucket: self._set.look(hold, one.reserved_at, tuple) for hold in one.holds}
        if evaluate_holds(one.holds, one.reserved_at, lambda hold: looks[hold.bucket], self._session.guard) is not None:
            frozen = {name: look._replace(in_flight=partial(int, look.in_flight())) for name, look in looks.items()}
            self._denied.append(DeniedJob(job, one, frozen))
            return
        grant, holds = self._set.take(one), self._set.holds_of(one)
        self._made.append(writes.made(one, self._session.owner, holds_text(holds)))
        self._done.append(partial(self._granted, job, grant, tuple(key for key, _ in holds)))

    def _granted(self, job: Admit, grant: Grant, keys: tuple[int, ...]) -> None:
        job.result = self._shift.verdict(grant)
        self._session.holds[grant.attempt_id] = keys

    def _settle(self, job: Settle, end: Settlement) -> None:
        held = self._locked.pop(job.attempt_id, None)
        if held is not None:
            self._ended.append(writes.ended(job.attempt_id, ended_row(held, end)))
            self._set.end(held, end, self._session.now())
        self._done.append(partial(self._settled, job, held is not None))

    def _settled(self, job: Settle, done: bool) -> None:
        job.result = done
        self._session.holds.pop(job.attempt_id, None)

    async def _write(self) -> dict[str, Cursor]:
        """Send what is to be written and the commit; return what will tell when room is made in the full buckets."""
        connection = self._session.connection
        full = {hold.bucket for one in self._denied for hold in one.waits_for()}
        await writes.write(connection, self._made, self._ended, self._set.take_changes())
        pages = {name: await connection.execute(sql.FIRST, [self._set.buckets[name].key]) for name in full}
        if self._session.clock.monotonic() - self._began_mono > STALE_AFTER / 2:
            raise errors.IdleInTransactionSessionTimeout("this process stood still meanwhile")
        if not self._joins:
            self.committing = True
            await connection.execute("COMMIT")
        return pages

    async def _deny(self, pages: dict[str, Cursor]) -> None:
        first = {name: await cursor.fetchall() for name, cursor in pages.items()}
        for one in self._denied:
            for hold in one.waits_for():
                one.opens[hold.bucket] = await self._opening(one, hold, first[hold.bucket])
            verdict = one.verdict(self._session.guard)
            one.job.result = None if verdict is None else self._shift.verdict(verdict)

    async def _opening(self, one: DeniedJob, hold: Hold, first: list[Row]) -> list[Row]:
        """Return the slots whose expiry makes room for a hold, as far as that is needed to tell when."""
        lacking = one.excess(hold) - sum(amount for _, amount in first)
        if lacking <= 0 or len(first) < sql.PAGE:
            return first
        key = self._set.buckets[hold.bucket].key
        try:
            row = await (await self._session.connection.execute(sql.FREED, [key, one.excess(hold)])).fetchone()
        except psycopg.Error:
            # All is committed: what can't be told now is only when to ask again.
            row = None
        return first if row is None else [*first, (row[0], lacking)]
