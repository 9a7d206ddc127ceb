"""A ledger that can't be written for a while, on each database: what ended is booked as soon as it can be."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import apsw
import psycopg
import pytest

from shunpike.builtin.sqlite import SqliteStore
from shunpike.builtin.sqlite_books import SqliteBooks
from shunpike.errors import StoreError
from shunpike.storage.sqlite import writer
from shunpike.storage.sqlite.session import Session
from shunpike.types import Grant, Held, Lifetime, Unit
from shunpike_postgres import worker
from shunpike_postgres.batch import Batch
from shunpike_postgres.store import PostgresStore
from shunpike_postgres.writer import PostgresWriter
from shunpike_testkit.stores import hold, reservation, settled

from .rig import is_file, open_store, rows

CALL = hold(1, 2, Unit.CONCURRENT, Held())
MONEY = hold(10, 10**6, Unit.USD, Lifetime())
_NEVER = {
    True: """
        CREATE TRIGGER never BEFORE UPDATE ON attempts
        WHEN new.state = 'settled' BEGIN SELECT RAISE(ABORT, 'the disk'); END""",
    False: """
        CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk'; END $$;
        CREATE TRIGGER never BEFORE UPDATE ON attempts FOR EACH ROW
        WHEN (new.state = 'settled') EXECUTE FUNCTION never()""",
}


def break_down(url: str) -> None:
    """Let no settlement be written any more."""
    rows(url, _NEVER[is_file(url)])


def repair(url: str) -> None:
    """Let them be written again."""
    rows(url, "DROP TRIGGER never" if is_file(url) else "DROP FUNCTION never CASCADE")


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Another program holds the ledger."""
    if is_file(url):
        file = apsw.Connection(url.partition(":")[2])
        file.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            file.execute("ROLLBACK")
            file.close()
        return
    with psycopg.connect(url) as server:
        server.execute("LOCK TABLE shunpike.buckets, shunpike.attempts IN ACCESS EXCLUSIVE MODE")
        yield


async def granted(store: SqliteStore | PostgresStore, name: str) -> None:
    assert isinstance(await store.admit(reservation(name, time.time(), CALL, MONEY)), Grant)


async def booked(store: SqliteStore | PostgresStore, but: int = 0) -> None:
    """Wait until nothing waits to be written ``but`` so much; nobody asks the ledger for anything meanwhile."""
    for _ in range(3_000):
        if store.unbooked == but:
            return
        await anyio.sleep(0.01)
    raise AssertionError(f"{store.unbooked} settlements are not booked")


async def test_a_settlement_that_failed_is_booked_by_an_idle_process_as_soon_as_it_can_be(store_url: str) -> None:
    store = open_store(store_url)
    try:
        for name in ("a", "b"):
            await granted(store, name)
        break_down(store_url)
        for name in ("a", "b"):
            with pytest.raises(StoreError):
                await store.settle(name, settled(time.time(), pico=3))
        assert store.unbooked == 2
        await anyio.sleep(0.5)
        assert store.unbooked == 2
        repair(store_url)
        await booked(store)
        assert rows(store_url, "SELECT id, state, cost_pico FROM attempts ORDER BY id") == [
            ("a", "settled", 3),
            ("b", "settled", 3),
        ]
        assert not await store.settle("a", settled(time.time(), pico=5)), "it is booked once"
        assert [one.used for one in await store.remaining([CALL, MONEY], time.time())] == [0, 6]
        await store.check()
    finally:
        await store.aclose()


async def test_one_settlement_that_can_never_be_written_keeps_no_other_from_it(store_url: str) -> None:
    store = open_store(store_url)
    try:
        await granted(store, "good")
        await granted(store, "bad")
        break_down(store_url)
        for name, pico in (("bad", 2**80), ("good", 3)):
            with pytest.raises(StoreError):
                await store.settle(name, settled(time.time(), pico=pico))
        repair(store_url)
        await booked(store, but=1)
        assert rows(store_url, "SELECT state FROM attempts WHERE id = 'good'") == [("settled",)]
        await granted(store, "next")
    finally:
        await store.aclose()
    assert rows(store_url, "SELECT state FROM attempts WHERE id = 'bad'") == [("held",)], "its next owner finds it"


async def test_what_could_not_be_written_is_tried_once_more_at_the_end(store_url: str) -> None:
    store = open_store(store_url)
    await granted(store, "a")
    break_down(store_url)
    with pytest.raises(StoreError):
        await store.settle("a", settled(time.time(), pico=3))
    await anyio.sleep(1.0)  # the next try is some time away by now
    repair(store_url)
    await store.aclose()
    assert rows(store_url, "SELECT state, cost_pico FROM attempts") == [("settled", 3)]


