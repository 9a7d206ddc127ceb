"""How fast the ledger is, as a ratio to the raw commits of the same store, measured in the same run.

    python tests/benchmarks/ledger.py [--folder PLACE] [--seconds 3] [--sync 3.2]

A pair is an admission (one limit, one budget) and its settlement. How to read the table stands in the README beside
this file.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

import apsw
import psycopg

from shunpike.builtin.sqlite import SqliteStore
from shunpike.protocols import Store
from shunpike.storage.sqlite.connection import _PRAGMAS
from shunpike.types import Grant, Lifetime, Rolling, Unit
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.stores import hold, reservation, settled

sys.path.append(str(Path(__file__).parents[1]))
from postgres import DURABLE, Server

MONEY = hold(10, 10**15, Unit.USD, Lifetime())
CALLS = hold(1, 10**9, Unit.REQUEST, Rolling(seconds=1.0))
LANES = 64
ROWS = "(id TEXT PRIMARY KEY, at REAL, state TEXT, provider TEXT, model TEXT, holds TEXT) STRICT, WITHOUT ROWID"


class Speed(NamedTuple):
    """Of something that is done again and again: how often a second, and the median seconds that one takes."""

    rate: float
    took: float


class SlowDisk(apsw.VFS):
    """The default disk, except that each sync takes so many seconds more."""

    def __init__(self, seconds: float) -> None:
        self.plain, self.seconds = apsw.vfs_names()[0], seconds
        super().__init__("slow", self.plain, makedefault=True)

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - its name in SQLite
        disk = self

        class File(apsw.VFSFile):
            def xSync(self, flags: int) -> None:  # noqa: N802 - its name in SQLite
                super().xSync(flags)
                time.sleep(disk.seconds)

        return File(self.plain, name, flags)  # type: ignore[arg-type]  # what xOpen was given


def raw_connection(place: Path) -> apsw.Connection:
    """Return a connection with the ledger's own pragmas, and tables as the ledger has them."""
    database = apsw.Connection(str(place))
    database.execute("PRAGMA journal_mode = WAL")
    for pragma in _PRAGMAS:
        database.execute(f"PRAGMA {pragma}")
    database.execute(f"CREATE TABLE attempts {ROWS}")
    database.execute("CREATE INDEX by_start ON attempts (at)")
    database.execute("CREATE INDEX by_state ON attempts (state)")
    database.execute("CREATE TABLE buckets (id INTEGER PRIMARY KEY, used INTEGER) STRICT")
    database.execute("INSERT INTO buckets VALUES (1, 0), (2, 0)")
    database.execute(f"CREATE TABLE rows {ROWS}")
    return database


def grouped_speed(place: Path, group: int, seconds: float) -> Speed:
    """Commit ``group`` rows at a time, each of one small table."""
    database, numbers, took = raw_connection(place), count(), []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        begun = time.perf_counter()
        database.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            database.execute(
                "INSERT INTO rows VALUES (?, ?, 'held', 'north', 'm-1', '[]')", (f"a{next(numbers)}", begun)
            )
        database.execute("COMMIT")
        took.append(time.perf_counter() - begun)
    database.close()
    return Speed(group * len(took) / sum(took), median(took))


def admissions(place: Path) -> Generator[None, None, None]:
    """Commit the rows that one admission of the ledger writes, each time that it is asked for the next one."""
    database = raw_connection(place)
    for number in count():
        database.execute("BEGIN IMMEDIATE")
        row = f"a{number}", time.time()
        database.execute("INSERT INTO attempts VALUES (?, ?, 'held', 'north', 'm-1', '[[1,10],[2,1]]')", row)
        database.execute("UPDATE buckets SET used = used + 10 WHERE id = 1")
        database.execute("UPDATE buckets SET used = used + 1 WHERE id = 2")
        database.execute("COMMIT")
        yield


def admission_speed(place: Path, seconds: float) -> Speed:
    """Commit the rows of one admission, again and again."""
    commits, took = admissions(place), []
    next(commits)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        begun = time.perf_counter()
        next(commits)
        took.append(time.perf_counter() - begun)
    commits.close()
    return Speed(len(took) / sum(took), median(took))


async def awaited_speed(place: Path, seconds: float) -> Speed:
    """Commit the rows of one admission as a task has to do it: by a thread, so that nothing else stands still."""
    loop, took = asyncio.get_running_loop(), []
    with ThreadPoolExecutor(1) as thread:
        commits = admissions(place)
        await loop.run_in_executor(thread, next, commits)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            begun = time.perf_counter()
            await loop.run_in_executor(thread, next, commits)
            took.append(time.perf_counter() - begun)
        await loop.run_in_executor(thread, commits.close)
    return Speed(len(took) / sum(took), median(took))


