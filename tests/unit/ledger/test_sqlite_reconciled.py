"""What is settled by hand is written down."""

from __future__ import annotations

from pathlib import Path

import apsw

from shunpike.builtin.sqlite import SqliteStore
from shunpike.ledger.capabilities import CountsBy, Learns, Reconciles
from shunpike.types import Lifetime, Money, Settlement, State, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import CENT, hold, reservation

MONEY = hold(5 * CENT, 8 * CENT, Unit.USD, Lifetime(), "money")


def plain(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path))
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


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
