"""A million randomized admissions over eight processes that are killed with -9 on the way.

    python tests/machines/million.py [--count 1000000] [--kills 100] [--store postgresql]

A trigger in the database sees every change of every limit before it is committed and writes down each moment at which
more is used than the limit allows. At the end the dead are recovered, the books audited and compared with their rows,
and the lines are printed that `README.md` keeps. Not collected by pytest. Exit code 1 = a violation or a leaked hold.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import anyio
from rig import open_store, quick_place, recovered, rows, seen, watch

from shunpike.errors import StoreError
from shunpike.protocols import Store
from shunpike.types import Calendar, Grant, Held, Hold, Lifetime, Rolling, Settlement, State, Unit
from shunpike_testkit.stores import hold, reservation, settled

sys.path.append(str(Path(__file__).parents[1]))
from postgres import Server

PROCESSES, LANES = 8, 32
LIMITS: dict[str, Hold] = {}


def set_limits(count: int) -> None:
    """Make every limit small enough to refuse now and then on the way."""
    money, day = Lifetime(), Calendar(period="day", zone="America/Los_Angeles")
    LIMITS["money"] = hold(0, 2 * count, Unit.USD, money, "money")
    LIMITS["day"] = hold(0, count // 2, Unit.REQUEST, day, "day")
    LIMITS["second"] = hold(0, 3_000, Unit.REQUEST, Rolling(seconds=1.0), "second")
    LIMITS["tokens"] = hold(0, 500_000, Unit.TOTAL_TOKEN, Rolling(seconds=2.0), "tokens")
    LIMITS["calls"] = hold(0, 100, Unit.CONCURRENT, Held(), "calls")


def wanted(choice: random.Random) -> tuple[tuple[Hold, ...], int, int]:
    """Return random holds with what they take of money and tokens."""
    money, tokens = choice.randint(1, 10), choice.randint(1, 400)
    amounts = {"money": money, "second": 1, "tokens": tokens, "day": 1, "calls": 1}
    chosen = [name for name in LIMITS if name == "money" or choice.random() < 0.8]
    return tuple(LIMITS[name].model_copy(update={"amount": amounts[name]}) for name in chosen), money, tokens


def ending(choice: random.Random, money: int, tokens: int) -> Settlement:
    """Return a random end: mostly an answer, sometimes a failure of each kind."""
    now = time.time()
    if choice.random() < 0.9:
        return settled(now, output=choice.randint(0, tokens), pico=choice.randint(0, money))
    state = choice.choice([State.RELEASED, State.UNCONFIRMED])
    return Settlement(state=state, at=now, keeps_request=choice.random() < 0.5)


async def work(url: str, seed: int, count: int, tally: Path) -> None:
    """Ask ``count`` times, settle what is granted; note the progress by and by."""
    store, choice, todo = open_store(url), random.Random(seed), iter(range(count))
    counts = [0, 0]
    async with anyio.create_task_group() as group:
        for _ in range(LANES):
            group.start_soon(lane, store, choice, todo, counts, tally)
    await store.aclose()


async def lane(store: Store, choice: random.Random, todo: object, counts: list[int], tally: Path) -> None:
    """Ask and settle. A store that was busy for too long refused: nothing was sent, what is held stays held."""
    for number in todo:  # type: ignore[attr-defined]  # an iterator that the lanes share
        holds, money, tokens = wanted(choice)
        name = f"{os.getpid()}-{number}"
        granted = False
        with suppress(StoreError):
            granted = isinstance(await store.admit(reservation(name, time.time(), *holds)), Grant)
        counts[granted] += 1
        if sum(counts) % 20 == 0:
            note(tally, counts)
        if granted:
            if choice.random() < 0.2:
                await anyio.sleep(choice.random() * 0.02)
            with suppress(StoreError):
                await store.settle(name, ending(choice, money, tokens))
    note(tally, counts)


def note(tally: Path, counts: list[int]) -> None:
    """Write down how many were refused and granted so far."""
    tally.write_text(f"{counts[0]} {counts[1]}")


class Run:
    """The processes, their deaths, and what they did."""

    def __init__(self, folder: Path, url: str, count: int, kills: int) -> None:
        self.folder, self.url, self.count, self.kills = folder, url, count, kills
        self.choice = random.Random(1)
        self.born = 0
        self.killed = 0

    def asked(self) -> tuple[int, int]:
        """Return how many asks were refused and granted so far."""
        rows = [path.read_text().split() for path in self.folder.glob("tally-*")]
        return sum(int(row[0]) for row in rows if row), sum(int(row[1]) for row in rows if row)

    def fork(self, count: int) -> int:
        self.born += 1
        child = os.fork()
        if child == 0:
            try:
                anyio.run(work, self.url, self.born, count, self.folder / f"tally-{self.born}")
            finally:
                os._exit(0)  # never into the code of the parent, whatever happened
        return child

    def play(self) -> None:
        """Work until so much was asked; kill one process after the other meanwhile."""
        each = -(-self.count // PROCESSES)
        children = [self.fork(each) for _ in range(PROCESSES)]
        while sum(self.asked()) < self.count:
            time.sleep(0.02)
            due = sum(self.asked()) * self.kills // self.count
            for place, child in enumerate(children):
                dead = os.waitpid(child, os.WNOHANG)[0]
                if not dead and self.killed < due and self.choice.random() < 0.3:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    self.killed, dead = self.killed + 1, child
                if dead:
                    children[place] = self.fork(each)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


async def verdict(run: Run, seconds: float) -> bool:
    """Recover, audit, print; return whether all is well."""
    store = open_store(run.url)
    await recovered(store)
    audit = await store.check()
    (row,) = await store.usage(0.0, 1e12)
    lefts = await store.remaining(list(LIMITS.values()), time.time())
    await store.aclose()
    watched = seen(run.url)
    leaked = rows(run.url, "SELECT count(*) FROM buckets WHERE in_flight <> 0")[0][0]
    owners = rows(run.url, "SELECT count(*) FROM owners")[0][0]
    refused, granted = run.asked()
    money = lefts[0].used
    print(f"asked {refused + granted:,}: granted {granted:,}, refused {refused:,}; {seconds:,.0f} s")
    print(f"processes {PROCESSES}, born {run.born}, killed with -9 on the way {run.killed}")
    print(f"audit: {audit}")
    print(f"money: booked {row.cost.pico:,}, in the bucket {money:,}, cap {LIMITS['money'].limit.amount:,}")
    print(f"violations: {len(watched)} {watched}; leaked holds: {leaked}, held rows: {row.held}, owners left: {owners}")
    return not watched and not leaked and not row.held and not owners and money == row.cost.pico


async def make(url: str) -> None:
    store = open_store(url)
    await store.check()
    await store.aclose()


def play(folder: Path, url: str, count: int, kills: int) -> bool:
    """Play it once, on an empty store; return whether all is well."""
    run = Run(folder, url, count, kills)
    child = os.fork()  # the processes are forked from one that never opened the ledger
    if child == 0:
        anyio.run(make, url)
        os._exit(0)
    os.waitpid(child, 0)
    watch(url, LIMITS.values())
    anyio.run(anyio.lowlevel.checkpoint)
    begun = time.monotonic()
    run.play()
    return anyio.run(verdict, run, time.monotonic() - begun)


def main() -> int:
    """Play it once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    given = parser.parse_args()
    set_limits(given.count)
    with quick_place() as folder:
        if given.store == "sqlite":
            return 0 if play(folder, f"sqlite:{folder / 'ledger.db'}", given.count, given.kills) else 1
        server = Server()
        try:
            return 0 if play(folder, server.database(), given.count, given.kills) else 1
        finally:
            server.close()


if __name__ == "__main__":
    sys.exit(main())
