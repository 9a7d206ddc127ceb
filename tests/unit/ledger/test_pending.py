"""What waits for the store's thread: cancelled however often, it holds nothing afterwards."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from shunpike.builtin.sqlite import SqliteStore
from shunpike.errors import StoreError
from shunpike.storage.pending import Pending, answer
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.types import Held, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import hold, reservation

CALL = hold(1, 10, Unit.CONCURRENT, Held())


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_task_that_is_cancelled_while_its_grant_is_written_holds_nothing(
    tmp_path: Path, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second time while it waits for what it gives back: no scope shields a task from its own event loop."""
    reached, go_on = threading.Event(), threading.Event()
    plain: Any = SqliteConnection.rows

    def rows(self: SqliteConnection, sql: str, *values: Any) -> Any:
        if sql == "COMMIT":
            reached.set()
            go_on.wait(60)
        return plain(self, sql, *values)

    async def play() -> int:
        clock = VirtualClock()
        store = SqliteStore(tmp_path / "ledger.db", clock=clock)
        await store.check()
        monkeypatch.setattr(SqliteConnection, "rows", rows)
        task = asyncio.ensure_future(store.admit(reservation("a", clock.now(), CALL)))
        await asyncio.to_thread(reached.wait, 60)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await store.recover(clock.now()) == 0, "it comes after whatever was queued"
        used = (await store.remaining([CALL], clock.now()))[0].used
        await store.aclose()
        return used

    assert asyncio.run(play()) == 0


async def test_who_waited_hears_of_a_failure_though_it_is_tried_again_before_they_look() -> None:
    """The store's thread does not wait for the loop: a failed settlement looked like one that was booked before."""
    job: Pending[bool] = Pending(lasting=True)
    job.fail(StoreError("the disk is full"))
    answer([job])
    job.again()
    with pytest.raises(StoreError, match="the disk is full"):
        await job.wait()
    job.result = True
    with pytest.raises(StoreError, match="the disk is full"):
        job.outcome()
