"""Who may use a store in memory: one process, the one in which it was first used."""

from __future__ import annotations

import os

from shunpike.builtin import one_process
from shunpike.errors import StoreError


class Tenancy:
    """The hold of one process on its store. ``alone``: no other process may have such a store meanwhile."""

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._pid: int | None = None
        """The process in which it was first used."""
        self._seat: one_process.Seat | None = None
        self._closed = False

    def enter(self) -> None:
        """Begin, or go on. Raises `StoreError` where another process has such a store, and as `check` does."""
        self.check()
        if self._pid is None:
            if self._alone:
                self._seat = one_process.enter()
            self._pid = os.getpid()
        elif self._seat is not None:
            self._seat.keep()

    def check(self) -> None:
        """Raise `StoreError` once it is closed, and in a process that was forked off."""
        if self._closed:
            raise StoreError("the ledger is closed")
        if self._pid not in {None, os.getpid()}:
            raise StoreError("the ledger was opened before a fork", hint="open a client of its own in each process")

    def leave(self) -> None:
        """Let other processes have such a store; calling it again does nothing."""
        self._closed = True
        if self._seat is not None:
            self._seat.leave()