async def pair_speed(store: Store, lanes: int, seconds: float) -> Speed:
    """Admit and settle over ``lanes`` tasks; ``took`` is the wait of one admission."""
    numbers, took = count(), []
    await store.check()
    begun = time.perf_counter()
    until = begun + seconds
    done = 0

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() < until:
            wanted = reservation(f"a{next(numbers)}", time.time(), MONEY, CALLS)
            asked = time.perf_counter()
            assert isinstance(await store.admit(wanted), Grant)
            took.append(time.perf_counter() - asked)
            await store.settle(wanted.attempt_id, settled(time.time(), pico=4))
            done += 1

    await asyncio.gather(*(lane() for _ in range(lanes)))
    rate = done / (time.perf_counter() - begun)
    await store.aclose()
    return Speed(rate, median(took))


def sqlite_rows(folder: Path, seconds: float) -> list[tuple[str, Speed, str]]:
    """Return the rows of the table. Raw and ledger take turns, so that a busy machine slows both."""
    places = (folder / f"{number}.db" for number in count())

    def ledger() -> Store:
        return SqliteStore(next(places), guard=0.0)

    one_row = grouped_speed(next(places), 1, seconds)
    rows = admission_speed(next(places), seconds)
    awaited = asyncio.run(awaited_speed(next(places), seconds))
    one = asyncio.run(pair_speed(ledger(), 1, seconds))
    grouped = grouped_speed(next(places), LANES, seconds)
    many = asyncio.run(pair_speed(ledger(), LANES, seconds))
    ratios = [f"{one.took / raw.took:.2f}" for raw in (one_row, rows, awaited)]
    return [
        ("A raw commits of 1 row", one_row, ""),
        ("B raw commits of an admission's rows", rows, ""),
        ("C the same, awaited by a task", awaited, ""),
        ("D pairs, 1 at a time", one, f"an admission takes {' / '.join(ratios)} of A / B / C"),
        (f"E raw rows, commits of {LANES}", grouped, ""),
        (f"F pairs, {LANES} at a time", many, f"{grouped.rate / 2 / many.rate:.1f} times slower than two rows of E"),
    ]


def postgres_rows(server: Server, seconds: float) -> list[tuple[str, Speed, str]]:
    """Return the same rows for PostgreSQL: what is raw is done by psycopg alone, in as few messages as it takes."""
    one_row, grouped = raw_postgres(server, 1, seconds), raw_postgres(server, LANES, seconds)
    one = asyncio.run(pair_speed(PostgresStore(server.database(), guard=0.0), 1, seconds))
    many = asyncio.run(pair_speed(PostgresStore(server.database(), guard=0.0), LANES, seconds))
    return [
        ("A raw commits of 1 row", one_row, ""),
        ("D pairs, 1 at a time", one, f"an admission takes {one.took / one_row.took:.2f} of A"),
        (f"E raw rows, commits of {LANES}", grouped, ""),
        (f"F pairs, {LANES} at a time", many, f"{grouped.rate / 2 / many.rate:.1f} times slower than two rows of E"),
    ]


def raw_postgres(server: Server, group: int, seconds: float) -> Speed:
    """Commit ``group`` rows at a time; more than one go as arrays."""
    numbers, took = count(), []
    with psycopg.connect(server.database(), autocommit=True) as database:
        database.execute(f"CREATE TABLE rows {ROWS.removesuffix(' STRICT, WITHOUT ROWID')}")
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            names = [f"a{next(numbers)}" for _ in range(group)]
            begun = time.perf_counter()
            database.execute(
                "INSERT INTO rows SELECT id, 0, 'held', 'north', 'm-1', '[]' FROM unnest(%s::text[]) AS id", [names]
            )
            took.append(time.perf_counter() - begun)
    return Speed(group * len(took) / sum(took), median(took))


def show(title: str, rows: list[tuple[str, Speed, str]]) -> None:
    """Print a table."""
    print(f"{title:38}{'a second':>10}{'one takes':>12}   ratio")
    for what, speed, ratio in rows:
        print(f"{what:38}{speed.rate:>10,.0f}{speed.took * 1e3:>9.2f} ms   {ratio}")


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="where the files are written: the disk that is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement")
    parser.add_argument("--sync", type=float, default=3.2, help="milliseconds that a sync takes on the slower disk")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        show("SQLite, synchronous = FULL", sqlite_rows(Path(name), given.seconds))
    disk = SlowDisk(given.sync / 1e3)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        show(f"\nthe same, a sync takes {given.sync:g} ms more", sqlite_rows(Path(name), given.seconds))
    disk.unregister()
    slow = {"commit_delay": str(round(given.sync * 1e3)), "commit_siblings": "0"}
    for title, settings in (("PostgreSQL, fsync = on", {}), (f"the same, a commit takes {given.sync:g} ms more", slow)):
        server = Server(DURABLE, settings)
        try:
            show(f"\n{title}", postgres_rows(server, given.seconds))
        finally:
            server.close()


if __name__ == "__main__":
    main()
