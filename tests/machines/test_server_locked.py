"""A ledger on PostgreSQL that another process holds locked, or a process of it that stands still."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import anyio
import psycopg
import pytest
from typing_extensions import override

from shunpike.clock import SystemClock
from shunpike.errors import StoreError
from shunpike.types import Grant, Lifetime, Unit
from shunpike_postgres import connection, session, worker
from shunpike_postgres.batch import Batch
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.stores import hold, reservation, settled

from .rig import rows, served

MONEY = hold(10, 10**6, Unit.USD, Lifetime())


async def test_f9_all_who_wait_for_a_locked_ledger_give_up_together(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other they would wait many times as long."""
    monkeypatch.setattr(connection, "LOCK_TIMEOUT", 0.1)
    plain, runs, failed = Batch.run, [], []

    async def run(self: Batch) -> object:
        runs.append(self)
        return await plain(self)

    async def ask(store: PostgresStore, name: str) -> None:
        with pytest.raises(StoreError, match="was locked by another process"):
            await store.admit(reservation(name, time.time(), MONEY))
        failed.append(name)

    async with served(postgres_url) as store:
        assert isinstance(await store.admit(reservation("first", time.time(), MONEY)), Grant)
        monkeypatch.setattr(Batch, "run", run)
        with psycopg.connect(postgres_url) as other:
            other.execute("LOCK TABLE shunpike.attempts IN ACCESS EXCLUSIVE MODE")
            async with anyio.create_task_group() as group:
                for number in range(20):
                    group.start_soon(ask, store, f"other-{number}")
        assert len(failed) == 20
        assert len(runs) <= 2, "the first alone, perhaps, then all the others"


async def test_a_process_that_stands_still_in_a_transaction_loses_it_before_others_give_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between its two round trips, it holds locks that the others wait for; going on, it asks once more."""
    assert connection.LOCK_TIMEOUT > 2 * connection.STALE_AFTER, "waiting must outlast even a second one that stands"
    monkeypatch.setattr(connection, "STALE_AFTER", 1.0)  # a loaded machine may stand for a moment by itself
    reached, go_on = anyio.Event(), threading.Event()
    plain = Batch._write
    async with served(postgres_url) as other, served(postgres_url) as store:
        assert isinstance(await other.admit(reservation("first", time.time(), MONEY)), Grant)
        await store.check()
        token = anyio.lowlevel.current_token()

        async def write(self: Batch) -> object:
            if not go_on.is_set() and store._session is self._session:
                anyio.from_thread.run_sync(reached.set, token=token)
                go_on.wait(60)
            return await plain(self)

        monkeypatch.setattr(Batch, "_write", write)
        verdicts: list[object] = []

        async def ask() -> None:
            verdicts.append(await store.admit(reservation("standing", time.time(), MONEY)))

        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(ask)
                await reached.wait()
                assert isinstance(await other.admit(reservation("second", time.time(), MONEY)), Grant)
                go_on.set()
        assert [type(one) for one in verdicts] == [Grant]
        (left,) = await other.remaining([MONEY], time.time())
        assert left.used == 30
        await other.check()


class Hesitant(SystemClock):
    """A clock by which this process stood still for so many seconds."""

    stood = 0.0

    @override
    def monotonic(self) -> float:
        """Return the seconds since an unknown moment."""
        return super().monotonic() + self.stood


async def test_a_process_that_stood_still_does_not_send_a_commit_whose_outcome_is_in_doubt(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session may be gone by now: while nothing was sent, it is certain that nothing was kept."""
    plain, clock, tries = Batch._admit, Hesitant(), list[Batch]()

    def admit(self: Batch, *words: Any) -> None:
        clock.stood = connection.STALE_AFTER
        tries.append(self)
        plain(self, *words)

    monkeypatch.setattr(Batch, "_admit", admit)
    store = PostgresStore(postgres_url, guard=0.0, clock=clock)
    assert isinstance(await store.admit(reservation("a", time.time(), MONEY)), Grant)
    await store.aclose()
    assert len(tries) == 2
    assert rows(postgres_url, "SELECT id, state FROM attempts") == [("a", "held")]


@contextmanager
def frozen(url: str) -> Iterator[None]:
    """All lines of the ledger go silent, though they stand; the server makes new ones as ever."""
    pids = [pid for (pid,) in rows(url, "SELECT pid FROM pg_stat_activity WHERE application_name = 'shunpike'")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def test_lines_that_went_silent_are_given_up_wherever_they_are_asked(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a limit that was never seen before, for what is read, and for what is left to do at the end."""
    for module, name in ((session, "PATIENCE"), (connection, "QUICK"), (worker, "READING")):
        monkeypatch.setattr(module, name, 0.3)
    async with served(postgres_url) as store:
        assert isinstance(await store.admit(reservation("first", time.time(), MONEY)), Grant)
        assert len(await store.usage(0.0, 1e12)) == 1
        with anyio.fail_after(60):
            with frozen(postgres_url):
                assert len(await store.usage(0.0, 1e12)) == 1
                assert isinstance(await store.admit(reservation("new", time.time(), hold(1, 9))), Grant)
            assert await store.settle("first", settled(time.time(), pico=3))
    async with served(postgres_url) as store:
        await store.check()
        with frozen(postgres_url), anyio.fail_after(60):
            await store.aclose()


async def test_a_line_that_is_lost_again_while_its_process_comes_back_loses_nothing(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was on the list by a number that nobody has any more when the answer did not come."""
    plain, tries = session.sign_in, []

    async def sign_in(line: Any, *words: Any) -> int:
        number = await plain(line, *words)
        tries.append(words)
        if len(tries) == 1:
            await line.close()
            raise psycopg.OperationalError("the line is dead")
        return number

    async with served(postgres_url) as store:
        assert isinstance(await store.admit(reservation("runs", time.time(), MONEY)), Grant)
        monkeypatch.setattr(session, "sign_in", sign_in)
        lines = "FROM pg_stat_activity WHERE application_name = 'shunpike'"
        rows(postgres_url, f"SELECT pg_terminate_backend(pid, 5000) {lines}")
        with suppress(StoreError):
            await store.admit(reservation("other", time.time(), MONEY))
        assert await store.settle("runs", settled(time.time(), pico=3))
        assert len(tries) == 2
        assert [state for (state,) in rows(postgres_url, "SELECT state FROM attempts WHERE id = 'runs'")] == ["settled"]
        assert len(rows(postgres_url, "SELECT id FROM owners")) == 1
