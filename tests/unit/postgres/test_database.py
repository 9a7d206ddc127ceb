"""A second store on the ledger's database: transactions of both, leases, upkeep, what others announce."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import psycopg
import pytest

from shunpike.errors import StoreError, UsageError
from shunpike.storage import Migrations, Transaction
from shunpike.types import Denial, Grant, Lifetime, Unit
from shunpike_postgres import feed, stores
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.stores import hold, reservation, settled

pytestmark = pytest.mark.anyio
JOBS = Migrations("jobs", (("CREATE TABLE jobs (name TEXT PRIMARY KEY, owner TEXT, result TEXT) STRICT",),))
MONEY = hold(50, 100, Unit.USD, Lifetime())


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url)
    store.database.enroll(JOBS, recover=take_back)
    try:
        yield store
    finally:
        await store.aclose()


async def lease(tx: Transaction) -> int:
    await tx.announce("jobs")
    return await tx.execute("INSERT INTO jobs (name, owner) VALUES (?, ?)", "job", tx.owner)


async def finish(tx: Transaction) -> int:
    return await tx.execute("UPDATE jobs SET owner = NULL, result = 'done' WHERE owner = ?", tx.owner)


async def take_back(tx: Transaction) -> int:
    return await tx.execute(
        "UPDATE jobs SET owner = NULL WHERE owner IS NOT NULL AND owner NOT IN (SELECT CAST(id AS TEXT) FROM owners)"
    )


async def leased(tx: Transaction) -> list[str]:
    return [name for (name,) in await tx.rows("SELECT name FROM jobs WHERE owner IS NOT NULL")]


async def nothing(tx: Transaction) -> None:
    """Ask for nothing."""


async def fail(tx: Transaction) -> None:
    await tx.announce("jobs")
    raise UsageError("not so")


async def until(is_so: Callable[[], bool]) -> None:
    with anyio.fail_after(60):
        while not is_so():  # noqa: ASYNC110 - another thread makes it so
            await anyio.sleep(0.01)


async def test_a_jobs_result_and_its_settlement_are_kept_together_or_not_at_all(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        database, now = store.database, time.time()
        assert await database.transaction(lease) == (1,)
        [granted] = await database.transaction(store.admitting(reservation("a", now, MONEY)))
        assert isinstance(granted, Grant)
        settling = store.settling("a", settled(now, pico=10))
        with pytest.raises(UsageError, match="not so"):
            await database.transaction(finish, settling, fail)
        assert await database.read(leased) == ["job"]
        assert [one.used for one in await store.remaining([MONEY], now)] == [50]
        assert await database.revision("jobs") == 1
        assert await database.transaction(finish, settling) == (1, True)
        assert await database.read(leased) == []
        assert [one.used for one in await store.remaining([MONEY], now)] == [10]
        denied, again = await database.transaction(store.admitting(reservation("b", now, hold(9, 8))), settling)
        assert isinstance(denied, Denial)
        assert again is False, "it was settled before"
        await store.check()


async def test_an_admission_that_is_undone_holds_nothing(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        now = time.time()
        with pytest.raises(UsageError):
            await store.database.transaction(store.admitting(reservation("a", now, MONEY)), fail)
        assert [one.used for one in await store.remaining([MONEY], now)] == [0]
        assert not store._session.holds
        assert isinstance(await store.admit(reservation("a", now, MONEY)), Grant)
        await store.check()


async def test_a_settlement_that_is_undone_leaves_its_attempt_in_flight(postgres_url: str) -> None:
    """Its process goes on showing that it lives: others would take what it holds for a dead one's."""
    async with opened(postgres_url) as store:
        now = time.time()
        assert isinstance(await store.admit(reservation("a", now, MONEY)), Grant)
        with pytest.raises(UsageError):
            await store.database.transaction(store.settling("a", settled(now, pico=1)), fail)
        assert set(store._session.holds) == {"a"}
        assert await store.database.transaction(store.settling("a", settled(now, pico=1))) == (True,)
        assert not store._session.holds


@pytest.mark.parametrize("runs", [True, False], ids=["for one that runs", "for the next"])
async def test_what_a_process_had_leased_is_free_when_it_is_gone(postgres_url: str, runs: bool) -> None:
    async with opened(postgres_url) as other:
        async with opened(postgres_url) as store:
            await store.database.transaction(lease)
            assert await other.recover(time.time()) == 0
            assert await other.database.read(leased) == ["job"], "it lives"
        if runs:
            await other.recover(time.time())
            assert await other.database.read(leased) == []
    async with opened(postgres_url) as next_one:
        assert await next_one.database.read(leased) == []


async def test_a_store_that_is_enrolled_while_tables_are_made_is_not_asked_before_it_has_its_own(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresStore(postgres_url)
    await store.check()
    store.database.enroll(Migrations("other", (("CREATE TABLE other (id INTEGER) STRICT",),)))
    migrate = stores.migrate

    async def joined(*values: Any) -> None:
        await migrate(*values)
        store.database.enroll(JOBS, recover=take_back)

    monkeypatch.setattr(stores, "migrate", joined)
    await store.database.read(nothing)
    assert await store.database.transaction(lease) == (1,)
    await store.aclose()


async def test_whoever_reads_first_settles_what_a_process_that_died_had_held(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        await store.admit(reservation("a", time.time(), MONEY))
    async with opened(postgres_url) as next_one:
        assert [one.attempt_id for one in await next_one.unconfirmed()] == ["a"]


async def test_a_lease_outlives_a_lost_connection(postgres_url: str) -> None:
    """Its process lives, and is known by the same name afterwards."""
    async with opened(postgres_url) as store, opened(postgres_url) as other:
        await store.database.transaction(lease)
        await other.check()
        with psycopg.connect(postgres_url, autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        assert await store.database.transaction(finish) == (1,)


async def test_what_another_process_announces_is_heard_at_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being asked for again."""
    monkeypatch.setattr(feed, "SEEN_WITHIN", 3_600.0)
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        assert await other.database.revision("jobs") == 0
        await until(lambda: other._session.feed.is_listening)
        await one.database.transaction(lease)
        assert await one.database.revision("jobs") == 1
        await until(lambda: other._session.feed.known("jobs") == 1)


async def test_after_the_end_nothing_is_done(postgres_url: str) -> None:
    async with opened(postgres_url) as store:
        await store.check()
    with pytest.raises(StoreError, match="closed"):
        await store.database.transaction(lease)
