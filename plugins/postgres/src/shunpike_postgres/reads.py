"""What is only read: totals, what is left, what was learned, what is not certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import LiteralString

from shunpike.errors import StoreError
from shunpike.ledger.records import UNCONFIRMED, factor_of, observation_of, unconfirmed_of, usage_of
from shunpike.ledger.slots import Counted, remaining_of
from shunpike.ledger.totals import DAY
from shunpike.types import Factor, Hold, Observation, Remaining, Unconfirmed, UsageRow
from shunpike_postgres import statements as sql
from shunpike_postgres.address import Address
from shunpike_postgres.connection import Connection
from shunpike_postgres.shift import Shift

SUMS: LiteralString = """
    sum(sent) AS requests, count(*) FILTER (WHERE outcome = 'ok') AS answered,
    count(*) FILTER (WHERE state = 'released' AND sent = 1) AS released,
    count(*) FILTER (WHERE state = 'unconfirmed') AS unconfirmed, count(*) FILTER (WHERE state = 'held') AS held,
    sum(overages) AS overages, sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
    sum(CASE WHEN funds = 'credit' THEN 0 ELSE cost_pico END) AS cost_pico,
    sum(CASE WHEN funds = 'credit' THEN cost_pico ELSE 0 END) AS credit_pico,
    coalesce(sum(list_pico), 0) AS list_pico"""
DAY_OF: LiteralString = "floor(started_at / 86400)::integer"

_USAGE: LiteralString = f"""
SELECT provider, model, CASE WHEN %s THEN day END, CASE WHEN %s THEN tag END, sum(requests), sum(answered),
       sum(released), sum(unconfirmed), sum(held), sum(overages), sum(prompt_tokens), sum(completion_tokens),
       sum(cost_pico), sum(credit_pico), sum(list_pico)
FROM (
    SELECT provider, model, {DAY_OF} AS day, coalesce(tag, '') AS tag, {SUMS} FROM attempts
    WHERE started_at >= %s AND started_at < %s GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT provider, model, day, tag, requests, answered, released, unconfirmed, 0, overages, prompt_tokens,
           completion_tokens, cost_pico, credit_pico, list_pico
    FROM totals WHERE day * 86400.0 >= %s AND day * 86400.0 < %s
) AS parts GROUP BY 1, 2, 3, 4 HAVING sum(requests) > 0 ORDER BY 3, 1, 2, 4"""  # noqa: S608 - constants only

_LEFT = """
SELECT coalesce((SELECT sum(amount) FROM slots WHERE bucket = buckets.id AND expires_at > %s), 0)::bigint,
       (SELECT max(expires_at) FROM slots WHERE bucket = buckets.id AND expires_at > %s), in_flight,
       admitted_at
FROM buckets WHERE name = %s"""

_WRONG = """
WITH runs AS (
    SELECT (hold ->> 0)::integer AS bucket, sum((hold ->> 1)::bigint) AS amount
    FROM attempts, json_array_elements(holds::json) AS hold WHERE owner IS NOT NULL GROUP BY 1
), ended AS (SELECT bucket, sum(amount) AS amount FROM slots GROUP BY 1)
SELECT name, used, coalesce(runs.amount, 0) + coalesce(ended.amount, 0)
FROM buckets LEFT JOIN runs ON runs.bucket = id LEFT JOIN ended ON ended.bucket = id
WHERE used <> coalesce(runs.amount, 0) + coalesce(ended.amount, 0) OR in_flight <> coalesce(runs.amount, 0)"""
"""Buckets whose figures are not the sum of their rows: of what runs, and of what has ended."""

_UNCONFIRMED: LiteralString = f"""
SELECT {UNCONFIRMED} FROM attempts
WHERE state = 'unconfirmed' ORDER BY started_at, id"""  # noqa: S608 - a constant


async def read_usage(
    connection: Connection, span: tuple[float, float], shift: Shift, *, day: bool = False, tag: bool = False
) -> Sequence[UsageRow]:
    """Return totals by provider and model, and by day and tag where asked; folded days count as a whole."""
    # A folded day has no moments any more: it is the same day by every clock.
    cursor = await connection.execute(_USAGE, [day, tag, *map(shift.theirs, span), *span])
    return [usage_of(row) for row in await cursor.fetchall()]


async def read_remaining(connection: Connection, holds: Sequence[Hold], now: float, guard: float) -> list[Remaining]:
    """Return what is left of each hold's limit, as it stands at ``now``."""
    async with connection.pipeline():
        cursors = [await connection.execute(_LEFT, [now, now, hold.bucket]) for hold in holds]
    found = []
    for hold, cursor in zip(holds, cursors, strict=True):
        ended, last, in_flight, admitted_at = await cursor.fetchone() or (0, None, 0, None)
        found.append(remaining_of(hold, now, Counted(ended + in_flight, in_flight, last, admitted_at), guard))
    return found


async def read_observations(connection: Connection) -> Mapping[str, Observation]:
    """Return bucket → what its provider was last seen to say."""
    return {row[0]: observation_of(row) for row in await (await connection.execute(sql.OBSERVATIONS)).fetchall()}


async def read_factors(connection: Connection) -> Mapping[str, Factor]:
    """Return name → what its samples taught."""
    return dict(factor_of(row) for row in await (await connection.execute(sql.FACTORS)).fetchall())


async def read_unconfirmed(connection: Connection) -> Sequence[Unconfirmed]:
    """Return the attempts whose end is not known, oldest first."""
    return [unconfirmed_of(row) for row in await (await connection.execute(_UNCONFIRMED)).fetchall()]


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


assert DAY == 86_400.0  # noqa: S101 - the statements above say it in figures
