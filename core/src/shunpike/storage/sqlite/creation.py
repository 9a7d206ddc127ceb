"""A new ledger gets its name only once it is complete: an empty file under that name is never one's own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from shunpike.errors import StoreError
from shunpike.storage.file_lock import try_lock
from shunpike.storage.migrations import Migrations
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.storage.sqlite.file import NEW, beside
from shunpike.storage.sqlite.schema import migrate

_ALIVE = "-lock"
"""Ends the name of the file whose lock tells that a ledger is being begun: its process lives."""


def create(named: Path, path: Path, streams: Sequence[Migrations], now: float) -> None:
    """Begin a file at ``path``, the real one of ``named``; of several processes the first does. Raises `StoreError`.

    It is on the disk when this returns, its name too.
    """
    new = path.with_name(f"{path.name}{NEW}{uuid4().hex}")
    try:
        with _lived(new):
            connection = SqliteConnection(named, new=new)
            try:
                migrate(connection, path, streams, now)
            finally:
                connection.close()
            _name(new, path)
    except OSError as error:
        raise StoreError(
            f"the ledger {named} can't be begun: {error.strerror}", hint=f"make {path.parent} writable"
        ) from error


def tidy(path: Path) -> None:
    """Remove what killed processes left that had been beginning the ledger at ``path``, which is there by now."""
    begun = {path.with_name(f"{path.name}{NEW}{_mark(path, left)}") for left in beside(path, f"{NEW}*")}
    for new in sorted(begun):
        with ExitStack() as stack, suppress(OSError):
            lock = _lock_of(new)
            if lock.exists() and not try_lock(stack.enter_context(lock.open("rb"))):
                continue  # Whoever begins it lives, and removes it when it sees that another was first.
            _remove(new)


def _mark(path: Path, left: Path) -> str:
    """Return the word that all files of one beginning share."""
    return left.name.removeprefix(f"{path.name}{NEW}").partition("-")[0]


def _lock_of(new: Path) -> Path:
    return new.with_name(new.name + _ALIVE)


@contextmanager
def _lived(new: Path) -> Iterator[None]:
    """Show that the process that begins ``new`` lives; at the end nothing of that name is left."""
    lock = _lock_of(new)
    with lock.open("xb") as file:
        try:
            try_lock(file)
            yield
        finally:
            _remove(new)


def _remove(new: Path) -> None:
    """Remove a ledger that was begun, its lock last: what is there without one belongs to nobody."""
    for left in sorted(beside(new, "*"), key=lambda one: one == _lock_of(new)):
        left.unlink(missing_ok=True)


def _name(new: Path, path: Path) -> None:
    """Give ``new`` the name ``path``, unless another file has it. Raises `OSError`."""
    try:
        os.link(new, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links: there the last of several that begin at the same moment would win.
        if path.exists():
            return
        new.rename(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
