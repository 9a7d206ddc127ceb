"""Whether the ledger's figures are the sums of its rows."""

from __future__ import annotations

from shunpike.errors import StoreError
from shunpike_postgres.address import Address
from shunpike_postgres.connection import Connection

_WRONG = """
WITH runs AS (
    SELECT (hold ->> 0)::integer AS bucket, sum((hold ->> 1)::bigint) AS amount
    FROM attempts, json_array_elements(holds::json) AS hold WHERE owner IS NOT NULL GROUP BY 1
), ended AS (SELECT bucket, sum(amount) AS amount FROM slots GROUP BY 1)
SELECT name, used, coalesce(runs.amount, 0) + coalesce(ended.amount, 0)
FROM buckets LEFT JOIN runs ON runs.bucket = id LEFT JOIN ended ON ended.bucket = id
WHERE used <> coalesce(runs.amount, 0) + coalesce(ended.amount, 0) OR in_flight <> coalesce(runs.amount, 0)"""
"""Buckets whose figures are not the sum of their rows: of what runs, and of what has ended."""


async def audit(connection: Connection, address: Address) -> str:
    """Return a few words on size. Raises `StoreError` when the books don't add up."""
    async with connection.transaction():
        # One moment for all that is compared: others go on writing.
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        wrong = await (await connection.execute(_WRONG)).fetchone()
        if wrong is not None:
            name, used, rows = wrong
            raise StoreError(
                f"{address}: the books of {name} say {used}, its rows {rows}", hint="report this as a defect"
            )
        counts = await connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE state = 'held'), count(*) FILTER (WHERE state = 'unconfirmed'),"
            " pg_total_relation_size('attempts') + pg_total_relation_size('slots') FROM attempts"
        )
        attempts, held, unconfirmed, size = await counts.fetchone() or (0, 0, 0, 0)
    return f"{attempts:,} attempts, {held} held, {unconfirmed} unconfirmed, {size / 1e6:.1f} MB"
