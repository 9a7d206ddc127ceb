"""All stores of decisions keep the same contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from shunpike.builtin.sqlite import open_sqlite
from shunpike.decisions import DatabaseDecisions, DecisionStore, MemoryDecisions
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.decision_store import DecisionContract


class TestMemory(DecisionContract):
    persistent = False
    shared = False

    @asynccontextmanager
    @override
    async def opened(self, place: Path) -> AsyncIterator[DecisionStore]:
        yield MemoryDecisions()


class TestSqlite(DecisionContract):
    @asynccontextmanager
    @override
    async def opened(self, place: Path) -> AsyncIterator[DecisionStore]:
        store = open_sqlite(f"sqlite:{place / 'ledger.db'}")
        try:
            yield DatabaseDecisions(store.database)
        finally:
            await store.aclose()


class TestPostgres(DecisionContract):
    url = ""

    @pytest.fixture(autouse=True)
    def _database(self, postgres_url: str) -> None:
        self.url = postgres_url

    @asynccontextmanager
    @override
    async def opened(self, place: Path) -> AsyncIterator[DecisionStore]:
        store = PostgresStore(self.url)
        try:
            yield DatabaseDecisions(store.database)
        finally:
            await store.aclose()
