"""One connection to the ledger's file, whose every error is a `StoreError` with the next step."""

from __future__ import annotations

import ctypes
import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from shunpike.errors import StoreError
from shunpike.storage.database import Row, Value
from shunpike.storage.sqlite.file import OpenFile, real_path

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process's transaction, which takes milliseconds, before giving up."""

LAST_PATIENCE = 1.0
"""Seconds to wait for it at the end, all in all: somebody waits for that."""

_NAP = 0.0002, 0.0015
"""Seconds between two looks whether it is over."""

_PRAGMAS = ("synchronous = FULL", "fullfsync = ON", "foreign_keys = ON", "journal_size_limit = 16777216")

_FAILURES = apsw.Error, OverflowError
"""What a statement raises; the second for an integer of more than 64 bits."""

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


class Patience:
    """Until when its connections wait for other processes. Any thread may end it."""

    def __init__(self) -> None:
        self._until_mono = math.inf

    def end(self) -> None:
        """Wait for nobody any longer than a moment from now on, whatever is still to be done."""
        self._until_mono = time.monotonic() + LAST_PATIENCE

    def lasts(self, since_mono: float) -> bool:
        """Return whether to wait on, for what has been waited for ``since_mono``."""
        now_mono = time.monotonic()
        return now_mono < self._until_mono and now_mono - since_mono < BUSY_TIMEOUT


class SqliteConnection:
    """One apsw connection that speaks in `StoreError`. Not to be used by two threads at once.

    Args:
        path: The ledger, which is there already.
        new: Where not None, the file that is to become it; it is made.
        patience: How long to wait for other processes.

    """

    def __init__(self, path: Path, *, new: Path | None = None, patience: Patience | None = None) -> None:
        self._path = path
        self._patience = Patience() if patience is None else patience
        self._dice = random.Random(os.getpid())  # noqa: S311 - who goes first, no secret
        self._waiting_since_mono = 0.0
        self.waited = False
        """Whether another process had to be waited for."""
        # Never made by being opened: a ledger that is missing is an error, or is begun elsewhere.
        flags = apsw.SQLITE_OPEN_READWRITE | (0 if new is None else apsw.SQLITE_OPEN_CREATE)
        file = real_path(path) if new is None else new
        try:
            self._db = apsw.Connection(str(file), flags=flags)
        except apsw.Error as error:
            raise self._said(error) from error
        try:
            self.file = OpenFile(path if new is None else new, file)
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        if self._has_moved():
            raise StoreError(f"the ledger {self._path} was replaced while it was opened", hint="start again")
        self._db.set_busy_handler(self._wait)
        mode = self.rows("PRAGMA journal_mode = WAL")
        for pragma in _PRAGMAS:
            self.rows(f"PRAGMA {pragma}")
        if mode != [("wal",)]:
            raise StoreError(f"{self._path} can't use a write-ahead log here", hint="keep the ledger on a local disk")

    def _has_moved(self) -> bool:
        """Return whether another file stands under the name by now than the one that SQLite has opened."""
        moved = ctypes.c_int(0)
        self._db.file_control("main", apsw.SQLITE_FCNTL_HAS_MOVED, ctypes.addressof(moved))
        return bool(moved.value)

    def rows(self, sql: str, *values: Value) -> list[Row]:
        """Run one statement to its end and return its rows."""
        try:
            return self._db.execute(sql, values).fetchall()
        except _FAILURES as error:
            raise self._said(error) from error

    def changes(self, sql: str, *values: Value) -> int:
        """Run one statement and return how many rows it changed."""
        self.rows(sql, *values)
        return self._db.changes()

    def many(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Run one statement for each of ``rows``."""
        try:
            self._db.executemany(sql, rows)
        except _FAILURES as error:
            raise self._said(error) from error

    def _said(self, error: Exception) -> StoreError:
        for kind, what, hint in _SPEECH:
            if isinstance(error, kind):
                return StoreError(f"the ledger {self._path} {what}", hint=hint)
        return StoreError(f"the ledger {self._path} failed: {error}", hint="run: shunpike doctor")

    def _wait(self, times: int) -> bool:
        """Wait a moment for another process's transaction; False = it has taken too long.

        SQLite's own way waits longer each time, so that among busy processes one that was unlucky stays so.
        """
        if times == 0:
            self._waiting_since_mono = time.monotonic()
            self.waited = True
        time.sleep(self._dice.uniform(*_NAP))
        return self._patience.lasts(self._waiting_since_mono)

    def rest(self) -> None:
        """Wait a moment where others were seen to wait for the same lock: whoever has just let go of it is nearest."""
        if self.waited:
            self.waited = False
            time.sleep(self._dice.uniform(*_NAP))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Take the write lock at once; commit durably, or roll back on an exception.

        Raises `StoreError`, and nothing is written, where the file is no longer under its name.
        """
        self.file.check()
        if self._db.in_transaction:
            # The one before could not even be rolled back.
            self.rows("ROLLBACK")
        self.rows("BEGIN IMMEDIATE")
        try:
            self.file.check_log()
            yield
            self.file.check()
            self.rows("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See what is read inside as of one moment."""
        self.rows("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        # What went wrong is told, not what goes wrong because of it.
        with suppress(StoreError):
            if self._db.in_transaction:
                self.rows("ROLLBACK")

    def close(self) -> None:
        """Close it; calling it again does nothing."""
        try:
            self._db.close()
        except apsw.Error as error:
            raise self._said(error) from error
