"""Tables are brought from version to version after a copy, all steps or none, whoever is killed on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from shunpike.errors import StoreError
from shunpike.storage import Migrations
from shunpike_postgres import schema, versions
from shunpike_postgres.store import PostgresStore
from shunpike_postgres.words import definition, query

pytestmark = pytest.mark.anyio
OLD = Path(__file__).with_name("version_3.sql")
FIRST = ("CREATE TABLE switches (name TEXT PRIMARY KEY, at REAL) STRICT, WITHOUT ROWID",)
SECOND = ("ALTER TABLE switches ADD COLUMN who TEXT", "INSERT INTO switches (name) VALUES ('made by a step')")


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True, options="-c search_path=shunpike") as connection:
        cursor = connection.execute(sql)  # type: ignore[call-overload]  # a test's own words
        return cursor.fetchall() if cursor.description else []


def kept(url: str) -> dict[str, int]:
    return dict(rows(url, "SELECT store, max(version) FROM migrations GROUP BY 1"))


@pytest.fixture
def anyio_backend() -> str:
    """The database's library has a loop of its own, whatever the caller's is."""
    return "asyncio"


@pytest.fixture
def old_url(postgres_url: str) -> str:
    """The address of a ledger as it was before other stores stood beside it."""
    rows(postgres_url, OLD.read_text())
    return postgres_url


async def test_a_ledger_that_was_alone_becomes_one_of_several_stores_after_a_copy(old_url: str) -> None:
    """What its dead owner held is recovered, as it would have been."""
    store = PostgresStore(old_url)
    try:
        assert await store.check() == "1 attempts, 0 held, 1 unconfirmed, 0.1 MB"
        (row,) = await store.usage(0.0, 1e12)
        assert (row.cost.pico, row.unconfirmed) == (10, 1)
    finally:
        await store.aclose()
    assert kept(old_url).keys() == {"database", "ledger"}
    assert rows(old_url, "SELECT state, owner FROM shunpike_before_ledger_3.attempts") == [("held", 1)]
    assert rows(old_url, "SELECT count(*) FROM owners") == [(0,)]


@pytest.mark.parametrize("step", range(len(schema.ADOPTION)))
async def test_whoever_is_ended_on_the_way_leaves_what_was_there(
    old_url: str, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """And the next one goes the whole way."""
    broken = (*schema.ADOPTION[:step], "SELECT pg_terminate_backend(pg_backend_pid())")
    monkeypatch.setattr(versions, "ADOPTION", broken)
    store = PostgresStore(old_url)
    with pytest.raises(StoreError):
        await store.check()
    await store.aclose()
    assert rows(old_url, "SELECT max(version) FROM migrations") == [(3,)]
    assert rows(old_url, "SELECT 1 FROM pg_namespace WHERE nspname LIKE 'shunpike_before%'") == []
    monkeypatch.undo()
    again = PostgresStore(old_url)
    await again.check()
    await again.aclose()


async def test_a_store_that_is_taken_in_later_gets_its_tables_before_it_is_used(postgres_url: str) -> None:
    """Each has versions of its own; a step that was gone is not gone again, and a copy is there before the next."""
    store = PostgresStore(postgres_url)
    await store.check()
    store.database.enroll(Migrations("switches", (FIRST,)))
    assert await store.database.read(lambda tx: tx.rows("SELECT name FROM switches")) == []
    await store.aclose()
    store = PostgresStore(postgres_url)
    store.database.enroll(Migrations("switches", (FIRST, SECOND)))
    [found] = await store.database.transaction(lambda tx: tx.rows("SELECT name, who FROM switches"))
    assert found == [("made by a step", None)]
    await store.aclose()
    assert kept(postgres_url)["switches"] == 2
    assert rows(postgres_url, "SELECT count(*) FROM shunpike_before_switches_1.switches") == [(0,)]


async def test_a_step_that_fails_leaves_all_as_it_was(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    await store.check()
    store.database.enroll(Migrations("switches", (FIRST, ("SELECT 1 / 0",))))
    with pytest.raises(StoreError):
        await store.database.transaction()
    await store.aclose()
    assert "switches" not in kept(postgres_url)
    assert rows(postgres_url, "SELECT to_regclass('switches')::text") == [(None,)]


async def test_a_store_of_a_newer_version_is_left_alone(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    await store.check()
    await store.aclose()
    rows(postgres_url, "INSERT INTO migrations VALUES ('switches', 7, now())")
    store = PostgresStore(postgres_url)
    store.database.enroll(Migrations("switches", (FIRST,)))
    with pytest.raises(StoreError, match="its switches has version 7, this one knows 1"):
        await store.database.transaction()
    await store.aclose()


def test_marks_outside_of_quotes_become_this_databases() -> None:
    assert query("SELECT '?%', a % 2 FROM t WHERE b = ? AND c LIKE '%it''s ?' || ?") == (
        "SELECT '?%%', a %% 2 FROM t WHERE b = %s AND c LIKE '%%it''s ?' || %s"
    )


def test_types_become_this_databases() -> None:
    made = definition("CREATE TABLE t (id INTEGER PRIMARY KEY, at REAL, n INTEGER\n) STRICT, WITHOUT ROWID")
    key = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
    assert made == f"CREATE TABLE t (id {key}, at DOUBLE PRECISION, n BIGINT\n)"


async def test_while_a_process_lives_that_knows_the_old_tables_they_stay_as_they_are(old_url: str) -> None:
    """It would go on sending, and could book none of it."""
    with psycopg.connect(old_url, options="-c search_path=shunpike") as living:
        [(number,)] = living.execute(
            "INSERT INTO owners (host, pid, started_at) VALUES ('mill/4026', 77, 0) RETURNING id"
        ).fetchall()
        living.commit()
        living.execute(
            "SELECT pg_advisory_lock('shunpike.owners'::regclass::oid::bigint::bit(32)::integer, %s)", [number]
        )
        store = PostgresStore(old_url)
        with pytest.raises(StoreError, match="an older shunpike still uses .*: process 77 on mill\n"):
            await store.check()
        await store.aclose()
    assert rows(old_url, "SELECT max(version) FROM migrations") == [(3,)]
    store = PostgresStore(old_url)
    await store.check()
    await store.aclose()


async def test_a_copy_takes_no_name_that_something_has_and_is_made_once(old_url: str) -> None:
    rows(old_url, "CREATE SCHEMA shunpike_before_ledger_3")
    store = PostgresStore(old_url)
    await store.check()
    await store.aclose()
    assert rows(old_url, "SELECT state, owner FROM shunpike_before_ledger_3_2.attempts") == [("held", 1)]
    found = rows(old_url, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'shunpike_before%'")
    assert found == [(2,)], "nothing between the two versions is kept"
