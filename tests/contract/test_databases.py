"""All databases keep the same contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from typing_extensions import override

from shunpike.builtin.sqlite import open_sqlite
from shunpike.errors import StoreError
from shunpike.storage import Database, Transaction
from shunpike_postgres.store import PostgresStore

from .database import NOTES, DatabaseContract, add, notes


class TestSqlite(DatabaseContract):
    @asynccontextmanager
    @override
    async def opened(self, place: Path) -> AsyncIterator[Database]:
        store = open_sqlite(f"sqlite:{place / 'ledger.db'}")
        try:
            yield store.database
        finally:
            await store.aclose()


class TestPostgres(DatabaseContract):
    url = ""

    @pytest.fixture(autouse=True)
    def _database(self, postgres_url: str) -> None:
        self.url = postgres_url

    @asynccontextmanager
    @override
    async def opened(self, place: Path) -> AsyncIterator[Database]:
        store = PostgresStore(self.url)
        try:
            yield store.database
        finally:
            await store.aclose()

    async def test_work_that_goes_on_after_a_statement_failed_is_told(self, tmp_path: Path) -> None:
        """Its transaction is over, and a commit would keep nothing without a word."""

        async def go_on(tx: Transaction) -> str:
            with suppress(StoreError):
                await add(tx)
            return "kept"

        async with self.opened(tmp_path) as database:
            database.enroll(NOTES)
            await database.transaction(add)
            with pytest.raises(StoreError):
                await database.transaction(go_on)
            assert await database.read(notes) == [("one",)]
