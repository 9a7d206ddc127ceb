"""All stores keep the same contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.sqlite import open_sqlite
from shunpike.clock import Clock
from shunpike.protocols import Store
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.store_books import StoreBooksContract


class TestSqlite(StoreBooksContract):
    def open(self, place: Path, clock: Clock) -> Store:
        return open_sqlite(f"sqlite:{place / 'ledger.db'}", clock=clock)


class TestMemory(StoreBooksContract):
    persistent = False
    shared = False

    def open(self, place: Path, clock: Clock) -> Store:
        return MemoryStore(clock=clock)


class TestPostgres(StoreBooksContract):
    url = ""
    follows_the_wall = True

    @pytest.fixture(autouse=True)
    def _database(self, postgres_url: str) -> None:
        self.url = postgres_url

    def open(self, place: Path, clock: Clock) -> Store:
        return PostgresStore(self.url, clock=clock, trust_clock=True)
