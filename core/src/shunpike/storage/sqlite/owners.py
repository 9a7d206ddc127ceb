"""Who holds what, and whether it still lives: a lock that the operating system lets go when a process dies.

Every opened store is an *incarnation* with a lock file of its own beside the database. Death is known by that lock
being free, never by a time-out: a process that was stopped for an hour still owns what it holds. Where the file was
removed or replaced, it is known by the process having ended; the owner makes it again as soon as it writes.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple
from uuid import uuid4
from weakref import WeakSet

from shunpike.errors import StoreError
from shunpike.storage.file_lock import Identity, identity_of, try_lock
from shunpike.storage.process import is_running, this_process
from shunpike.storage.sqlite.file import beside

_OPEN: WeakSet[Incarnation] = WeakSet()
_TRIES = 5
_OWNER, _OPENING = "-owner-", "-opening-"


class FileOwner(NamedTuple):
    """An incarnation as the database has it."""

    id: str
    process: str
    """As `this_process` names it; empty where an older version wrote the row."""
    lock: int
    """The number of its lock file."""


class Incarnation:
    """One opened store of one process. Its lock is held from the start until `close`, or death."""

    def __init__(self, database: Path) -> None:
        self.id = uuid4().hex
        self.pid = os.getpid()
        self.process = this_process()
        self.database = database
        self._path = lock_path(database, self.id)
        self._file: IO[bytes] | None = None
        self._identity: Identity | None = None
        self._lock()
        _OPEN.add(self)

    @property
    def lock(self) -> int:
        """The number of its lock file."""
        return 0 if self._identity is None else self._identity[1]

    def keep(self) -> bool:
        """Make the lock file again where it was removed or replaced; return whether it was. Raises `StoreError`."""
        if identity_of(self._path) == self._identity:
            return False
        self._lock()
        return True

    def _lock(self) -> None:
        try:
            file = _locked(self._path)
        except OSError as error:
            raise StoreError(
                f"can't create {self._path}: {error.strerror}",
                hint=f"make {self.database.parent} writable, or name another file in store = …",
            ) from error
        before, self._file, self._identity = self._file, file, identity_of(self._path)
        if before is not None:
            before.close()

    def close(self, *, forget: bool) -> None:
        """Let go of the lock; ``forget`` removes its file too. Calling it again does nothing."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        _OPEN.discard(self)
        if forget:
            self._path.unlink(missing_ok=True)

    def leave_to_parent(self) -> None:
        """Close a copy that a fork made: the lock is the parent's and must die with it."""
        if self._file is not None:
            os.close(self._file.fileno())
            self._file = None


def _locked(path: Path) -> IO[bytes]:
    """Create the file under its name only once it is locked: a free lock under such a name is always a dead owner's.

    Raises `OSError` and `StoreError`.
    """
    opening = path if sys.platform == "win32" else path.with_name(path.name.replace(_OWNER, _OPENING))
    for _ in range(_TRIES):
        file = opening.open("wb")
        # Either step fails where another process takes the file, not yet locked, for a dead one's.
        if try_lock(file):
            try:
                if opening != path:
                    opening.rename(path)
            except FileNotFoundError:
                file.close()
                continue
            return file
        file.close()
    raise StoreError(f"can't lock {path}", hint="keep the ledger on a local disk, not on a network share")


def sweep(database: Path) -> None:
    """Remove the lock files of owners that died before they signed in. To be called in a transaction.

    In a transaction nobody signs in or is forgotten; whoever is alive holds his lock.
    """
    for mark in (_OWNER, _OPENING):
        for path in beside(database, f"{mark}*"):
            with suppress(OSError), path.open("rb+") as file:
                if try_lock(file):
                    path.unlink(missing_ok=True)


def lock_path(database: Path, owner: str) -> Path:
    """Return the lock file of an incarnation."""
    return database.with_name(f"{database.name}{_OWNER}{owner}")


def is_alive(database: Path, owner: FileOwner) -> bool:
    """Return whether the incarnation ``owner`` still holds its lock, or may do so."""
    try:
        with lock_path(database, owner.id).open("rb+") as file:
            if not try_lock(file):
                return True
            if os.fstat(file.fileno()).st_ino == owner.lock or not owner.process:
                return False
    except FileNotFoundError:
        pass
    except OSError:
        # Not to be opened (permissions, too many files): a live owner must never be taken for dead.
        return True
    # The file is not the owner's, who may be alive all the same.
    if owner.process == this_process():
        return any(one.id == owner.id for one in _OPEN)
    return bool(owner.process) and is_running(owner.process)


def forget(database: Path, owner: str) -> None:
    """Remove the lock file of a dead incarnation."""
    lock_path(database, owner).unlink(missing_ok=True)


def _after_fork() -> None:
    for incarnation in list(_OPEN):
        incarnation.leave_to_parent()
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
