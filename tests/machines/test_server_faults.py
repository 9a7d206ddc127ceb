"""What goes wrong between a process and the database at the worst moment: nothing is forgotten or counted twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import anyio
import psycopg
import pytest
from psycopg import errors
from typing_extensions import override

from shunpike.clock import SystemClock
from shunpike.errors import StoreError
from shunpike.ledger import folding
from shunpike.types import Denial, Grant, Held, Lifetime, Money, State, Unit
from shunpike_postgres import batch, session, statements, worker
from shunpike_postgres.batch import Batch
from shunpike_postgres.jobs import SessionJob
from shunpike_postgres.store import PostgresStore
from shunpike_postgres.writer import PostgresWriter
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import hold, reservation, settled

from .rig import rows, served

MONEY = hold(10, 10**6, Unit.USD, Lifetime())
CALL = hold(1, 1, Unit.CONCURRENT, Held())
CUT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
LIVING = """
SELECT count(*) FROM attempts JOIN owners ON owners.id = owner JOIN pg_locks
ON objid = number::oid AND locktype = 'advisory' AND granted
AND classid = 'shunpike.owners'::regclass::oid"""


async def admitted(store: PostgresStore, name: str, *holds: Any) -> bool:
    return isinstance(await store.admit(reservation(name, time.time(), *holds)), Grant)


async def until(url: str, question: str, right: Callable[[int], bool]) -> None:
    """Wait until the database answers so."""
    with anyio.fail_after(60):
        while not right(rows(url, question)[0][0]):  # noqa: ASYNC110 - the database tells nobody
            await anyio.sleep(0.02)


async def test_a_process_that_lost_its_connection_is_not_dead(postgres_url: str) -> None:
    """After a restart of the server others come back first: its call runs on, and counts, until it is missed."""
    async with served(postgres_url) as mine, served(postgres_url) as theirs:
        assert await admitted(mine, "runs", CALL, MONEY)
        rows(postgres_url, CUT)
        assert await theirs.recover(time.time()) == 0
        assert not await admitted(theirs, "second", CALL)
        assert await mine.settle("runs", settled(time.time(), pico=3))
        assert await admitted(theirs, "third", CALL)
        rows(postgres_url, CUT)
        assert await mine.recover(time.time()) == 0
        rows(postgres_url, "UPDATE owners SET dead_since = dead_since - 1000 WHERE dead_since IS NOT NULL")
        assert await mine.recover(time.time()) == 1
        assert not await theirs.settle("third", settled(time.time())), "it came back too late"
        (row,) = await mine.usage(0.0, 1e12)
        assert (row.cost.pico, row.requests, row.held) == (3, 2, 0)
        await mine.check()


async def test_a_process_that_holds_something_notices_by_itself_that_its_connection_is_gone(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its call may take minutes, and others would miss it before that."""
    monkeypatch.setattr(worker, "HEARTBEAT", 0.05)
    async with served(postgres_url) as store:
        assert await admitted(store, "runs", MONEY)
        ((before,),) = rows(postgres_url, "SELECT number FROM owners")
        rows(postgres_url, CUT)
        await until(postgres_url, "SELECT number FROM owners", lambda number: number != before)
        assert rows(postgres_url, LIVING) == [(1,)]
        assert await store.settle("runs", settled(time.time(), pico=3))


async def test_an_attempt_that_was_adopted_meanwhile_is_not_recovered(postgres_url: str) -> None:
    """Its owner was seen dead, and came back before what it held was settled for it."""
    async with served(postgres_url) as mine, served(postgres_url) as theirs:
        assert await admitted(mine, "runs", MONEY)
        await theirs.check()
        ((number,),) = rows(postgres_url, "SELECT number FROM owners JOIN attempts ON owners.id = owner")
        end = settled(time.time(), pico=10).model_copy(update={"state": State.UNCONFIRMED})
        writer = theirs._worker.writer
        assert await on_loop(theirs, lambda: writer._settle([("runs", end)], [number + 1000])) == 0
        assert await mine.settle("runs", settled(time.time(), pico=3))


async def on_loop(store: PostgresStore, work: Callable[[], Any]) -> Any:
    """Run something as the store's own thread does."""
    job = SessionJob(lambda _: work())
    store._worker.put(job)
    return await job.wait()


async def test_money_that_is_reconciled_while_its_slot_expires_is_not_taken_twice(postgres_url: str) -> None:
    """What was read before the lock was got may be gone by then."""
    async with served(postgres_url) as store:
        assert await admitted(store, "lost", MONEY)
        end = settled(time.time(), pico=10).model_copy(update={"state": State.UNCONFIRMED})
        assert await store.settle("lost", end)
        done: list[bool] = []

        async def reconcile() -> None:
            done.append(await store.reconcile("lost", Money(pico=2), time.time(), "the bill says so"))

        async with anyio.create_task_group() as group:
            with psycopg.connect(postgres_url) as other:
                other.execute("SELECT 1 FROM shunpike.buckets FOR UPDATE")
                group.start_soon(reconcile)
                await until(postgres_url, WAITING, bool)
                other.execute("DELETE FROM shunpike.slots")
                other.execute("UPDATE shunpike.buckets SET used = 0")
        assert done == [True]
        await store.check()


