"""The store of decisions on a database: it costs no commit of its own, and does not grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike.builtin.sqlite import SqliteStore
from shunpike.clock import Clock
from shunpike.decisions import DatabaseDecisions
from shunpike.decisions import database as module
from shunpike.decisions.written import texts_of
from shunpike.errors import StoreError
from shunpike.storage import Transaction
from shunpike.storage.sqlite import session, writer
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.decision_store import AT, decided

DAY = 86_400.0


class Opened:
    """A store in a file, with its ledger."""

    def __init__(self, folder: Path, clock: Clock | None = None, **options: Any) -> None:
        self.ledger = SqliteStore(folder / "ledger.db", clock=clock or VirtualClock(AT))
        self.store = DatabaseDecisions(self.ledger.database, **options)

    async def names(self) -> list[str]:
        return [one.request_id for one in await self.store.latest()]

    async def commits(self) -> int:
        """Return how many transactions have changed the file."""

        async def read(tx: Transaction) -> int:
            [(version,)] = await tx.rows("PRAGMA data_version")
            return int(version)

        return await self.ledger.database.read(read)


async def nothing(tx: Transaction) -> None:
    await tx.rows("SELECT 1")


async def test_a_record_rides_with_what_is_written_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no request waits for a commit that is made for records alone."""
    monkeypatch.setattr(writer, "LATER", 3_600.0)
    opened = Opened(tmp_path)
    await opened.ledger.database.transaction(nothing)
    before = await opened.commits()
    opened.store.keep(decided("req_1"))
    opened.store.keep(decided("req_2"))
    await anyio.sleep(0.05)
    assert await opened.commits() == before, "nothing was written for the records"
    await opened.ledger.database.transaction(nothing)
    assert await opened.commits() == before + 1
    assert not opened.store.waiting()
    assert await opened.names() == ["req_2", "req_1"]
    await opened.ledger.aclose()


async def test_what_could_not_be_written_is_written_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, however often it was tried."""
    opened = Opened(tmp_path)
    monkeypatch.setattr(opened.ledger.database, "later", lambda *_: None)
    await opened.store.flush()

    async def fail(tx: Transaction) -> None:
        raise StoreError("the disk is full")

    opened.store.keep(decided("req_1"))
    with pytest.raises(StoreError):
        await opened.ledger.database.transaction(module._Writing(opened.store).write, fail)
    assert [one.request_id for one in opened.store.waiting().values()] == ["req_1"]
    opened.store.keep(decided("req_2"))
    await opened.ledger.database.transaction(module._Writing(opened.store).write)
    assert sorted(await opened.names()) == ["req_1", "req_2"]
    assert not opened.store.waiting()
    await opened.ledger.aclose()


async def test_a_store_that_can_not_be_written_loses_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not grow without a bound."""
    monkeypatch.setattr(module, "ROOM", 3)
    opened = Opened(tmp_path / "there is no such folder")
    for number in range(5):
        opened.store.keep(decided(f"req_{number}"))
    await anyio.sleep(0.3)
    assert [one.request_id for one in opened.store.waiting().values()] == ["req_2", "req_3", "req_4"]
    assert opened.store.lost == 2
    with pytest.raises(StoreError):
        await opened.store.of("req_4")
    await opened.ledger.aclose()


async def test_records_are_dropped_after_so_many_days(tmp_path: Path) -> None:
    clock = VirtualClock(AT)
    opened = Opened(tmp_path, clock, keep_days=7)
    for day in range(10):
        opened.store.keep(decided(f"day_{day}", at=AT + day * DAY))
    await opened.store.flush()
    clock.advance(10 * DAY)
    await opened.ledger.database.transaction(nothing)
    assert await opened.names() == ["day_9", "day_8", "day_7", "day_6", "day_5", "day_4"]
    await opened.ledger.aclose()


async def test_of_too_much_the_oldest_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Piece by piece: a round of upkeep drops no more than so many at a time."""
    monkeypatch.setattr(module, "CHUNK", 2)
    clock, one = VirtualClock(AT), decided("req_00", notes=("x" * 1_000,))
    (text,) = texts_of([one])
    opened = Opened(tmp_path, clock, most=5 * len(text) + len(text) // 2)
    for number in range(12):
        opened.store.keep(one.model_copy(update={"request_id": f"req_{number:02}", "began_at": AT + number}))
    await opened.store.flush()
    for rounds in range(1, 6):
        clock.advance(session.UPKEEP_EVERY if rounds == 1 else 1)
        await opened.ledger.database.transaction(nothing)
        await opened.ledger.database.transaction(nothing)
    assert await opened.names() == [f"req_{number:02}" for number in range(11, 6, -1)]
    await opened.ledger.aclose()


async def test_two_clients_of_one_database_do_not_take_each_others_names(tmp_path: Path) -> None:
    """As where one client is used in several event loops."""
    opened = Opened(tmp_path)
    other = DatabaseDecisions(opened.ledger.database)
    for number in range(3):
        opened.store.keep(decided(f"one_{number}"))
        other.keep(decided(f"other_{number}"))
    await other.flush()
    await opened.store.flush()
    assert len(await other.latest()) == 6
    await opened.ledger.aclose()


@pytest.mark.parametrize("text", ["{broken", "3", '{"requested_model": "m", "of_a_later_version": 1}', "[" * 100_000])
async def test_a_record_that_can_not_be_read_hides_no_other(tmp_path: Path, text: str) -> None:
    """It is damaged, or a later version wrote it into the store that both use."""
    opened = Opened(tmp_path)
    opened.store.keep(decided("req_1"))
    opened.store.keep(decided("req_2"))
    await opened.store.flush()

    async def spoil(tx: Transaction) -> None:
        await tx.execute("UPDATE decision_records SET record = ? WHERE request_id = 'req_1'", text)

    await opened.ledger.database.transaction(spoil)
    assert await opened.names() == ["req_2"]
    with pytest.raises(StoreError, match="can't be read"):
        await opened.store.of("req_1")
    assert await opened.store.of("req_3") == []
