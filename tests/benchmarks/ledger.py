"""How fast the ledger is, as a ratio to the raw commits of the same store, measured in the same run.

    python tests/benchmarks/ledger.py [--folder PLACE] [--seconds 3]

A pair is an admission (one limit, one budget) and its settlement. A *raw grouped commit* is what the disk allows:
transactions of as many one-row inserts as there are lanes, by apsw alone, with the same pragmas. How to read the table
stands in the README beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import apsw

from shunpike.builtin.sqlite import SqliteStore
from shunpike.builtin.sqlite_connection import _PRAGMAS
from shunpike.types import Grant, Lifetime, Rolling, Unit
from shunpike_testkit.stores import hold, reservation, settled

MONEY = hold(10, 10**15, Unit.USD, Lifetime())
CALLS = hold(1, 10**9, Unit.REQUEST, Rolling(seconds=1.0))
LANES = 64


def raw_connection(place: Path) -> apsw.Connection:
    """Return a connection with the ledger's own pragmas and a table like its own."""
    database = apsw.Connection(str(place))
    database.execute("PRAGMA journal_mode = WAL")
    for pragma in _PRAGMAS:
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE rows (id TEXT PRIMARY KEY, at REAL, state TEXT) STRICT, WITHOUT ROWID")
    return database


def raw_rate(place: Path, group: int, seconds: float) -> tuple[float, float]:
    """Return rows a second in commits of ``group`` rows, and the median seconds of one commit."""
    database, numbers, took = raw_connection(place), count(), []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        begun = time.perf_counter()
        database.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            database.execute("INSERT INTO rows VALUES (?, ?, 'held')", (f"a{next(numbers)}", begun))
        database.execute("COMMIT")
        took.append(time.perf_counter() - begun)
    database.close()
    return group * len(took) / sum(took), statistics.median(took)


async def pair_rate(place: Path, lanes: int, seconds: float) -> tuple[float, float]:
    """Return pairs a second over ``lanes`` tasks, and the median seconds that one admission takes."""
    store, numbers, took = SqliteStore(place, guard=0.0), count(), []
    await store.check()
    begun = time.perf_counter()
    until = begun + seconds
    done = 0

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() < until:
            name, asked = f"a{next(numbers)}", time.perf_counter()
            assert isinstance(await store.admit(reservation(name, time.time(), MONEY, CALLS)), Grant)
            took.append(time.perf_counter() - asked)
            await store.settle(name, settled(time.time(), pico=4))
            done += 1

    await asyncio.gather(*(lane() for _ in range(lanes)))
    rate = done / (time.perf_counter() - begun)
    await store.aclose()
    return rate, statistics.median(took)


def measure(folder: Path, seconds: float) -> list[tuple[str, str, str, str]]:
    """Return the rows of the table. Raw and ledger take turns, so that a busy machine slows both."""
    places = (folder / f"{number}.db" for number in count())
    raw_one, commit = raw_rate(next(places), 1, seconds)
    one, latency = asyncio.run(pair_rate(next(places), 1, seconds))
    raw_many, _ = raw_rate(next(places), LANES, seconds)
    many, _ = asyncio.run(pair_rate(next(places), LANES, seconds))
    # A pair is two rows' worth of durable work: an admission and a settlement.
    shown: Callable[[float], str] = "{:,.0f}/s".format
    return [
        ("raw commits of 1 row", shown(raw_one), f"{commit * 1e3:.2f} ms", ""),
        ("pairs, 1 at a time", shown(one), f"{latency * 1e3:.2f} ms", f"{latency / commit:.2f} x a raw commit"),
        (f"raw rows, commits of {LANES}", shown(raw_many), "", ""),
        (f"pairs, {LANES} at a time", shown(many), "", f"{raw_many / 2 / many:.1f} x slower than raw pairs of rows"),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="where the files are written: the disk that is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each of the four measurements")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        rows = measure(Path(name), given.seconds)
    print(f"{'SQLite, synchronous = FULL':32}{'rate':>14}{'admission':>14}   ratio")
    for what, rate, took, ratio in rows:
        print(f"{what:32}{rate:>14}{took:>14}   {ratio}")


if __name__ == "__main__":
    main()
