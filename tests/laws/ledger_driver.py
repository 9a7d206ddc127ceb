"""Processes that the laws of the ledger are tried on: they work, stop and die. Run as a script by the tests.

Each scenario writes plain lines to its log with one system call, as a provider's own book would be written.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import anyio

from shunpike.builtin.sqlite import SqliteStore
from shunpike.types import Grant, Lifetime, Rolling, Unit
from shunpike_testkit.stores import hold, reservation, settled

WORST, CAP, CALLS, SECONDS = 10, 1_500, 40, 0.1


def say(log: Path, *words: object) -> None:
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (" ".join(map(str, words)) + "\n").encode())
    os.close(file)


async def work(database: Path, log: Path, seed: int) -> None:
    """Admit, send, settle, for ever; three at a time."""
    store, choice = SqliteStore(database, guard=0.0), random.Random(seed)
    full: list[str] = []

    async def one(lane: int) -> None:
        for number in range(1_000_000):
            name = f"{os.getpid()}-{lane}-{number}"
            money = hold(WORST, CAP, Unit.USD, Lifetime())
            calls = hold(1, CALLS, window=Rolling(seconds=SECONDS))
            answer = await store.admit(reservation(name, time.time(), money, calls))
            if not isinstance(answer, Grant):
                if answer.limit.unit is Unit.USD and not full:
                    full.append(name)
                    say(log, "full", name, 0)
                await anyio.sleep(0.002)
                continue
            say(log, "sent", name, time.time())
            await anyio.sleep(choice.random() * 0.004)
            cost = choice.randint(0, WORST)
            say(log, "billed", name, cost)
            if await store.settle(name, settled(time.time(), pico=cost)):
                say(log, "settled", name, cost)

    async with anyio.create_task_group() as group:
        for lane in range(3):
            group.start_soon(one, lane)


def forked(target: object, *arguments: object) -> int:
    child = os.fork()
    if child == 0:
        anyio.run(target, *arguments)  # type: ignore[arg-type]  # a scenario's coroutine function
        os._exit(0)
    return child


def wait_for_progress(log: Path, since: int) -> int:
    """Return the size of the log once some lines were added to it, or the budget has refused somebody."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        said = log.read_bytes() if log.exists() else b""
        if len(said) >= since + 600 or b"full " in said:
            return len(said)
        time.sleep(0.001)
    raise TimeoutError("the workers neither work nor use up the budget")


def kill_at_random(database: Path, log: Path, kills: int) -> None:
    """Four workers on one file; one after the other is killed with -9 and replaced."""
    choice = random.Random(7)
    workers = [forked(work, database, log, seed) for seed in range(4)]
    size = 0
    for number in range(kills):
        size = wait_for_progress(log, size)
        time.sleep(choice.uniform(0.0, 0.01))
        victim = number % 4
        os.kill(workers[victim], signal.SIGKILL)
        os.waitpid(workers[victim], 0)
        workers[victim] = forked(work, database, log, 100 + number)
    wait_for_progress(log, sys.maxsize)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


async def hold_one(database: Path, log: Path) -> None:
    """Hold one attempt and wait."""
    store = SqliteStore(database)
    await store.admit(reservation("held", time.time(), hold(WORST, CAP, Unit.USD, Lifetime())))
    say(log, "holding", os.getpid())
    await anyio.sleep(600)


def idle() -> None:
    time.sleep(60)
    os._exit(0)


async def hold_one_and_fork(database: Path, log: Path) -> None:
    """Hold one attempt, and leave a child behind that lives on."""
    store = SqliteStore(database)
    await store.admit(reservation("held", time.time(), hold(WORST, CAP, Unit.USD, Lifetime())))
    child = os.fork()
    if child == 0:
        idle()
    say(log, "holding", os.getpid(), child)
    await anyio.sleep(600)


if __name__ == "__main__":
    scenario, *places = sys.argv[1:]
    where = Path(places[0]), Path(places[1])
    if scenario == "kill":
        kill_at_random(*where, int(places[2]))
    else:
        anyio.run({"hold": hold_one, "fork": hold_one_and_fork}[scenario], *where)
