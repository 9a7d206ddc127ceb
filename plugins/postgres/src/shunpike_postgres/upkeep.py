"""What is done now and then, on the writing connection: recovery, and keeping the tables small."""

from __future__ import annotations

from shunpike.ledger.folding import Words, keep_small
from shunpike.ledger.rows import HeldRow, orphaned, read_holds
from shunpike.types import Settlement
from shunpike_postgres import statements as sql
from shunpike_postgres.connection import Connection
from shunpike_postgres.owners import dead_owners
from shunpike_postgres.transaction import PostgresTransaction

WORDS = Words(day_of="CAST(floor(started_at / 86400) AS INTEGER)", texts="(SELECT jsonb_array_elements_text(?::jsonb))")
UPKEEP_EVERY = 3_600.0
"""Seconds between two folds."""
_LOCK = 0x53_48_50_4C
"""The advisory lock of whoever folds: one process at a time."""


async def orphans(connection: Connection, me: str, now: float) -> tuple[list[int], list[tuple[str, Settlement]]]:
    """Return the numbers of the dead, and how to settle what they held: nobody will ever tell how it ended."""
    dead = await dead_owners(connection, me, now)
    found = []
    for owner in dead:
        cursor = await connection.execute(sql.HELD_BY, [owner])
        for name, worst, prompt, output, holds in await cursor.fetchall():
            held = HeldRow(name, worst, prompt, output, read_holds(holds))
            found.append((name, orphaned(held, now)))
    return dead, found


async def bury(connection: Connection, dead: list[int]) -> None:
    """Take dead owners that hold nothing any more off the list."""
    await connection.execute(
        "DELETE FROM owners WHERE number = ANY(%s) AND NOT EXISTS (SELECT 1 FROM attempts WHERE owner = owners.id)",
        [dead],
    )


async def fold(connection: Connection, transaction: PostgresTransaction, keep_days: float) -> bool:
    """Keep the ledger's tables small, by one process at a time; return whether there is more to do."""
    async with connection.transaction():
        mine = await (await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])).fetchone()
        if mine != (True,):
            return False
        await connection.execute("SELECT 1 FROM buckets ORDER BY id FOR NO KEY UPDATE")
        return await transaction.run(lambda tx: keep_small(tx, WORDS, tx.now, keep_days))
