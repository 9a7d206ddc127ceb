"""A new ledger gets its name only once it is complete: an empty file under that name is never one's own."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from shunpike.builtin.sqlite_connection import SqliteConnection
from shunpike.builtin.sqlite_file import NEW, beside
from shunpike.builtin.sqlite_sql import migrate
from shunpike.errors import StoreError


def create(named: Path, path: Path, now: float) -> None:
    """Begin a ledger at ``path``, the real one of ``named``; of several processes the first does. Raises `StoreError`.

    It is on the disk when this returns, its name too.
    """
    new = path.with_name(f"{path.name}{NEW}{uuid4().hex}")
    try:
        connection = SqliteConnection(named, new=new)
        try:
            migrate(connection, str(path), now)
        finally:
            connection.close()
        _name(new, path)
    except OSError as error:
        raise StoreError(
            f"the ledger {named} can't be begun: {error.strerror}", hint=f"make {path.parent} writable"
        ) from error
    finally:
        for left in beside(new, "*"):
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
