"""The versions of the tables in a file, and the way from one to the next: a copy first, then all steps or none.

The whole way is one transaction: a process that is killed on it leaves the file as it was; the next one begins anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
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
    streams = list(streams)
    while behind := _behind(found := _versions(connection, path), streams):
        for one in behind:
            _check(path, one, found)
        names = _copies(found, behind)
        halves, copies = [Path(f"{path}.{name}.backup.{uuid4().hex}") for name in names], list[Path]()
        try:
            for half in halves:
                connection.rows("VACUUM INTO ?", str(half))
            with connection.transaction():
                if _versions(connection, path) != found:
                    continue  # Another process was on the same way, and has made its own copy.
                copies = [_named(half) for half in halves]
                _apply(connection, behind, now)
        except BaseException:
            for copy in copies:
                copy.unlink(missing_ok=True)
            raise
        finally:
            # Each try would leave one more, on a disk that is full as it is; some were left by killed processes.
            for left in (*halves, *(_halves(path) if copies else ())):
                left.unlink(missing_ok=True)


def _halves(path: Path) -> list[Path]:
    """Return the copies that were begun and have no name yet: nobody else's file is called so."""
    ours = re.compile(re.escape(path.name) + r"\.(.+-|v)[0-9]+\.backup\.[0-9a-f]{32}")
    return [one for one in beside(path, ".*") if ours.fullmatch(one.name)]


def _named(half: Path) -> Path:
    """Give a copy that is complete the first name of its kind that nothing has."""
    plain = copy = half.with_suffix("")
    number = 1
    while os.path.lexists(copy):
        number += 1
        copy = Path(f"{plain}-{number}")
    return half.rename(copy)


def _apply(connection: SqliteConnection, behind: Iterable[Migrations], now: float) -> None:
    _begin(connection, now)
    for one in behind:
        version = _version(connection, one.store)
        for number, statements in enumerate(one.steps[version:], start=version + 1):
            for statement in statements:
                connection.rows(statement)
            connection.rows("INSERT INTO migrations VALUES (?, ?, ?)", one.store, number, now)


def _behind(found: dict[str, int], streams: Iterable[Migrations]) -> list[Migrations]:
    return [one for one in streams if found.get(one.store, 0) != one.version]


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


def _begin(connection: SqliteConnection, now: float) -> None:
    """Make the list of versions, or give the entries of a file that had one store its name."""
    if connection.rows("PRAGMA application_id")[0][0] != APPLICATION_ID:
        connection.rows(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.rows(_MIGRATIONS)
    elif not _has_streams(connection):
        connection.rows("DROP TABLE migrations")
        connection.rows(_MIGRATIONS)
        connection.rows("INSERT INTO migrations VALUES ('ledger', 1, ?)", now)
