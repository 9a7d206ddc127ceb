"""Only one process at a time may keep its ledger in memory: a second one would not see what the first one spends.

The place is the user's own: the folder for running programs where there is one (``XDG_RUNTIME_DIR``), else a folder of
this user in the one for temporary files, which is used only if nobody else can write to it.
"""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from pathlib import Path
from typing import IO

from shunpike.errors import StoreError
from shunpike.storage.file_lock import identity_of, try_lock

_INSTEAD = 'let them share a file: store = "sqlite:/path/ledger.db"'


class _Place:
    """A lock that this process has, and how many of its stores need it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.file = _locked(path)
        self._identity = identity_of(path)
        self.stores = 0

    def keep(self) -> None:
        """Take the lock again where its file was removed or replaced, which would let another process begin."""
        if identity_of(self._path) != self._identity:
            self.file, before = _locked(self._path), self.file
            self._identity = identity_of(self._path)
            before.close()


_PLACES: dict[Path, _Place] = {}
_GUARD = threading.RLock()
"""Held while a thread takes a place or lets it go; and while the process forks, which must not cut that in two."""


class Seat:
    """What one store has of a place, until it leaves."""

    def __init__(self, path: Path, place: _Place) -> None:
        self._path = path
        self._place: _Place | None = place

    def keep(self) -> None:
        """Hold the place on, whatever became of its lock file. Raises `StoreError` where another process has it."""
        with _GUARD:
            if self._place is not None:
                self._place.keep()

    def leave(self) -> None:
        """Let go; the last of this process's stores lets others begin. Calling it again does nothing."""
        with _GUARD:
            place, self._place = self._place, None
            if place is None or _PLACES.get(self._path) is not place:
                return
            place.stores -= 1
            if not place.stores:
                del _PLACES[self._path]
                place.file.close()


def enter() -> Seat:
    """Let one more store of this process begin. Raises `StoreError` while another process has one."""
    with _GUARD:
        path = _folder() / "memory-ledger.lock"
        place = _PLACES.get(path)
        if place is None:
            place = _PLACES[path] = _Place(path)
        place.stores += 1
        return Seat(path, place)


def _locked(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        file = os.fdopen(
            os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600), "rb+", buffering=0
        )
    except OSError as error:
        raise StoreError(f"can't open {path}: {error.strerror}", hint=_INSTEAD) from error
    if not try_lock(file):
        owner = file.read(20).decode("ascii", "replace").strip() or "unknown"
        file.close()
        raise StoreError(
            f"another process ({owner}) keeps its ledger in memory: neither would see what the other spends",
            hint=_INSTEAD,
        )
    file.truncate(0)
    file.write(f"{os.getpid()}\n".encode())
    return file


def _folder() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    parent = Path(runtime) if runtime and os.access(runtime, os.W_OK) else Path(tempfile.gettempdir())
    who = os.getuid() if hasattr(os, "getuid") else "user"
    folder = parent / f"shunpike-{who}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise StoreError(f"can't make {folder}: {error.strerror}", hint=_INSTEAD) from error
    mine = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o077)
    if not stat.S_ISDIR(found.st_mode) or not mine:
        raise StoreError(f"{folder} is not a folder of yours alone", hint=f"remove it, or {_INSTEAD}")
    return folder


def _after_fork() -> None:
    # The locks are the parent's, and must end with it: the copies of their files are closed, not let go.
    for place in _PLACES.values():
        place.file.close()
    _PLACES.clear()
    _GUARD.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_GUARD.acquire, after_in_parent=_GUARD.release, after_in_child=_after_fork)
