"""The transaction that a store's work is given on a connection to a file: it never waits for an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TypeVar, cast

from typing_extensions import override

from shunpike.storage.database import Row, Transaction, Value
from shunpike.storage.sqlite.connection import SqliteConnection

T = TypeVar("T")


class SqliteTransaction(Transaction):
    """Works on one connection, inside a transaction that somebody else begins and commits."""

    def __init__(
        self, connection: SqliteConnection, owner: str, now: float, announced: dict[str, int] | None = None
    ) -> None:
        self._db = connection
        self.owner = owner
        self.now = now
        self.announced = {} if announced is None else announced
        """Topic → its revision, if this is committed."""

    @override
    async def rows(self, sql: str, *values: Value) -> list[Row]:
        return self._db.rows(sql, *values)

    @override
    async def execute(self, sql: str, *values: Value) -> int:
        return self._db.changes(sql, *values)

    @override
    async def many(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        self._db.many(sql, rows)

    @override
    async def announce(self, topic: str) -> None:
        [(revision,)] = self._db.rows(
            "INSERT INTO revisions (topic, revision) VALUES (?, 1)"
            " ON CONFLICT DO UPDATE SET revision = revision + 1 RETURNING revision",
            topic,
        )
        self.announced[topic] = int(revision)


def run(work: Awaitable[T]) -> T:
    """Run work to its end at once. Raises what it raises, and `TypeError` where it waits for something else."""
    try:
        next(iter(work.__await__()))
    except StopIteration as end:
        return cast("T", end.value)
    raise TypeError(f"{work!r} waits for something else than its transaction")
