"""Both built-in stores keep the same contract."""

from __future__ import annotations

from pathlib import Path

from shunpike.builtin.memory import open_memory
from shunpike.builtin.sqlite import open_sqlite
from shunpike.clock import Clock
from shunpike.protocols import Store
from shunpike_testkit.store_books import StoreBooksContract


class TestSqlite(StoreBooksContract):
    def open(self, place: Path, clock: Clock) -> Store:
        return open_sqlite(f"sqlite:{place / 'ledger.db'}", clock=clock)


class TestMemory(StoreBooksContract):
    persistent = False
    shared = False

    def open(self, place: Path, clock: Clock) -> Store:
        return open_memory("memory:")
