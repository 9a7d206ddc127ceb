"""The contract that both databases are held against on which stores stand."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from shunpike.errors import StoreError, UsageError
from shunpike.storage import Database, Migrations, Row, Transaction

NOTES = Migrations("notes", (("CREATE TABLE notes (name TEXT PRIMARY KEY) STRICT",),))


async def add(tx: Transaction) -> int:
    """Write a row whose key may be there only once."""
    return await tx.execute("INSERT INTO notes (name) VALUES (?)", "one")


async def notes(tx: Transaction) -> list[Row]:
    """Return what is kept."""
    return await tx.rows("SELECT name FROM notes")


class DatabaseContract:
    """Inherit, say how to open a database, and it is tested what its callers are told."""

    pytestmark = pytest.mark.anyio

    def opened(self, place: Path) -> AbstractAsyncContextManager[Database]:
        """Return a database that is kept in ``place``, an empty folder; it is closed at the end."""
        raise NotImplementedError

    @pytest.mark.parametrize("kind", [UsageError, ValueError])
    async def test_what_its_work_raises_is_raised(self, tmp_path: Path, kind: type[Exception]) -> None:
        """By a read and by a transaction, of which nothing is kept; an error of ours or not."""

        async def fail(tx: Transaction) -> None:
            await tx.rows("SELECT name FROM notes")
            raise kind("not so")

        async with self.opened(tmp_path) as database:
            database.enroll(NOTES)
            with pytest.raises(kind, match="not so"):
                await database.read(fail)
            with pytest.raises(kind, match="not so"):
                await database.transaction(add, fail)
            assert await database.read(notes) == []

    async def test_a_statement_that_fails_raises_a_store_error(self, tmp_path: Path) -> None:
        """Inside the work and outside: here a key that is there already, a table that is not."""
        told: list[StoreError] = []

        async def add_again(tx: Transaction) -> None:
            try:
                await add(tx)
            except StoreError as error:
                told.append(error)
                raise

        async def ask(tx: Transaction) -> None:
            await tx.rows("SELECT 1 FROM nowhere")

        async with self.opened(tmp_path) as database:
            database.enroll(NOTES)
            assert await database.transaction(add) == (1,)
            with pytest.raises(StoreError):
                await database.transaction(add_again)
            assert [bool(error.__cause__) for error in told] == [True]
            with pytest.raises(StoreError):
                await database.read(ask)
            assert await database.read(notes) == [("one",)]
