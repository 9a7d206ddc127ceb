"""Locks on files that the operating system lets go when their process dies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

Identity = tuple[int, int]
"""Device and number of a file: the same under all of its names."""


def identity_of(path: Path) -> Identity | None:
    """Return which file stands at ``path``, None = none that can be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


if sys.platform == "win32":
    import msvcrt

    _BEYOND = 1 << 30
    """What is locked there nobody else can even read, so it is a byte where the file has none."""

    def try_lock(file: IO[bytes]) -> bool:
        """Return whether the lock was free, and is now held as long as ``file`` is open."""
        file.seek(_BEYOND)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True
else:
    import fcntl

    def try_lock(file: IO[bytes]) -> bool:
        """Return whether the lock was free, and is now held as long as ``file`` is open."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
