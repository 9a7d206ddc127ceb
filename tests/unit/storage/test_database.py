"""Small stores on one database: all or nothing together, tables of their own, leases that end with their owner."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from shunpike.builtin.sqlite import SqliteStore
from shunpike.errors import StoreError, UsageError
from shunpike.ledger.capabilities import JoinsTransactions
from shunpike.storage import Migrations, Transaction, changes
from shunpike.storage.sqlite import session
from shunpike.types import Denial, Grant, Lifetime, Money, Settlement, State, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import CENT, hold, reservation, settled

MONEY = hold(5 * CENT, 8 * CENT, Unit.USD, Lifetime(), "money")
TABLE = "CREATE TABLE jobs (name TEXT PRIMARY KEY, owner TEXT, result TEXT) STRICT, WITHOUT ROWID"


class Queue:
    """A second store: jobs, each leased by a process while it is worked on."""

    def __init__(self, ledger: SqliteStore) -> None:
        self.database = ledger.database
        self.kept_small = 0
        self.database.enroll(Migrations("queue", ((TABLE,),)), recover=self._recover, upkeep=self._upkeep)

    async def _recover(self, tx: Transaction) -> int:
        return await tx.execute("UPDATE jobs SET owner = NULL WHERE owner NOT IN (SELECT id FROM owners)")

    async def _upkeep(self, tx: Transaction) -> bool:
        self.kept_small += await tx.execute("DELETE FROM jobs WHERE result = 'old'")
        return False

    async def lease(self, name: str) -> None:
        async def lease(tx: Transaction) -> None:
            await tx.many("INSERT INTO jobs (name, owner) VALUES (?, ?)", [(name, tx.owner)])
            await tx.announce("queue")

        await self.database.transaction(lease)

    async def leased(self) -> list[str]:
        async def read(tx: Transaction) -> list[str]:
            return [name for (name,) in await tx.rows("SELECT name FROM jobs WHERE owner IS NOT NULL")]

        return await self.database.read(read)


async def finish(tx: Transaction) -> int:
    """Write a job's result."""
    return await tx.execute("UPDATE jobs SET owner = NULL, result = 'done' WHERE name = 'job' AND owner = ?", tx.owner)


async def fail(tx: Transaction) -> None:
    await tx.announce("queue")
    raise UsageError("not so")


async def test_a_jobs_result_and_its_settlement_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "ledger.db", clock=clock)
    assert isinstance(store, JoinsTransactions)
    queue = Queue(store)
    await queue.lease("job")
    [granted] = await store.database.transaction(store.admitting(reservation("a", clock.now(), MONEY)))
    assert isinstance(granted, Grant)
    settling = store.settling("a", settled(clock.now(), pico=CENT))
    with pytest.raises(UsageError, match="not so"):
        await store.database.transaction(finish, settling, fail)
    assert await queue.leased() == ["job"]
    assert [left.used for left in await store.remaining([MONEY], clock.now())] == [5 * CENT]
    assert await store.database.revision("queue") == 1
    assert await store.database.transaction(finish, settling) == (1, True)
    assert await queue.leased() == []
    assert [left.used for left in await store.remaining([MONEY], clock.now())] == [CENT]
    denied = await store.database.transaction(store.admitting(reservation("b", clock.now(), hold(9, 8))), settling)
    assert isinstance(denied[0], Denial)
    assert denied[1] is False, "it was settled before"
    await store.check()
    await store.aclose()


async def test_a_store_may_join_a_database_that_is_in_use(tmp_path: Path) -> None:
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "ledger.db", clock=clock)
    await store.check()
    first, second = Queue(store), Queue(store)
    assert await first.leased() == []
    await second.lease("job")
    assert await first.leased() == ["job"]
    await store.aclose()
    with pytest.raises(StoreError, match="closed"):
        await first.lease("other")


@pytest.mark.parametrize("there", [False, True], ids=["a new file", "a file in use"])
async def test_a_store_that_is_enrolled_while_tables_are_made_gets_its_own_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    store = SqliteStore(tmp_path / "ledger.db")
    if there:
        await store.check()
    store.database.enroll(Migrations("other", (("CREATE TABLE other (id INTEGER) STRICT",),)))
    queues: list[Queue] = []
    migrate = session.migrate

    def joined(*values: Any) -> None:
        migrate(*values)
        queues.append(Queue(store))

    monkeypatch.setattr(session, "migrate", joined)
    await store.check()
    await queues[0].lease("job")
    assert await queues[0].leased() == ["job"]
    await store.aclose()


async def test_what_a_process_had_leased_is_free_when_it_is_gone(tmp_path: Path) -> None:
    path, clock = tmp_path / "ledger.db", VirtualClock()
    store = SqliteStore(path, clock=clock)
    queue = Queue(store)
    await queue.lease("job")
    other = SqliteStore(path, clock=clock)
    same = Queue(other)
    assert await same.leased() == ["job"], "it lives"
    await store.aclose()
    await other.recover(clock.now())
    assert await same.leased() == []
    await other.aclose()


