"""A ledger file of an older schema is copied, then brought up to date; and what is settled by hand is written down."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from shunpike.builtin import sqlite_sql
from shunpike.builtin.sqlite import SqliteStore
from shunpike.ledger.abilities import CountsBy, Learns, Reconciles
from shunpike.types import Grant, Lifetime, Money, Settlement, State, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import CENT, hold, reservation

MONEY = hold(5 * CENT, 8 * CENT, Unit.USD, Lifetime())


def plain(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def copies(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.backup*")]


def old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write what the first version wrote: its schema, an attempt and a day's total."""
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_sql, "MIGRATIONS", sqlite_sql.MIGRATIONS[:1])
        connection = apsw.Connection(str(path))
        connection.execute(f"PRAGMA application_id = {sqlite_sql.APPLICATION_ID}")
        connection.execute("CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL) STRICT")
        for statement in sqlite_sql.MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("INSERT INTO migrations VALUES (1, 0.0)")
        connection.execute("INSERT INTO totals VALUES (20000, 'north', 'm-1', 3, 2, 1, 0, 30, 20, 7, 0, 9)")
        connection.close()


async def test_an_old_file_is_copied_and_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clock = tmp_path / "ledger.db", VirtualClock()
    old_file(path, monkeypatch)
    for _ in range(2):
        store = SqliteStore(path, clock=clock)
        (row,) = await store.usage(0.0, clock.now())
        assert (row.requests, row.cost.pico, row.overages) == (3, 7, 0)
        assert isinstance(await store.admit(reservation(f"a{_}", clock.now(), hold(1, 9))), Grant)
        await store.settle(f"a{_}", Settlement(state=State.RELEASED, at=clock.now(), keeps_request=False))
        await store.check()
        await store.aclose()
    assert plain(path, "SELECT max(version) FROM migrations") == [(2,)]
    copy = tmp_path / "ledger.db.v1.backup"
    assert plain(copy, "SELECT max(version) FROM migrations") == [(1,)]
    assert plain(copy, "SELECT requests FROM totals") == [(3,)]
    assert copies(tmp_path) == [copy.name]


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
