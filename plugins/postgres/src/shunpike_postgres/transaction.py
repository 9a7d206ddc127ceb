"""The transaction that a store's work is given, on a connection of the worker's loop."""

from __future__ import annotations

import json
from collections.abc import Sequence

from typing_extensions import override

from shunpike.storage import Row, Transaction, Value
from shunpike_postgres.connection import Connection, Cursor
from shunpike_postgres.words import query

CHANNEL = "shunpike"
_ANNOUNCE = """
INSERT INTO revisions (topic, revision) VALUES (%s, 1)
ON CONFLICT (topic) DO UPDATE SET revision = revisions.revision + 1 RETURNING revision"""


class PostgresTransaction(Transaction):
    """Works on one connection, inside a transaction that somebody else begins and commits.

    What the library raises is left to whoever runs it: it tells whether the line was lost.
    """

    def __init__(self, connection: Connection, owner: str, now: float) -> None:
        self._connection = connection
        self.owner = owner
        self.now = now
        self.admitted: list[str] = []
        """Attempts that this process holds, if this is committed."""
        self.announced: dict[str, int] = {}
        """Topic → its revision, if this is committed."""

    @override
    async def rows(self, sql: str, *values: Value) -> list[Row]:
        return await (await self._run(sql, values)).fetchall()

    @override
    async def execute(self, sql: str, *values: Value) -> int:
        return (await self._run(sql, values)).rowcount

    @override
    async def many(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(query(sql), rows)

    @override
    async def announce(self, topic: str) -> None:
        row = await (await self._connection.execute(_ANNOUNCE, [topic])).fetchone()
        self.announced[topic] = 0 if row is None else int(row[0])
        await self._connection.execute(
            "SELECT pg_notify(%s, %s)", [CHANNEL, json.dumps([topic, self.announced[topic]])]
        )

    async def _run(self, sql: str, values: Sequence[Value]) -> Cursor:
        return await self._connection.execute(query(sql), values)
