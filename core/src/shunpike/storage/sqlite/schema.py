"""The versions of the tables in a file, and the way from one to the next: a copy first, then step by step.

Each step is one transaction, with the note that it was taken: a process that is killed on the way leaves the file at
one version or the next, and whoever opens it goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from shunpike.errors import StoreError
from shunpike.storage.migrations import Migrations
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.storage.sqlite.file import beside

APPLICATION_ID = 0x53_48_50_4B
"""Marks a file as one of shunpike's in its header."""

DATABASE = Migrations(
    store="database",
    steps=(
        (
            """CREATE TABLE IF NOT EXISTS owners (
                id TEXT PRIMARY KEY,
                pid INTEGER NOT NULL,
                started_at REAL NOT NULL,
                process TEXT NOT NULL DEFAULT '',
                lock INTEGER NOT NULL DEFAULT 0
            ) STRICT, WITHOUT ROWID""",
            """CREATE TABLE revisions (
                topic TEXT PRIMARY KEY,
                revision INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID""",
        ),
    ),
)
"""What all stores of a file have in common: who lives, and what was announced."""

_MIGRATIONS = """CREATE TABLE migrations (
    store TEXT NOT NULL,
    version INTEGER NOT NULL,
    applied_at REAL NOT NULL,
    PRIMARY KEY (store, version)
) STRICT, WITHOUT ROWID"""

_BEFORE_STREAMS = 6
"""The version of a file in which the ledger was the only store, and its migrations had no name; version 1 since."""


def migrate(connection: SqliteConnection, path: Path, streams: Iterable[Migrations], now: float) -> None:
    """Bring the tables of ``streams`` up to date, after a copy of the file as it was has been put beside it.

    Raises `StoreError` for a file of something else, of a newer shunpike, or of one from before the first release.
    """
    found = _versions(connection, path)
    behind = [one for one in streams if found.get(one.store, 0) != one.version]
    if not behind:
        return
    for one in behind:
        _check(path, one, found)
    for name in _copies(found, behind):
        _back_up(connection, Path(f"{path}.{name}.backup"))
    with connection.transaction():
        _begin(connection, now)
    for one in behind:
        for number, statements in enumerate(one.steps, start=1):
            with connection.transaction():
                # Read under the lock: another process may be on the same way.
                if _version(connection, one.store) == number - 1:
                    for statement in statements:
                        connection.rows(statement)
                    connection.rows("INSERT INTO migrations VALUES (?, ?, ?)", one.store, number, now)


def _versions(connection: SqliteConnection, path: Path) -> dict[str, int]:
    """Return store → version. Changes nothing. Raises `StoreError` for a file of something else."""
    if connection.rows("PRAGMA application_id")[0][0] != APPLICATION_ID:
        if connection.rows("SELECT 1 FROM sqlite_schema LIMIT 1"):
            raise StoreError(f"{path} is a database of something else", hint="name another file in store = …")
        return {}
    if not _has_streams(connection):
        return {"": int(connection.rows("SELECT coalesce(max(version), 0) FROM migrations")[0][0])}
    return dict(connection.rows("SELECT store, max(version) FROM migrations GROUP BY 1"))


def _has_streams(connection: SqliteConnection) -> bool:
    return bool(connection.rows("SELECT 1 FROM pragma_table_info('migrations') WHERE name = 'store'"))


def _version(connection: SqliteConnection, store: str) -> int:
    return int(connection.rows("SELECT coalesce(max(version), 0) FROM migrations WHERE store = ?", store)[0][0])


def _check(path: Path, stream: Migrations, found: dict[str, int]) -> None:
    version = found.get(stream.store, 0)
    if version > stream.version or found.get("", 0) > _BEFORE_STREAMS:
        raise StoreError(
            f"{path} was written by a newer shunpike: its {stream.store} has version {version}, this one knows"
            f" {stream.version}",
            hint="upgrade shunpike, or name another file in store = …",
        )
    if 0 < found.get("", 0) < _BEFORE_STREAMS:
        raise StoreError(
            f"{path} was written by a shunpike from before the first release",
            hint="move the file away: a new one is begun",
        )


def _copies(found: dict[str, int], behind: list[Migrations]) -> list[str]:
    """Return what the copies are called that show the file as it was: none where nothing of it is changed."""
    if found.get("", 0):
        return [f"v{found['']}"]
    return [f"{one.store}-{version}" for one in behind if (version := found.get(one.store, 0))]


def _back_up(connection: SqliteConnection, copy: Path) -> None:
    """Copy the file, by a name that it has only once it is complete; a copy that is there already is kept."""
    if not copy.exists():
        half = Path(f"{copy}.{uuid4().hex}")
        connection.rows("VACUUM INTO ?", str(half))
        half.replace(copy)
    for left in beside(copy, ".*"):
        # Of a process that was killed at it, or of one that is at it: that finds the copy complete.
        with suppress(OSError):
            left.unlink()


def _begin(connection: SqliteConnection, now: float) -> None:
    """Make the list of versions, or give the entries of a file that had one store its name."""
    if connection.rows("PRAGMA application_id")[0][0] != APPLICATION_ID:
        connection.rows(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.rows(_MIGRATIONS)
    elif not _has_streams(connection):
        connection.rows("DROP TABLE migrations")
        connection.rows(_MIGRATIONS)
        connection.rows("INSERT INTO migrations VALUES ('ledger', 1, ?)", now)
