"""What the machines share: a store of any kind by its address, worker processes, and the books that they write.

Imported by the tests and, as a plain module, by `worker.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from shunpike.builtin.sqlite import SqliteStore
from shunpike.clock import Clock
from shunpike.plugins import Host
from shunpike.protocols import Store

WORKER = Path(__file__).with_name("worker.py")
PATIENCE = 120.0
"""Seconds after which a worker is taken to hang; they need a few."""


def open_store(url: str, *, clock: Clock | None = None, guard: float = 0.0) -> Store:
    """Return the store at ``url``. All processes of a test share one clock, so no guard is needed by default."""
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite":
        return SqliteStore(Path(rest), clock=clock, guard=guard)
    store = Host.load().store(url)
    if store is None:
        raise LookupError(f"no installed plugin opens {url}")
    return store


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
    return subprocess.Popen([sys.executable, str(WORKER), scenario, *map(str, words)])


def run_to_the_end(scenario: str, *words: object) -> None:
    """Run a scenario to its end. It must end well."""
    worker = started(scenario, *words)
    try:
        code = worker.wait(PATIENCE)
    finally:
        worker.terminate()
        worker.wait()
    assert code == 0, f"{scenario} ended with {code}"


def watch(url: str, cap: int) -> None:
    """Let the database itself write down every moment at which more than ``cap`` is spent and held together.

    A trigger sees every single change of every process, before it is committed. Only where the store is SQLite.
    """
    if not url.startswith("sqlite:"):
        return
    with raw(url) as database:
        database.execute("CREATE TABLE watched (used INTEGER)")
        database.execute(
            f"CREATE TRIGGER watcher AFTER UPDATE OF used ON buckets WHEN new.used > {int(cap)}"  # noqa: S608 - an int
            " BEGIN INSERT INTO watched VALUES (new.used); END"
        )


def seen(url: str) -> list[int]:
    """Return what the watcher wrote down."""
    if not url.startswith("sqlite:"):
        return []
    with raw(url) as database:
        return [int(used) for (used,) in database.execute("SELECT used FROM watched")]


@contextmanager
def raw(url: str) -> Iterator[apsw.Connection]:
    """Return a connection beside the store's own."""
    database = apsw.Connection(url.partition(":")[2])
    database.set_busy_timeout(10_000)
    try:
        yield database
    finally:
        database.close()
