"""A ledger file of an older schema is copied, then brought up to date; and what is settled by hand is written down."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from shunpike.builtin import sqlite_sql
from shunpike.builtin.sqlite import SqliteStore
from shunpike.ledger.capabilities import CountsBy, Learns, Reconciles
from shunpike.types import Block, Grant, Lifetime, Money, Settlement, State, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import CENT, hold, reservation

MONEY = hold(5 * CENT, 8 * CENT, Unit.USD, Lifetime(), "money")


_ATTEMPT = (
    "INSERT INTO attempts (request_id, provider, account, model, funds, started_at, held_prompt, held_output,"
    " id, state, owner, ended_at, worst_pico, cost_pico) VALUES ('r', 'north', 'default', 'm-1', 'paid', 1, 1, 1,"
)
OF_A_DEAD_OWNER = (
    "INSERT INTO buckets (id, name, unit, window, used, ceiling) VALUES (7, 'money', 'usd', '{}', 60, 99)",
    """UPDATE buckets SET window = '{"kind": "lifetime"}'""",
    "INSERT INTO owners VALUES ('gone', 1, 0.0)",
    f"{_ATTEMPT} 'a', 'held', 'gone', NULL, 30, 30)",
    f"{_ATTEMPT} 'b', 'unconfirmed', NULL, 2, 20, 20)",
    "INSERT INTO slots (bucket, attempt, amount, expires_at) VALUES (7, 'a', 30, NULL), (7, 'b', 20, 253402300800)",
    "INSERT INTO slots (bucket, amount, expires_at) VALUES (7, 4, 253402300800), (7, 6, 253402300800)",
)


def plain(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def copies(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.backup*")]


def old_file(path: Path, version: int, *rows: str) -> None:
    """Write what an older version wrote: its schema, and rows."""
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA application_id = {sqlite_sql.APPLICATION_ID}")
    connection.execute("CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL) STRICT")
    for number, statements in enumerate(sqlite_sql.MIGRATIONS[:version], start=1):
        for statement in statements:
            connection.execute(statement)
        connection.execute("INSERT INTO migrations VALUES (?, 0.0)", (number,))
    for row in rows:
        connection.execute(row)
    connection.close()


async def test_an_old_file_is_copied_and_brought_up_to_date(tmp_path: Path) -> None:
    path, clock = tmp_path / "ledger.db", VirtualClock()
    old_file(path, 1, "INSERT INTO totals VALUES (20000, 'north', 'm-1', 3, 2, 1, 0, 30, 20, 7, 0, 9)")
    for _ in range(2):
        store = SqliteStore(path, clock=clock)
        (row,) = await store.usage(0.0, clock.now())
        assert (row.requests, row.cost.pico, row.overages) == (3, 7, 0)
        assert isinstance(await store.admit(reservation(f"a{_}", clock.now(), hold(1, 9))), Grant)
        await store.settle(f"a{_}", Settlement(state=State.RELEASED, at=clock.now(), keeps_request=False))
        await store.check()
        await store.aclose()
    assert plain(path, "SELECT max(version) FROM migrations") == [(len(sqlite_sql.MIGRATIONS),)]
    copy = tmp_path / "ledger.db.v1.backup"
    assert plain(copy, "SELECT max(version) FROM migrations") == [(1,)]
    assert plain(copy, "SELECT requests FROM totals") == [(3,)]
    assert copies(tmp_path) == [copy.name]


@pytest.mark.parametrize("version", range(1, len(sqlite_sql.MIGRATIONS)))
async def test_a_file_of_any_older_version_closes_learns_and_opens(tmp_path: Path, version: int) -> None:
    path, clock = tmp_path / "ledger.db", VirtualClock()
    old_file(path, version)
    store, now = SqliteStore(path, clock=clock), clock.now()
    closed = Block(bucket="north|account:|gate", until=now + 60, reason="sick", at=now, failures=2)
    await store.admit(reservation("a", now, hold(1, 9)))
    await store.settle("a", Settlement(state=State.RELEASED, at=now, outcome="overloaded", blocks=(closed,)))
    assert await store.closed(now) == {closed.bucket: closed}
    assert await store.observations() == {}
    await store.aclose()


async def test_what_an_older_version_held_is_held_no_less(tmp_path: Path) -> None:
    """A process of the second version died: one attempt in flight, one whose end nobody knows, and a settled sum."""
    path, clock = tmp_path / "ledger.db", VirtualClock()
    old_file(path, 2, *OF_A_DEAD_OWNER)
    store = SqliteStore(path, clock=clock)
    await store.check()
    assert [left.used for left in await store.remaining([MONEY], clock.now())] == [60]
    assert [one.attempt_id for one in await store.unconfirmed()] == ["a", "b"]
    assert await store.reconcile("a", Money(pico=5), clock.now(), "invoice")
    assert [left.used for left in await store.remaining([MONEY], clock.now())] == [35]
    await store.check()
    await store.aclose()


async def test_a_new_file_needs_no_copy(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "ledger.db")
    await store.check()
    await store.aclose()
    assert copies(tmp_path) == []


async def test_settling_by_hand_corrects_the_books_once_and_is_written_down(tmp_path: Path) -> None:
    path, clock = tmp_path / "ledger.db", VirtualClock()
    store = SqliteStore(path, clock=clock)
    assert isinstance(store, Learns)
    assert isinstance(store, CountsBy)
    assert isinstance(store, Reconciles)
    await store.admit(reservation("a", clock.now(), MONEY, tag="night"))
    assert not await store.reconcile("a", Money(), clock.now(), "still in flight")
    await store.settle("a", Settlement(state=State.UNCONFIRMED, at=clock.now(), outcome="timeout"))
    (one,) = await store.unconfirmed()
    assert (one.attempt_id, one.outcome, one.cost.pico, one.tag) == ("a", "timeout", 5 * CENT, "night")
    assert await store.reconcile("a", Money(pico=CENT), clock.now(), "invoice 7")
    assert not await store.reconcile("a", Money(), clock.now(), "again")
    assert await store.unconfirmed() == []
    assert [left.used for left in await store.remaining([MONEY], clock.now())] == [CENT]
    (row,) = await store.usage_by(0.0, 1e12, day=True, tag=True)
    assert (row.day, row.tag, row.cost.pico, row.exact) == ("2027-01-15", "night", CENT, True)
    await store.check()
    await store.aclose()
    assert plain(path, "SELECT * FROM reconciled") == [("a", clock.now(), 5 * CENT, CENT, "invoice 7")]