async def test_a_lease_is_free_also_where_its_owner_was_buried_by_a_process_that_does_not_know_the_store(
    tmp_path: Path,
) -> None:
    path, clock = tmp_path / "ledger.db", VirtualClock()
    store = SqliteStore(path, clock=clock)
    await Queue(store).lease("job")
    await store.aclose()
    ledger_only = SqliteStore(path, clock=clock)
    await ledger_only.check()
    await ledger_only.aclose()
    again = SqliteStore(path, clock=clock)
    assert await Queue(again).leased() == []
    await again.aclose()


async def test_work_that_waits_for_something_else_is_a_mistake_that_is_told(tmp_path: Path) -> None:
    class Something:
        def __await__(self) -> Iterator[None]:
            yield

    async def sleeping(tx: Transaction) -> None:
        await Something()

    store = SqliteStore(tmp_path / "ledger.db")
    with pytest.raises(TypeError, match="waits for something else"):
        await store.database.transaction(sleeping)
    with pytest.raises(TypeError, match="waits for something else"):
        await store.database.read(sleeping)
    await store.aclose()


async def test_what_work_raises_that_is_no_error_of_ours_comes_out_as_it_is(tmp_path: Path) -> None:
    """Also where others shared its transaction, of whom nothing is lost."""
    store = SqliteStore(tmp_path / "ledger.db")
    queue, cause = Queue(store), KeyError("name")
    told: list[ValueError] = []

    async def misread(tx: Transaction) -> None:
        await tx.announce("queue")
        raise ValueError("no job") from cause

    async def ask() -> None:
        with pytest.raises(ValueError, match="no job") as caught:
            await store.database.transaction(misread)
        told.append(caught.value)

    await store.check()
    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(ask)
            group.start_soon(queue.lease, str(number))
    assert [error.__cause__ for error in told] == [cause] * 4
    assert len({id(error) for error in told}) == 4
    assert await queue.leased() == ["0", "1", "2", "3"]
    assert await store.database.revision("queue") == 4
    with pytest.raises(ValueError, match="no job"):
        await store.database.read(misread)
    await store.aclose()


async def test_a_read_is_of_one_moment_and_tells_what_goes_wrong_in_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "ledger.db")
    queue = Queue(store)
    await queue.lease("job")

    async def lost(tx: Transaction) -> None:
        await tx.rows("ROLLBACK")  # as the database does by itself where a disk fails
        raise UsageError("not so")

    async def mine(tx: Transaction) -> list[str]:
        return [name for (name,) in await tx.rows("SELECT name FROM jobs WHERE owner = ?", tx.owner)]

    with pytest.raises(UsageError, match="not so"):
        await store.database.read(lost)
    assert await store.database.read(mine) == ["job"]
    await store.aclose()


async def test_the_upkeep_of_every_store_is_done_once_an_hour(tmp_path: Path) -> None:
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "ledger.db", clock=clock)
    queue = Queue(store)

    async def add(tx: Transaction) -> None:
        await tx.execute("INSERT INTO jobs (name, result) VALUES ('job', 'old')")

    await store.database.transaction(add)
    await store.check()
    assert queue.kept_small == 0
    clock.advance(session.UPKEEP_EVERY)
    await store.settle("none", Settlement(state=State.SETTLED, at=clock.now(), cost=Money()))
    await store.database.transaction()
    assert queue.kept_small == 1
    await store.aclose()


FOLLOWER = """
import sys, anyio
from collections.abc import Iterator
from pathlib import Path
from shunpike.clock import SystemClock
from shunpike.storage import changes
from shunpike.storage.sqlite.database import SqliteDatabase

async def main():
    database = SqliteDatabase(Path(sys.argv[1]), SystemClock())
    async for revision in changes(database, "switches", SystemClock()):
        print(revision, flush=True)

anyio.run(main)
"""


async def test_another_process_sees_each_change_in_less_than_a_second(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = SqliteStore(path)

    async def announce(tx: Transaction) -> None:
        await tx.announce("switches")

    await store.database.transaction(announce)
    async with await anyio.open_process([sys.executable, "-c", FOLLOWER, str(path)], stderr=None) as process:
        assert process.stdout is not None
        seen = b""
        with anyio.fail_after(30):
            while not seen.endswith(b"1\n"):
                seen += await process.stdout.receive()
        for number in range(2, 12):
            await store.database.transaction(announce)
            assert await store.database.revision("switches") == number, "its own are seen at once"
            with anyio.fail_after(1):
                while not seen.endswith(b"%d\n" % number):
                    seen += await process.stdout.receive()
        process.kill()
    await store.aclose()


async def test_a_follower_is_told_the_revision_at_the_start_and_after_a_change(tmp_path: Path) -> None:
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "ledger.db", clock=clock)

    async def announce(tx: Transaction) -> None:
        await tx.announce("switches")
        await tx.announce("switches")

    async with aclosing(changes(store.database, "switches", clock)) as follower:
        assert await anext(follower) == 0
        await store.database.transaction(announce)
        assert await anext(follower) == 2
    await store.aclose()
