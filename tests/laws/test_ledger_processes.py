"""Several processes, one file: nothing is lost and nothing overspent, whoever is killed, and whenever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import apsw
import pytest

from shunpike.builtin.sqlite import SqliteStore
from shunpike.types import Lifetime, Unit
from shunpike_testkit.stores import hold, settled

DRIVER = Path(__file__).with_name("ledger_driver.py")
WORST, CAP, CALLS, SECONDS = 10, 1_500, 40, 0.1
MONEY = hold(WORST, CAP, Unit.USD, Lifetime())

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="signals and forks"),
    pytest.mark.parametrize("anyio_backend", ["asyncio"]),
]


@contextmanager
def running(scenario: str, database: Path, log: Path) -> Iterator[list[int]]:
    """The processes of a scenario, by id, once they hold something; they are gone at the end."""
    with subprocess.Popen([sys.executable, str(DRIVER), scenario, str(database), str(log)]) as process:
        deadline = time.monotonic() + 30
        while not log.exists() or not log.read_text().endswith("\n"):
            assert process.poll() is None, "the driver ended early"
            assert time.monotonic() < deadline, "the driver never held anything"
            time.sleep(0.01)
        ids = [int(word) for word in log.read_text().split()[1:]]
        try:
            yield ids
        finally:
            for one in reversed(ids):
                if one != process.pid or process.poll() is None:
                    os.kill(one, signal.SIGKILL)


def run_to_the_end(*words: str) -> None:
    subprocess.run([sys.executable, str(DRIVER), *words], check=True, timeout=120)


def attempts_of(database: Path) -> dict[str, tuple[str, int]]:
    connection = apsw.Connection(str(database))
    rows = connection.execute("SELECT id, state, cost_pico FROM attempts").fetchall()
    connection.close()
    return {str(name): (str(state), int(cost)) for name, state, cost in rows}


def lock_files(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*-owner-*")]


@pytest.mark.slow
async def test_thirty_kills_lose_and_overspend_nothing(tmp_path: Path) -> None:
    database, log = tmp_path / "ledger.db", tmp_path / "log"
    run_to_the_end("kill", str(database), str(log), "30")
    store = SqliteStore(database, guard=0.0)
    await store.recover(time.time())
    await store.check()
    (row,) = await store.usage(0.0, 1e12)
    (left,) = await store.remaining([MONEY], time.time())
    await store.aclose()

    lines = [line.split() for line in log.read_text().splitlines()]
    sent = {name: float(at) for word, name, at in lines if word == "sent"}
    billed = {name: int(cost) for word, name, cost in lines if word == "billed"}
    done = {name: int(cost) for word, name, cost in lines if word == "settled"}
    rows = attempts_of(database)

    assert len(sent) > 100, "the workers hardly worked"
    assert set(sent) <= set(rows), "something was sent that the ledger does not know"
    assert all(rows[name] == ("settled", cost) for name, cost in done.items()), "a settlement was lost or changed"
    assert row.held == 0, "the dead still hold something"
    assert row.unconfirmed > 0, "no kill hit an attempt in flight: the test proves nothing"
    assert left.used == row.cost.pico == sum(cost for _, cost in rows.values()) <= CAP
    assert any(line[0] == "full" for line in lines), "the budget never refused: the test proves little"
    bill = sum(billed.get(name, WORST) for name in sent)
    assert bill <= left.used, "the provider could bill more than the ledger holds"
    moments = sorted(sent.values())
    fullest = max(sum(start <= at < start + SECONDS for at in moments) for start in moments)
    assert fullest <= CALLS


async def test_a_stopped_process_keeps_what_it_holds_and_a_dead_one_does_not(tmp_path: Path) -> None:
    """Death is known by the lock, not by a time-out."""
    database, log = tmp_path / "ledger.db", tmp_path / "log"
    store = SqliteStore(database)
    await store.check()
    with running("hold", database, log) as (owner,):
        os.kill(owner, signal.SIGSTOP)
        assert await store.recover(time.time() + 86_400) == 0
        assert (await store.usage(0.0, 1e12))[0].held == 1
        os.kill(owner, signal.SIGCONT)
    assert await store.recover(time.time()) == 1
    assert not await store.settle("held", settled(time.time()))
    (row,) = await store.usage(0.0, 1e12)
    assert (row.held, row.unconfirmed, row.cost.pico) == (0, 1, WORST)
    await store.aclose()
    assert lock_files(tmp_path) == []


async def test_who_lives_is_known_also_without_the_lock_file(tmp_path: Path) -> None:
    """Somebody has tidied up: the process itself then tells, also one that its parent has not yet looked after."""
    database, log = tmp_path / "ledger.db", tmp_path / "log"
    store = SqliteStore(database)
    await store.check()
    own = set(lock_files(tmp_path))
    with running("hold", database, log) as (owner,):
        (lock,) = set(lock_files(tmp_path)) - own
        (tmp_path / lock).unlink()
        assert await store.recover(time.time()) == 0
        assert (await store.usage(0.0, 1e12))[0].held == 1
        os.kill(owner, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while await store.recover(time.time()) == 0:
            assert time.monotonic() < deadline, "a dead process is taken for a living one"
    assert (await store.usage(0.0, 1e12))[0].unconfirmed == 1
    await store.check()
    await store.aclose()


async def test_two_processes_see_each_other_through_a_symlink(tmp_path: Path) -> None:
    database, link, log = tmp_path / "ledger.db", tmp_path / "elsewhere" / "link.db", tmp_path / "log"
    link.parent.mkdir()
    link.symlink_to(database)
    with running("hold", link, log):
        store = SqliteStore(database)
        assert await store.recover(time.time()) == 0
        (row,) = await store.usage(0.0, 1e12)
        assert (row.held, row.unconfirmed) == (1, 0)
        await store.aclose()


async def test_an_owner_that_died_before_it_signed_in_leaves_no_file(tmp_path: Path) -> None:
    """At whatever moment of its opening: the next one cleans up, and leaves the living alone."""
    database = tmp_path / "ledger.db"
    alive = SqliteStore(database)
    await alive.check()
    (own,) = lock_files(tmp_path)
    for name in ("ledger.db-owner-dead", "ledger.db-opening-dead", "other.db-owner-of-another-ledger"):
        await anyio.to_thread.run_sync((tmp_path / name).touch)
    store = SqliteStore(database)
    await store.check()
    await store.aclose()
    assert sorted(lock_files(tmp_path)) == [own, "other.db-owner-of-another-ledger"]
    assert not (tmp_path / "ledger.db-opening-dead").exists()
    await alive.aclose()


async def test_a_forked_child_does_not_keep_its_dead_parent_alive(tmp_path: Path) -> None:
    database, log = tmp_path / "ledger.db", tmp_path / "log"
    store = SqliteStore(database)
    await store.check()
    with running("fork", database, log) as (parent, child):
        os.kill(parent, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while await store.recover(time.time()) == 0:
            assert time.monotonic() < deadline, "the child holds its parent's lock"
        os.kill(child, 0)
    await store.aclose()