async def test_a_task_that_waits_for_a_locked_ledger_leaves_when_it_is_cancelled(store_url: str) -> None:
    """What it is granted after all is given back at once: nothing stays held."""
    store = open_store(store_url)
    try:
        await granted(store, "first")
        with locked(store_url):
            for name in ("cancelled", "settling"):
                began = time.monotonic()
                with anyio.move_on_after(0.3) as scope:
                    if name == "settling":
                        await store.settle("first", settled(time.time(), pico=3))
                    else:
                        await store.admit(reservation(name, time.time(), CALL, MONEY))
                assert scope.cancelled_caught
                assert time.monotonic() - began < 1.5
        assert await store.recover(time.time()) == 0, "it comes after whatever was queued"
        assert [one.used for one in await store.remaining([CALL, MONEY], time.time())] == [0, 3]
        await store.check()
    finally:
        await store.aclose()


async def test_a_store_is_closed_in_a_bounded_time_while_its_ledger_is_locked(store_url: str) -> None:
    store = open_store(store_url)
    await granted(store, "a")
    with locked(store_url):
        with anyio.move_on_after(0.2):
            await store.settle("a", settled(time.time(), pico=3))
        began = time.monotonic()
        await store.aclose()
        assert time.monotonic() - began < max(writer.CLOSING, worker.CLOSING) + 2


async def test_a_ledger_that_was_never_opened_for_a_lock_is_closed_in_a_moment(tmp_path: Path) -> None:
    """As where a command gives up at its timeout: nothing was asked of the ledger that could matter."""
    url = f"sqlite:{tmp_path / 'ledger.db'}"
    first = open_store(url)
    await first.check()
    await first.aclose()
    with locked(url):
        store = open_store(url)
        began = time.monotonic()
        with anyio.move_on_after(0.2):
            await granted(store, "a")
        await store.aclose()
        assert time.monotonic() - began < 4.0
    assert rows(url, "SELECT count(*) FROM attempts") == [(0,)]


class Sudden(BaseException):
    """What nobody expects."""


def raising(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, error: BaseException) -> None:
    """Let ``place.name`` raise, once."""
    plain, raised = getattr(place, name), []

    def once(self: Any, *words: Any) -> Any:
        if not raised:
            raised.append(error)
            raise error
        return plain(self, *words)

    monkeypatch.setattr(place, name, once)


@pytest.mark.parametrize("error", [MemoryError(), Sudden("bang"), KeyError("x"), SystemExit(3)], ids=repr)
async def test_whatever_is_raised_in_the_stores_thread_is_told_and_the_next_call_is_answered(
    store_url: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a transaction, while all is tidied up, and where something is only read."""
    store = open_store(store_url)
    file = is_file(store_url)
    try:
        with anyio.fail_after(60):
            await granted(store, "a")
            raising(monkeypatch, *((SqliteBooks, "begin") if file else (Batch, "run")), error)
            with pytest.raises(StoreError, match="failed") as caught:
                await granted(store, "b")
            assert type(error).__name__ in str(caught.value)
            await granted(store, "b")
            raising(monkeypatch, *((Session, "rest") if file else (PostgresWriter, "rest")), error)
            assert await store.settle("b", settled(time.time(), pico=3))
            await granted(store, "c")
            raising(monkeypatch, *((SqliteBooks, "settle") if file else (Batch, "_settle")), error)
            with pytest.raises(StoreError, match="failed"):
                await store.settle("c", settled(time.time(), pico=3))
            await booked(store)
            assert [one.used for one in await store.remaining([CALL, MONEY], time.time())] == [1, 16]
            await store.check()
    finally:
        await store.aclose()


async def test_a_mistake_beside_all_jobs_ends_no_thread(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(store_url)
    worker_of: Any = store.database._writer if isinstance(store, SqliteStore) else store._worker
    try:
        with anyio.fail_after(60):
            await granted(store, "a")
            raising(monkeypatch, type(worker_of), "_again", SystemExit())
            assert await store.settle("a", settled(time.time(), pico=3))
            raising(monkeypatch, type(worker_of), "_drain", SystemExit())
            await granted(store, "b")
            assert await store.settle("b", settled(time.time(), pico=3))
            assert [one.used for one in await store.remaining([CALL, MONEY], time.time())] == [0, 6]
    finally:
        await store.aclose()


async def test_a_thread_that_can_not_be_had_is_an_error_and_no_end(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(store_url)

    def none(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", none)
        with pytest.raises(StoreError, match="can't start new thread"):
            await granted(store, "a")
    await granted(store, "a")
    await store.aclose()


async def test_a_loop_that_can_not_be_made_is_an_error_and_no_end(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many files are open: a thread without a loop answered nobody."""
    store = PostgresStore(postgres_url)

    def none(*words: Any, **others: Any) -> None:
        words[0].close()
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched, anyio.fail_after(60):
        patched.setattr(asyncio, "run", none)
        with pytest.raises(StoreError, match="can't be reached"):
            await granted(store, "a")
    await granted(store, "a")
    await store.aclose()
