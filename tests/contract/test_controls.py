"""All control stores keep the same contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from shunpike.builtin.sqlite import open_sqlite
from shunpike.control import ControlStore, DatabaseControl, MemoryControl
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.control_store import ControlContract


class TestMemory(ControlContract):
    persistent = False
    shared = False

    @asynccontextmanager
    @override
    async def opened(self, place: Path) -> AsyncIterator[ControlStore]:
        yield MemoryControl()


class TestSqlite(ControlContract):
    @asynccontextmanager
    @override
    async def opened(self, place: Path) -> AsyncIterator[ControlStore]:
        store = open_sqlite(f"sqlite:{place / 'ledger.db'}")
        try:
            yield DatabaseControl(store.database)
        finally:
            await store.aclose()


class TestPostgres(ControlContract):
    url = ""

    @pytest.fixture(autouse=True)
    def _database(self, postgres_url: str) -> None:
        self.url = postgres_url

    @asynccontextmanager
    @override
    async def opened(self, place: Path) -> AsyncIterator[ControlStore]:
        store = PostgresStore(self.url)
        try:
            yield DatabaseControl(store.database)
        finally:
            await store.aclose()
