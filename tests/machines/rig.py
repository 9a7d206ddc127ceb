"""What the machines share: a store of any kind by its address, worker processes, and the books that they write.

Imported by the tests and, as a plain module, by `worker.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import apsw
import psycopg

from shunpike.builtin.sqlite import SqliteStore
from shunpike.clock import Clock
from shunpike.types import Hold
from shunpike_postgres.store import PostgresStore

WORKER = Path(__file__).with_name("worker.py")
PATIENCE = 120.0
"""Seconds after which a worker is taken to hang; they need a few."""


@asynccontextmanager
async def served(url: str, **others: Any) -> AsyncIterator[PostgresStore]:
    """A ledger on a server, closed at the end."""
    store = PostgresStore(url, guard=0.0, **others)
    try:
        yield store
    finally:
        await store.aclose()


def open_store(url: str, *, clock: Clock | None = None, guard: float = 0.0) -> SqliteStore | PostgresStore:
    """Return the store at ``url``. All processes of a test share one clock, so no guard is needed by default.

    A ``clock`` of the test's own is everybody's.
    """
    if is_file(url):
        return SqliteStore(Path(url.partition(":")[2]), clock=clock, guard=guard)
    return PostgresStore(url, clock=clock, trust_clock=clock is not None, guard=guard)


async def recovered(store: SqliteStore | PostgresStore) -> None:
    """Recover what the dead held. A server takes a moment to notice that a killed process has gone."""
    with anyio.fail_after(PATIENCE):
        await store.recover(time.time())
        while any(row.held for row in await store.usage(0.0, 1e12)):
            await anyio.sleep(0.02)
            await store.recover(time.time())


def is_file(url: str) -> bool:
    """Return whether the store is a file, and not a server's."""
    return url.startswith("sqlite:")


def quick_folder() -> str | None:
    """Return a folder in memory where there is one: for laws about arithmetic, where the disk proves nothing."""
    shared = "/dev/shm"  # noqa: S108 - only a parent for temporary folders
    return shared if os.path.isdir(shared) and os.access(shared, os.W_OK) else None  # noqa: PTH112


@contextmanager
def quick_place() -> Iterator[Path]:
    """Return an empty folder that forgets itself."""
    with tempfile.TemporaryDirectory(dir=quick_folder(), prefix="shunpike-laws-") as name:
        yield Path(name)


def write(book: Path, *words: object) -> None:
    """Add a line with one system call, as it would reach a provider's own book: it survives ``kill -9``."""
    file = os.open(book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (" ".join(map(str, words)) + "\n").encode())
    os.close(file)


def read(book: Path) -> list[list[str]]:
    """Return the lines of a book, each as its words."""
    return [line.split() for line in book.read_text().splitlines()] if book.exists() else []


def started(scenario: str, *words: object) -> subprocess.Popen[bytes]:
    """Return a process that plays ``scenario``; ``many`` N SCENARIO plays one in N processes."""
    return subprocess.Popen([sys.executable, str(WORKER), scenario, *map(str, words)], start_new_session=True)


def run_to_the_end(scenario: str, *words: object, patience: float = PATIENCE) -> None:
    """Run a scenario to its end. It must end well."""
    worker = started(scenario, *words)
    try:
        code = worker.wait(patience)
    finally:
        worker.terminate()
        worker.wait()
    assert code == 0, f"{scenario} ended with {code}"


_TRIGGERS = {
    True: """
        CREATE TRIGGER watcher AFTER UPDATE OF used ON buckets
        WHEN new.used > (SELECT amount FROM caps WHERE name = new.name)
        BEGIN INSERT INTO watched VALUES (new.name, new.used); END""",
    False: """
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF new.used > (SELECT amount FROM caps WHERE name = new.name)
            THEN INSERT INTO watched VALUES (new.name, new.used); END IF;
            RETURN new;
        END $$;
        CREATE TRIGGER watcher AFTER UPDATE OF used ON buckets FOR EACH ROW EXECUTE FUNCTION note()""",
}


def watch(url: str, holds: Iterable[Hold]) -> None:
    """Let the database itself write down every moment at which more of a bucket is used than its limit allows.

    A trigger sees every single change of every process, before it is committed. The store has been opened before.
    """
    rows(url, "CREATE TABLE watched (name TEXT, used BIGINT)")
    rows(url, "CREATE TABLE caps (name TEXT PRIMARY KEY, amount BIGINT)")
    for one in holds:
        name = one.bucket.replace("'", "''")
        rows(url, f"INSERT INTO caps VALUES ('{name}', {one.limit.amount})")  # noqa: S608 - a test's own words
    rows(url, _TRIGGERS[is_file(url)])


def seen(url: str) -> list[tuple[Any, ...]]:
    """Return what the watcher wrote down: bucket, the most that was used, how often it was too much."""
    return rows(url, "SELECT name, max(used), count(*) FROM watched GROUP BY name")


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Run a statement beside the store; return its rows."""
    if is_file(url):
        database = apsw.Connection(url.partition(":")[2])
        database.set_busy_timeout(10_000)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()
    with psycopg.connect(url, autocommit=True, options="-c search_path=shunpike") as connection:
        cursor = connection.execute(sql)  # type: ignore[call-overload]  # a test's own words
        return cursor.fetchall() if cursor.description else []
