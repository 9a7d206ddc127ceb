"""What a process left that ended without booking it is told to observers of the one that finds it."""

from __future__ import annotations

from pathlib import Path

import apsw

from shunpike.builtin.sqlite import SqliteStore
from shunpike.ledger import Ledger
from shunpike.types import AttemptsRecovered, Event, Grant, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, target


async def test_attempts_of_a_dead_process_are_told_of_once(tmp_path: Path) -> None:
    clock, path = VirtualClock(), tmp_path / "ledger.db"
    events: list[Event] = []

    def ledger(store: SqliteStore) -> Ledger:
        return Ledger(store, clock, Settings(), lambda _: [], emit=events.append)

    first = SqliteStore(path, clock=clock)
    for name in ("a", "b"):
        assert isinstance(await ledger(first).admit(target(), ask(name)), Grant)
    await first.aclose()
    file = apsw.Connection(str(path))
    file.execute("INSERT INTO owners VALUES ('gone', 1, 0.0, 'another/start/1/0', 5)")
    file.execute("UPDATE attempts SET owner = 'gone'")
    file.close()
    second = SqliteStore(path, clock=clock)
    books = ledger(second)
    for name in ("c", "d"):
        assert isinstance(await books.admit(target(), ask(name)), Grant)
    await second.aclose()

    assert [one.count for one in events if isinstance(one, AttemptsRecovered)] == [2]
