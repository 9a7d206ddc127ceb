"""The file under the ledger: one file is one ledger, whatever its name, and it is noticed when it goes.

SQLite finds the write-ahead log by the *name* of the database. So a second name (a hard link, a file that is mounted by
itself) would be a second log, of which the first knows nothing; and a file that is deleted, moved or replaced leaves
two processes with two sets of books under one name. All of this is rejected, before anything is written.
"""

from __future__ import annotations

import glob
import os
from contextlib import suppress
from pathlib import Path

from shunpike.errors import StoreError
from shunpike.storage.file_lock import Identity, identity_of

NEW = "-new-"
"""Marks a new ledger until it is complete."""

_LOG, _INDEX = "-wal", "-shm"
_LEFT = (_LOG, _INDEX, "-journal", "-owner-*")
"""What stands beside a ledger that is in use, or whose last process was killed."""
_MOUNTS = Path("/proc/self/mountinfo")


def real_path(path: Path) -> Path:
    """Return where ``path`` leads, through all symbolic links: what lies beside the ledger lies there."""
    return Path(os.path.realpath(path))


def beside(path: Path, pattern: str) -> list[Path]:
    """Return the files whose name is that of ``path`` and then ``pattern``."""
    return sorted(path.parent.glob(glob.escape(path.name) + pattern))


class StoreAddressError(StoreError):
    """The address of a ledger file leads to no place for one: a folder that is missing, or a folder itself."""

    exit_code = 3


def is_empty(path: Path) -> bool:
    """Return whether the file at ``path`` holds nothing; one that can't be seen is not known to."""
    try:
        return path.stat().st_size == 0
    except OSError:
        return False


def is_new(path: Path) -> bool:
    """Return whether a ledger is to be begun at ``path``, a real one.

    Raises `StoreError` where there was one: the file is empty, or what belonged to it is still there. And where there
    is one that has a second name.
    """
    if not path.parent.is_dir():
        raise _without_folder(path)
    if path.is_dir():
        raise StoreAddressError(f"{path} is a folder", hint=f"name a file in it: sqlite:{path}/ledger.db")
    left = [one for pattern in _LEFT for one in beside(path, pattern)]
    try:
        found = path.stat()
    except FileNotFoundError:
        if left:
            raise StoreError(
                f"the ledger {path} is missing, and {left[0].name} shows that there was one",
                hint=f"put it back, or begin a new one, its quotas unknown to it: rm {path}-*",
            ) from None
        return True
    except OSError as error:
        raise StoreError(f"the ledger {path} can't be opened: {error.strerror}", hint="see where it leads") from error
    if not found.st_size:
        others = f" {path}-*" if left else ""
        raise StoreError(
            f"the ledger {path} is empty: whatever stood in it is lost",
            hint=f"put a copy of it back, or begin a new one, its quotas unknown to it: rm {path}{others}",
        )
    _check_names(path)
    return False


def _without_folder(path: Path) -> StoreAddressError:
    folder = path.parent
    blocking = next((one for one in (folder, *folder.parents) if one.is_file()), None)
    if blocking is not None:
        return StoreAddressError(
            f"the ledger {path} can't be made: {blocking} is no folder", hint="name a file in a folder in store = …"
        )
    return StoreAddressError(f"{folder} does not exist", hint=f"create it: mkdir -p {folder}")


def _check_names(path: Path) -> None:
    if path.stat().st_nlink > 1:
        # A new ledger gets its name by a link; whoever was killed right then left the first name behind.
        for other in beside(path, f"{NEW}*"):
            if identity_of(other) == identity_of(path):
                other.unlink(missing_ok=True)
    names = path.stat().st_nlink
    if names > 1:
        raise StoreError(
            f"the ledger {path} has {names} names (hard links), and processes that use several don't see each other",
            hint=f"keep one, and remove the others: find {path.parent} -samefile {path}",
        )
    with suppress(OSError):
        if is_mounted(path, _MOUNTS.read_text(errors="replace")):
            raise StoreError(
                f"the ledger {path} is mounted by itself, without the log that lies beside it",
                hint="mount its folder instead",
            )


def is_mounted(path: Path, mounts: str) -> bool:
    """Return whether ``path`` itself is a place in the list of mounts."""
    escaped = str(path).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")
    return any(line.split(" ")[4:5] == [escaped] for line in mounts.splitlines())


class OpenFile:
    """A ledger's file and its log, as they were when a connection began to use them.

    Args:
        named: As it was asked for. What a symbolic link leads to must not change either.
        path: Its real path.

    """

    def __init__(self, named: Path, path: Path) -> None:
        self._named = named
        self._path = path
        self._file = identity_of(path)
        # A new ledger is empty until it is complete.
        self._had_content = not is_empty(path)
        self._log: dict[Path, Identity | None] = {}
        self.check()

    def check(self) -> None:
        """Raise `StoreError` where another file stands in its place, or none."""
        named = identity_of(self._named)
        if named is None or named != self._file:
            what = "was deleted or moved" if named is None else "was replaced"
            raise self._gone(f"{what} while it was open")
        if self._had_content and is_empty(self._path):
            raise self._gone("was emptied while it was open")
        for place, known in self._log.items():
            if identity_of(place) != known:
                raise self._gone(f"lost {place.name}, which was deleted or replaced while it was open")

    def check_log(self) -> None:
        """Do the same, and from now on look after the log as well: it is there once a transaction has begun."""
        self.check()
        if not self._log:
            places = [self._path.with_name(self._path.name + end) for end in (_LOG, _INDEX)]
            self._log = {place: found for place in places if (found := identity_of(place))}

    def _gone(self, what: str) -> StoreError:
        return StoreError(
            f"the ledger {self._named} {what}",
            hint="put it back, or restart what uses it; nothing is sent until then",
        )