@pytest.mark.parametrize("lost", [False, True])
async def test_a_refused_attempt_whose_second_hearing_fails_is_not_given_back_later(
    postgres_url: str, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that was refused is asked for again under its name, elsewhere: that one must not be taken for it."""
    plain, hearings = Batch.run, []

    async def run(self: Batch) -> Any:
        if not self._jobs:
            return await plain(self)
        hearings.append(self)
        if len(hearings) != 2:
            return await plain(self)
        self.committing = True
        if lost:
            await self._session.drop()
            raise psycopg.OperationalError("the line is dead")
        raise errors.CheckViolation("rolled back")

    async def may(self: PostgresWriter) -> bool:
        return True

    async with served(postgres_url) as store:
        assert await admitted(store, "runs", CALL)
        monkeypatch.setattr(Batch, "run", run)
        monkeypatch.setattr(PostgresWriter, "_may_recover", may)
        if lost:
            with pytest.raises(StoreError, match="can't be reached"):
                await store.admit(reservation("again", time.time(), CALL))
        else:
            assert isinstance(await store.admit(reservation("again", time.time(), CALL)), Denial)
            assert await admitted(store, "again", MONEY)
            rows(postgres_url, CUT)
            assert await store.settle("again", settled(time.time(), pico=9))
            (row,) = await store.usage(0.0, 1e12)
            assert row.cost.pico == 9


class Slow(SystemClock):
    """A clock that passes when it is told to."""

    passed = 0.0

    @override
    def monotonic(self) -> float:
        """Return the seconds since an unknown moment."""
        return super().monotonic() + self.passed


async def test_who_waits_for_a_lock_did_not_stand_still(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done at the first go: who waits like that again would fail."""
    clock, runs, plain = Slow(), [], Batch.run

    async def run(self: Batch) -> Any:
        runs.append(self)
        return await plain(self)

    async with served(postgres_url, clock=clock) as store:
        assert await admitted(store, "runs", MONEY)
        done: list[bool] = []

        async def settle() -> None:
            done.append(await store.settle("runs", settled(time.time(), pico=3)))

        async with anyio.create_task_group() as group:
            with psycopg.connect(postgres_url) as other:
                other.execute("SELECT 1 FROM shunpike.buckets FOR UPDATE")
                monkeypatch.setattr(Batch, "run", run)
                group.start_soon(settle)
                await until(postgres_url, WAITING, bool)
                clock.passed = 4 * batch.STALE_AFTER
        assert done == [True]
        assert sum(bool(one._jobs) for one in runs) == 1


async def test_what_fails_after_the_commit_undoes_nothing(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only when to ask again is not known then."""
    monkeypatch.setattr(statements, "PAGE", 1)
    monkeypatch.setattr(statements, "FIRST", statements.FIRST.replace("LIMIT 200", "LIMIT 1"))
    monkeypatch.setattr(statements, "FREED", "SELECT pg_terminate_backend(pg_backend_pid()), %s::integer, %s::bigint")
    async with served(postgres_url) as store:
        for number in range(3):
            assert await admitted(store, f"full-{number}", hold(1, 3))
            await store.settle(f"full-{number}", settled(time.time()))
        denial = await store.admit(reservation("large", time.time(), hold(2, 3)))
        assert isinstance(denial, Denial)
        assert await admitted(store, "next", MONEY)
        await store.check()


async def test_a_server_that_says_nothing_any_more_is_given_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No packet comes that would tell that it is gone: whoever waits is told after a while."""
    async with served(postgres_url) as store:
        assert await admitted(store, "runs", MONEY)
        monkeypatch.setattr(session, "PATIENCE", 0.2)
        with psycopg.connect(postgres_url) as other:
            other.execute("SELECT 1 FROM shunpike.buckets FOR UPDATE")
            with pytest.raises(StoreError, match="can't be reached"):
                await store.settle("runs", settled(time.time(), pico=3))
        monkeypatch.undo()
        assert await store.settle("runs", settled(time.time(), pico=3))


async def test_one_job_that_fails_in_our_own_code_fails_alone(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, found = Batch._admit, {}

    def admit(self: Batch, job: Any, one: Any) -> None:
        if one.attempt_id == "a-7":
            raise LookupError("no such zone here")
        plain(self, job, one)

    async def ask(store: PostgresStore, name: str) -> None:
        try:
            found[name] = isinstance(await store.admit(reservation(name, time.time(), MONEY)), Grant)
        except StoreError:
            found[name] = False

    monkeypatch.setattr(Batch, "_admit", admit)
    async with served(postgres_url) as store:
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(ask, store, f"a-{number}")
        assert found == {f"a-{number}": number != 7 for number in range(20)}
        await store.check()


async def test_what_is_read_after_a_restart_comes_at_once(postgres_url: str) -> None:
    """Connections that wait for readers are as dead as the writer's."""
    async with served(postgres_url) as store:
        assert await admitted(store, "runs", MONEY)
        for _ in range(3):
            assert len(await store.usage(0.0, 1e12)) == 1
            rows(postgres_url, CUT)


async def test_however_many_attempts_are_old_they_are_folded_soon(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "_AT_ONCE", 7)
    clock = VirtualClock()
    async with served(postgres_url, clock=clock, trust_clock=True, keep_days=2) as store:
        for number in range(30):
            await store.admit(reservation(f"a{number}", clock.now(), MONEY))
            await store.settle(f"a{number}", settled(clock.now(), pico=1))
        clock.advance(30 * 86_400)
        for _ in range(7):
            await store.settle("none", settled(clock.now()))
        assert [row.requests for row in await store.usage(0.0, clock.now())] == [30]
        assert rows(postgres_url, "SELECT count(*) FROM attempts") == [(0,)]
        await store.check()
