"""One connection to the ledger's file, whose every error is a `StoreError` with the next step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from shunpike.builtin.sqlite_sql import Row, Value
from shunpike.errors import StoreError

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction, which takes milliseconds, before giving up."""

_PRAGMAS = ("synchronous = FULL", "fullfsync = ON", "foreign_keys = ON", "journal_size_limit = 16777216")

_SPEECH: tuple[tuple[type[apsw.Error], str, str], ...] = (
    (apsw.NotADBError, "is not a ledger, or is damaged", "move the file away: a new one is begun"),
    (apsw.CorruptError, "is damaged", "move the file away: a new one is begun, its quotas unknown to it"),
    (apsw.ReadOnlyError, "can't be written", "make the file and its folder writable"),
    (apsw.PermissionsError, "can't be written", "make the file and its folder writable"),
    (apsw.CantOpenError, "can't be opened", "make the file and its folder readable and writable"),
    (apsw.FullError, "can't grow: the disk is full", "free some space; nothing is sent until then"),
    (apsw.BusyError, f"was locked by another program for {BUSY_TIMEOUT:g} s", "close what has it open"),
    (apsw.LockedError, "is locked by another connection", "close what has it open"),
    (apsw.IOError, "can't be read or written: the disk reports an error", "check the disk and its free space"),
)


class SqliteConnection:
    """One apsw connection that speaks in `StoreError`. Not to be used by two threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.parent.is_dir():
            raise StoreError(f"{path.parent} does not exist", hint=f"create it: mkdir -p {path.parent}")
        with self._speaking():
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
            self._db = apsw.Connection(str(path), flags=flags)
            self._db.set_busy_timeout(int(BUSY_TIMEOUT * 1000))
            mode = self._db.execute("PRAGMA journal_mode = WAL").fetchall()
            for pragma in _PRAGMAS:
                self._db.execute(f"PRAGMA {pragma}").fetchall()
        if mode != [("wal",)]:
            raise StoreError(f"{path} can't use a write-ahead log here", hint="keep the ledger on a local disk")

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except apsw.Error as error:
            for kind, what, hint in _SPEECH:
                if isinstance(error, kind):
                    raise StoreError(f"the ledger {self._path} {what}", hint=hint) from error
            raise StoreError(f"the ledger {self._path} failed: {error}", hint="run: shunpike doctor") from error

    def rows(self, sql: str, *values: Value) -> list[Row]:
        """Run one statement to its end and return its rows."""
        with self._speaking():
            return self._db.execute(sql, values).fetchall()

    def changes(self, sql: str, *values: Value) -> int:
        """Run one statement and return how many rows it changed."""
        self.rows(sql, *values)
        return self._db.changes()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open: some errors undo and end it."""
        return self._db.in_transaction

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take the write lock at once; commit durably, or roll back on an exception."""
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self.rows("ROLLBACK")
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what is done inside on an exception. A full disk may undo the whole transaction, which then fails."""
        self.rows("SAVEPOINT job")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:
                self.rows("ROLLBACK TO job")
                self.rows("RELEASE job")
            raise
        self.rows("RELEASE job")

    def close(self) -> None:
        """Close it; calling it again does nothing."""
        with self._speaking():
            self._db.close()
