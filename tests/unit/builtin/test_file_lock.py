"""Locks of files where they are mandatory: who may not have the lock may not read what is locked either."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from types import ModuleType

import pytest

import shunpike.storage.file_lock


class Windows(ModuleType):
    """The locks of that system: a range of bytes from where the file stands, which belongs to one opened file."""

    LK_NBLCK = 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.taken: set[int] = set()

    def locking(self, number: int, mode: int, count: int) -> None:
        """Lock ``count`` bytes, or raise `OSError`."""
        assert (mode, count) == (self.LK_NBLCK, 1)
        place = os.lseek(number, 0, os.SEEK_CUR)
        if place in self.taken:
            raise PermissionError(13, "Permission denied")
        self.taken.add(place)


def test_what_is_written_in_a_locked_file_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = Windows()
    monkeypatch.setitem(sys.modules, "msvcrt", windows)
    monkeypatch.setattr(sys, "platform", "win32")
    try_lock = runpy.run_path(str(shunpike.storage.file_lock.__file__))["try_lock"]
    path = tmp_path / "lock"
    path.touch()
    with path.open("rb+", buffering=0) as mine, path.open("rb+", buffering=0) as theirs:
        assert try_lock(mine)
        mine.write(b"4711\n")
        assert not try_lock(theirs)
        assert windows.taken.isdisjoint(range(20)), "reading the owner would fail"
        assert theirs.read(20) == b"4711\n"
