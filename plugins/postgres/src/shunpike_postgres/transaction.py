"""The transaction that a store's work is given, on a connection of the worker's loop."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from typing_extensions import override

from shunpike.errors import StoreError
from shunpike.storage import Row, Transaction, Value, Work
from shunpike_postgres.address import Address
from shunpike_postgres.connection import Connection, Cursor, said
from shunpike_postgres.words import query

T = TypeVar("T")

CHANNEL = "shunpike"
_ANNOUNCE = """
INSERT INTO revisions (topic, revision) VALUES (%s, 1)
ON CONFLICT (topic) DO UPDATE SET revision = revisions.revision + 1 RETURNING revision"""


class PostgresTransaction(Transaction):
    """Works on one connection, inside a transaction that somebody else begins and commits."""

    def __init__(self, connection: Connection, address: Address, owner: str, now: float) -> None:
        self._connection = connection
        self._address = address
        self._failed: tuple[StoreError, Exception] | None = None
        self.owner = owner
        self.now = now
        self.admitted: list[str] = []
        """Attempts that this process holds, if this is committed."""
        self.announced: dict[str, int] = {}
        """Topic → its revision, if this is committed."""

    async def run(self, work: Work[T]) -> T:
        """Do ``work``. Raises what it raises, and what the library raised where a statement failed, caught or not.

        That is left to whoever runs it: it tells whether the line was lost.
        """
        try:
            result = await work(self)
        except StoreError as error:
            if self._failed is None or error is not self._failed[0]:
                raise
            raise self._failed[1] from None
        if self._failed is not None:
            # The server keeps nothing of it, and would say so to a commit only by the way.
            raise self._failed[1]
        return result

    @override
    async def rows(self, sql: str, *values: Value) -> list[Row]:
        with self._telling():
            return await (await self._run(sql, values)).fetchall()

    @override
    async def execute(self, sql: str, *values: Value) -> int:
        with self._telling():
            return (await self._run(sql, values)).rowcount

    @override
    async def many(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        with self._telling():
            async with self._connection.cursor() as cursor:
                await cursor.executemany(query(sql), rows)

    @override
    async def announce(self, topic: str) -> None:
        with self._telling():
            row = await (await self._connection.execute(_ANNOUNCE, [topic])).fetchone()
            self.announced[topic] = 0 if row is None else int(row[0])
            told = json.dumps([topic, self.announced[topic]])
            await self._connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, told])

    async def _run(self, sql: str, values: Sequence[Value]) -> Cursor:
        return await self._connection.execute(query(sql), values)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, OSError) as error:
            told = said(self._address, error)
            self._failed = self._failed or (told, error)
            raise told from error
