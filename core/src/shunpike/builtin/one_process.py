"""Only one process at a time may keep its ledger in memory: a second one would not see what the first one spends.

The place is the user's own: the folder for running programs where there is one (``XDG_RUNTIME_DIR``), else a folder of
this user in the one for temporary files, which is used only if nobody else can write to it.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import IO

from shunpike.builtin.file_lock import try_lock
from shunpike.errors import StoreError

_INSTEAD = 'let them share a file: store = "sqlite:/path/ledger.db"'


class _Held:
    """The lock of this process, and how many stores need it."""

    def __init__(self) -> None:
        self.file: IO[bytes] | None = None
        self.path: Path | None = None
        self.stores = 0


_HELD = _Held()


def enter() -> None:
    """Let one more store of this process begin. Raises `StoreError` while another process has one."""
    path = _folder() / "memory-ledger.lock"
    if _HELD.file is None or path != _HELD.path:
        _let_go()
        _HELD.file, _HELD.path = _locked(path), path
    _HELD.stores += 1


def leave() -> None:
    """Let one of them end; the last one lets others begin."""
    _HELD.stores -= 1
    if _HELD.stores <= 0:
        _let_go()


def _let_go() -> None:
    if _HELD.file is not None:
        _HELD.file.close()
    _HELD.file, _HELD.path, _HELD.stores = None, None, 0


def _locked(path: Path) -> IO[bytes]:
    try:
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
    # The lock is the parent's, and must end with it: the copy of its file is closed, not let go.
    _let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
