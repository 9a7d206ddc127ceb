"""A forked child shares its parent's connections, threads and locks with nobody: it is told so, and never waits."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest

from shunpike.builtin.sqlite import SqliteStore
from shunpike.errors import StoreError
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import hold, reservation

CALLS = hold(1, 10)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no forks")


def in_a_child(work: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Return how a child ended that did ``work``: 0 = it came to its end. One that hangs is ended by a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(20)
            anyio.run(work)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "with its locks taken"])
def test_a_forked_child_is_told_that_the_ledger_is_its_parents(tmp_path: Path, busy: bool) -> None:
    """Whichever method it tries, and whatever the parent's threads did in the moment of the fork."""
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "ledger.db", clock=clock)

    async def in_the_parent() -> None:
        await store.admit(reservation("a", clock.now(), CALLS))
        assert (await store.remaining([CALLS], clock.now()))[0].used == 1

    async def in_the_child() -> None:
        tries = (
            lambda: store.admit(reservation("b", clock.now(), CALLS)),
            lambda: store.remaining([CALLS], clock.now()),
            lambda: store.closed(clock.now()),
            store.check,
        )
        for one in tries:
            with pytest.raises(StoreError, match="opened before a fork"):
                await one()
        await store.aclose()

    anyio.run(in_the_parent)
    taken = (store.database._reading, store.database._writer._lock) if busy else ()
    for lock in taken:
        lock.acquire()
    assert in_a_child(in_the_child) == 0
    for lock in taken:
        lock.release()
    anyio.run(in_the_parent_again, store, clock)


async def in_the_parent_again(store: SqliteStore, clock: VirtualClock) -> None:
    """The child's closing closed nothing of the parent's."""
    assert (await store.remaining([CALLS], clock.now()))[0].used == 1
    await store.aclose()
