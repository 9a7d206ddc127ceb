"""The file of the ledger: what is wrong with it is said with its path and the next step, and it stays small."""

from __future__ import annotations

import os
import time
from pathlib import Path

import anyio
import apsw
import pytest

from shunpike.builtin.memory import open_memory
from shunpike.builtin.sqlite import SqliteStore, open_sqlite
from shunpike.errors import ConfigError, StoreError
from shunpike.ledger import folding
from shunpike.storage.sqlite import connection
from shunpike.types import Calendar, Funds, Grant, Lifetime, LimitUpdate, Money, Observation, Settlement, State, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import CENT, hold, reservation, settled

DAY = 86_400.0
MONEY = hold(5 * CENT, 10_000 * CENT, Unit.USD, Lifetime())


def plain(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """Run statements beside the store; return the rows of the last.

    With the same binding: two SQLite libraries in one process don't see each other's locks.
    """
    file = apsw.Connection(str(path))
    try:
        return [file.execute(statement).fetchall() for statement in statements][-1]
    finally:
        file.close()


async def fails(path: Path) -> StoreError:
    store = SqliteStore(path)
    with pytest.raises(StoreError) as caught:
        await store.admit(reservation("a", time.time(), hold(1, 5)))
    await store.aclose()
    assert str(path) in caught.value.message or str(path.parent) in caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("url", ["sqlite:", "sqlite:ledger.db", "sqlite://ledger.db", "file:/x.db", "/x.db"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"is not the address"):
        open_sqlite(url)


def test_both_spellings_of_an_absolute_path_are_understood(tmp_path: Path) -> None:
    assert open_sqlite(f"sqlite:{tmp_path}/x.db").path == open_sqlite(f"sqlite://{tmp_path}/x.db").path
    with pytest.raises(ConfigError, match=r"is not the address"):
        open_memory("memory:x")


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    error = await fails(tmp_path / "missing" / "ledger.db")
    assert "does not exist" in error.message
    assert "mkdir -p" in str(error.hint)


async def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").mkdir()
    error = await fails(tmp_path / "ledger.db")
    assert (error.message, error.exit_code) == (f"{tmp_path}/ledger.db is a folder", 3)
    assert error.hint == f"name a file in it: sqlite:{tmp_path}/ledger.db/ledger.db"


async def test_a_file_where_a_folder_should_be_is_not_told_to_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = await fails(tmp_path / "file" / "deep" / "ledger.db")
    assert error.message.endswith(f": {tmp_path}/file is no folder")
    assert error.exit_code == 3
    assert "mkdir" not in str(error.hint)


async def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    assert "is not a ledger" in (await fails(path)).message
    other = tmp_path / "other.db"
    plain(other, "CREATE TABLE theirs (x)")
    assert "something else" in (await fails(other)).message
    assert plain(other, "SELECT name FROM sqlite_master") == [("theirs",)]


async def filled(path: Path, clock: VirtualClock, attempts: int = 30) -> None:
    store = SqliteStore(path, clock=clock)
    for number in range(attempts):
        await store.admit(reservation(f"a{number}", clock.now(), hold(1, 10**6), MONEY))
        await store.settle(f"a{number}", settled(clock.now(), prompt=3, pico=CENT))
    await store.aclose()


async def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await filled(path, VirtualClock())
    content = bytearray(path.read_bytes())
    content[4_096:] = os.urandom(len(content) - 4_096)
    path.write_bytes(content)
    error = await fails(path)
    assert "damaged" in error.message


async def test_books_that_do_not_add_up_are_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await filled(path, VirtualClock())
    plain(path, "UPDATE buckets SET used = used - 1 WHERE unit = 'usd'")
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="the books of"):
        await store.check()
    await store.aclose()


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await filled(path, VirtualClock())
    plain(path, "INSERT INTO migrations VALUES ('ledger', 999, 0)")
    assert "newer shunpike" in (await fails(path)).message


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
async def test_a_read_only_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await filled(path, VirtualClock())
    path.chmod(0o400)
    assert "can't be written" in (await fails(path)).message


async def test_a_lock_of_another_program_ends_in_an_error_and_then_in_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sent without a reservation; once the other lets go, the same store works again."""
    monkeypatch.setattr(connection, "BUSY_TIMEOUT", 0.05)
    path = tmp_path / "ledger.db"
    store = SqliteStore(path)
    await store.check()
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        await store.admit(reservation("b", time.time(), hold(1, 5)))
    other.execute("ROLLBACK")
    other.close()
    assert isinstance(await store.admit(reservation("b", time.time(), hold(1, 5))), Grant)
    await store.aclose()


async def test_a_full_disk_loses_nothing_that_was_granted(tmp_path: Path) -> None:
    """The error undoes the whole shared commit: everybody in it hears of it, and nothing of it is kept."""
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    store = SqliteStore(path, clock=clock)
    await store.check()
    await store._write(lambda books: books._db.rows("PRAGMA max_page_count = 30"))
    granted: list[str] = []
    failed: list[str] = []

    async def ask(name: str) -> None:
        try:
            await store.admit(reservation(name, clock.now(), hold(1, 10**6), tag="x" * 500))
            granted.append(name)
        except StoreError as error:
            failed.append(error.message)

    async with anyio.create_task_group() as group:
        for number in range(400):
            group.start_soon(ask, f"a{number}")
    assert failed
    assert all("the disk is full" in message for message in failed)
    await store._write(lambda books: books._db.rows("PRAGMA max_page_count = 100000"))
    rows = plain(path, "SELECT id FROM attempts")
    assert sorted(granted) == sorted(str(name) for (name,) in rows)
    assert isinstance(await store.admit(reservation("later", clock.now(), hold(1, 10**6))), Grant)
    await store.check()
    await store.aclose()


async def test_what_the_file_can_not_hold_fails_alone_and_is_still_held(tmp_path: Path) -> None:
    """Too large for a column, or against a constraint: whoever asked hears of it, and may settle it otherwise."""
    clock, one = VirtualClock(), hold(1, 100)
    store = SqliteStore(tmp_path / "ledger.db", clock=clock)
    names = [f"a{number}" for number in range(20)]
    for name in names:
        await store.admit(reservation(name, clock.now(), one))
    impossible = Observation(bucket=one.bucket, at=clock.now(), origin="x").model_copy(update={"remaining": -1})
    bad = {
        "a7": settled(clock.now(), pico=2**63),
        "a13": settled(clock.now(), limit_updates=(LimitUpdate(limit=one.limit, observation=impossible),)),
    }
    failed: list[str] = []

    async def settle(name: str) -> None:
        try:
            assert await store.settle(name, bad.get(name) or settled(clock.now()))
        except StoreError:
            failed.append(name)

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(settle, name)
    assert sorted(failed) == sorted(bad)
    for name in bad:
        assert await store.settle(name, settled(clock.now()))
    await store.check()
    await store.aclose()


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "ledger.db")
    await store.aclose()
    with pytest.raises(StoreError, match="is closed"):
        await store.admit(reservation("a", time.time(), hold(1, 5)))


async def test_the_database_itself_refuses_what_is_over_a_cap(tmp_path: Path) -> None:
    """Spent and held together stay under the ceiling by a constraint, whatever the code above does."""
    path, clock = tmp_path / "ledger.db", VirtualClock()
    store = SqliteStore(path, clock=clock)
    await store.admit(reservation("a", clock.now(), hold(5 * CENT, 8 * CENT, Unit.USD, Lifetime())))
    await store.aclose()
    with pytest.raises(apsw.ConstraintError, match="CHECK"):
        plain(path, "UPDATE buckets SET used = used + 50000000000")


async def test_a_breach_is_on_record(tmp_path: Path) -> None:
    path, clock = tmp_path / "ledger.db", VirtualClock()
    store = SqliteStore(path, clock=clock)
    await store.admit(reservation("a", clock.now(), MONEY))
    await store.settle("a", settled(clock.now(), prompt=130, output=1_007, pico=7 * CENT))
    await store.aclose()
    assert plain(path, "SELECT cost_pico, breach_pico, breach_tokens FROM attempts") == [(7 * CENT, 2 * CENT, 37)]


@pytest.mark.parametrize("at_once", [7, 1_000])
async def test_old_attempts_are_folded_and_the_totals_stay(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held or may be given back by hand, and budgets, are not touched by it; the many take a few turns."""
    monkeypatch.setattr(folding, "_AT_ONCE", at_once)
    clock, path = VirtualClock(1_800_000_000.0), tmp_path / "ledger.db"
    holds = (hold(1, 10**6), hold(1, 10**6, window=Calendar(period="day")), hold(40, 10**6, Unit.TOTAL_TOKEN), MONEY)
    store = SqliteStore(path, clock=clock, keep_days=2)
    for number in range(40):
        funds = Funds.CREDIT if number % 2 else Funds.PAID
        asked = holds[:-1] if number % 8 == 0 else holds
        await store.admit(reservation(f"a{number}", clock.now(), *asked, worst=Money(pico=5 * CENT), funds=funds))
        if number % 4 == 0:
            await store.settle(f"a{number}", Settlement(state=State.UNCONFIRMED, at=clock.now()))
        elif number != 39:
            await store.settle(f"a{number}", settled(clock.now(), prompt=3, pico=CENT))
        clock.advance(DAY / 4)
    clock.advance(DAY * 30)
    before = await store.usage(0.0, clock.now())
    (money,) = await store.remaining([MONEY], clock.now())
    for _ in range(7):
        await store.settle("none", settled(clock.now()))
    await store.check()
    assert await store.usage(0.0, clock.now()) == before
    assert (await store.remaining([MONEY], clock.now()))[0] == money
    await store.aclose()
    doubtful = [(f"a{number}", "unconfirmed") for number in range(4, 40, 8)]
    assert plain(path, "SELECT id, state FROM attempts ORDER BY started_at") == [*doubtful, ("a39", "held")]
    assert plain(path, "SELECT count(*) FROM totals") == [(10,)]
    assert plain(path, "SELECT count(*) FROM slots WHERE expires_at < 1.8e9 + 30 * 86400") == [(0,)]


async def test_a_long_month_of_money_is_a_few_rows(tmp_path: Path) -> None:
    """What is certain is kept as one sum per expiry, so that admission does not slow down with use."""
    path = tmp_path / "ledger.db"
    await filled(path, VirtualClock(), attempts=50)
    rows = plain(path, "SELECT count(*), sum(amount) FROM slots JOIN buckets ON buckets.id = bucket WHERE unit = 'usd'")
    assert rows == [(1, 50 * CENT)]
