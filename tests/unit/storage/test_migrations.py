"""A file of an older version is copied, then brought up to date, whenever its process is killed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import apsw
import pytest

from shunpike.builtin.sqlite import SqliteStore
from shunpike.errors import StoreError
from shunpike.ledger.schema import LEDGER
from shunpike.storage import Migrations
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.storage.sqlite.schema import APPLICATION_ID, DATABASE, migrate
from shunpike.types import Grant, Lifetime, Money, Settlement, State, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import CENT, hold, reservation

HERE = Path(__file__).parent
MONEY = hold(5 * CENT, 8 * CENT, Unit.USD, Lifetime(), "money")
VERSIONS = [("database", DATABASE.version), ("ledger", LEDGER.version)]


def plain(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def copies(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.backup*")]


def old_file(folder: Path) -> Path:
    """Write a ledger as it was before several stores shared a file; its process died."""
    path = folder / "ledger.db"
    plain(path, (HERE / "ledger_6.sql").read_text(encoding="utf-8"))
    return path


async def holds_what_it_held(path: Path) -> None:
    """One attempt was in flight, the end of one is not known, and one is settled."""
    clock = VirtualClock()
    store = SqliteStore(path, clock=clock)
    await store.check()
    assert [left.used for left in await store.remaining([MONEY], clock.now())] == [60]
    assert [one.attempt_id for one in await store.unconfirmed()] == ["a", "b"]
    (row,) = await store.usage(0.0, 1e12)
    assert (row.requests, row.cost.pico) == (6, 67)
    (block,) = (await store.closed(clock.now())).values()
    assert (block.reason, block.origin, block.failures) == ("sick", "HTTP 503", 2)
    assert (await store.observations())["north|account:|calls"].remaining == 4
    assert (await store.factors())["north/m-1"].samples == 7
    assert await store.reconcile("a", Money(pico=5), clock.now(), "invoice")
    assert [left.used for left in await store.remaining([MONEY], clock.now())] == [35]
    assert isinstance(await store.admit(reservation("new", clock.now(), hold(1, 9))), Grant)
    await store.settle("new", Settlement(state=State.RELEASED, at=clock.now(), keeps_request=False))
    await store.check()
    await store.aclose()
    assert plain(path, "SELECT store, max(version) FROM migrations GROUP BY 1 ORDER BY 1") == VERSIONS
    assert plain(path, "SELECT count(*) FROM owners") == [(0,)]


async def test_an_old_file_is_copied_and_brought_up_to_date(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    await holds_what_it_held(path)
    copy = tmp_path / "ledger.db.v6.backup"
    assert copies(tmp_path) == [copy.name]
    assert plain(copy, "SELECT max(version) FROM migrations") == [(6,)]
    assert plain(copy, "SELECT id FROM owners") == [("gone",)]


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
async def test_killed_at_any_statement_it_is_gone_on_with(tmp_path: Path) -> None:
    """By whoever opens it next; the copy is always the whole file as it was."""
    path = old_file(tmp_path)
    done = await anyio.run_process([sys.executable, str(HERE / "killed.py"), str(path)], stderr=None)
    killed = int(done.stdout)
    assert killed > sum(len(step) for stream in (DATABASE, LEDGER) for step in stream.steps[1:])
    for number in range(1, killed + 2):
        folder = tmp_path / str(number)
        await holds_what_it_held(folder / path.name)
        copy = folder / "ledger.db.v6.backup"
        assert copy.name in copies(folder)
        assert plain(copy, "SELECT state FROM attempts ORDER BY id") == [("held",), ("unconfirmed",), ("settled",)]


async def test_a_new_file_needs_no_copy(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "ledger.db")
    await store.check()
    await store.aclose()
    assert copies(tmp_path) == []


@pytest.mark.parametrize(
    ("version", "words"), [(3, "before the first release"), (7, "newer shunpike")], ids=["too old", "too new"]
)
async def test_a_file_that_can_not_be_brought_up_to_date_is_left_as_it_is(
    tmp_path: Path, version: int, words: str
) -> None:
    path = tmp_path / "ledger.db"
    plain(path, f"PRAGMA application_id = {APPLICATION_ID}; CREATE TABLE migrations (version, applied_at)")
    plain(path, f"INSERT INTO migrations VALUES ({version}, 0.0)")  # noqa: S608 - a number of the test's
    store = SqliteStore(path)
    with pytest.raises(StoreError, match=words):
        await store.check()
    await store.aclose()
    assert plain(path, "SELECT version FROM migrations") == [(version,)]


async def test_a_file_whose_ledger_is_of_a_newer_shunpike_is_rejected(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "ledger.db")
    await store.check()
    await store.aclose()
    plain(tmp_path / "ledger.db", "INSERT INTO migrations VALUES ('ledger', 99, 0.0)")
    store = SqliteStore(tmp_path / "ledger.db")
    with pytest.raises(StoreError, match="its ledger has version 99"):
        await store.check()
    await store.aclose()


@pytest.mark.parametrize("taken", ["a file", "a folder", "nothing more than a link"])
async def test_a_copy_never_takes_a_name_that_something_has(tmp_path: Path, taken: str) -> None:
    """What is there may be anything: an old copy that was put back and used since, or no copy at all."""
    path = old_file(tmp_path)
    there = tmp_path / "ledger.db.v6.backup"
    if taken == "a file":
        there.write_text("of somebody")
    elif taken == "a folder":
        there.mkdir()
    else:
        there.symlink_to(tmp_path / "gone")
    await holds_what_it_held(path)
    assert plain(tmp_path / "ledger.db.v6.backup-2", "SELECT count(*) FROM attempts") == [(3,)]
    assert taken != "a file" or there.read_text() == "of somebody"


async def test_what_a_killed_process_left_half_done_is_removed_and_nothing_of_anybody_else(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    left = ["ledger.db.v6.backup." + "0" * 32, "ledger.db.two-words-12.backup." + "a" * 32]
    foreign = ["ledger.db.backup.gz", "ledger.db.backup.2026-11-01", "ledger.db-nightly.backup.tar"]
    foreign += ["ledger.db.v6.backup.gz", "ledger.db.backup." + "0" * 32, left[0] + ".gz", left[0][:-1]]
    for name in (*left, *foreign):
        (tmp_path / name).write_text("of somebody")
    await holds_what_it_held(path)
    assert sorted(copies(tmp_path)) == sorted(["ledger.db.v6.backup", *foreign])


async def test_where_the_way_can_not_be_gone_no_copy_is_left_and_the_file_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries again and again fills no disk with copies."""
    path = old_file(tmp_path)
    broken = Migrations("ledger", (*LEDGER.steps[:-1], ("CREATE TABLE half (id)", "SELECT no_such_column")))
    connection = SqliteConnection(path)
    for failure in ("no_such_column", "VACUUM"):
        with pytest.raises(StoreError):
            migrate(connection, path, [DATABASE, broken], 1.0)
        assert (copies(tmp_path), plain(path, "SELECT max(version) FROM migrations")) == ([], [(6,)]), failure
        rows = SqliteConnection.rows

        def full(self: SqliteConnection, sql: str, *values: Any, rows: Any = rows) -> Any:
            if sql.startswith("VACUUM"):
                Path(values[0]).write_text("half of it")
                raise StoreError("the disk is full")
            return rows(self, sql, *values)

        monkeypatch.setattr(SqliteConnection, "rows", full)
    connection.close()
    monkeypatch.undo()
    await holds_what_it_held(path)


async def test_of_two_that_are_on_the_same_way_one_goes_it_and_one_copy_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes for the lock once all is done: what it copied may be of before or of after."""
    path = old_file(tmp_path)
    first, second = SqliteConnection(path), SqliteConnection(path)
    rows = SqliteConnection.rows

    def overtaken(self: SqliteConnection, sql: str, *values: Any) -> Any:
        found = rows(self, sql, *values)
        if sql.startswith("VACUUM") and self is first:
            migrate(second, path, [DATABASE, LEDGER], 1.0)
        return found

    monkeypatch.setattr(SqliteConnection, "rows", overtaken)
    migrate(first, path, [DATABASE, LEDGER], 1.0)
    first.close()
    second.close()
    assert copies(tmp_path) == ["ledger.db.v6.backup"]
    await holds_what_it_held(path)
