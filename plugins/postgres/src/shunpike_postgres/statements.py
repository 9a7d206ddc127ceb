"""The statements of a batch. Rows travel as one array for each column: one message, whatever the batch's size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

from shunpike.ledger.books import Changes
from shunpike.ledger.rows import BucketRow, EndedRow, SlotRow
from shunpike.types import Reservation
from shunpike_postgres.connection import Connection

MAKE_BUCKETS = """
INSERT INTO buckets (name, unit, "window")
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) AS made (name, unit, "window") ORDER BY name
ON CONFLICT (name) DO NOTHING"""
FIND_BUCKETS = 'SELECT id, name, unit, "window" FROM buckets WHERE name = ANY(%s) OR id = ANY(%s)'

# In one order, so that two batches never wait for each other; what is read after it is what the last one committed.
LOCK_BUCKETS = """
SELECT id, used, in_flight, ceiling, counts FROM buckets WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"""
LOCK_ATTEMPTS = """
SELECT id, worst_pico, held_prompt, held_output, holds FROM attempts
WHERE id = ANY(%s) AND state = 'held' ORDER BY id FOR NO KEY UPDATE"""
EXPIRE = """
WITH gone AS (DELETE FROM slots WHERE bucket = ANY(%(keys)s) AND expires_at <= %(now)s RETURNING bucket, amount)
SELECT bucket, freed, first, last
FROM (SELECT bucket, sum(amount)::bigint AS freed FROM gone GROUP BY bucket) AS freed
FULL JOIN (
    SELECT bucket, min(expires_at) AS first, max(expires_at) AS last
    FROM slots WHERE bucket = ANY(%(keys)s) AND expires_at > %(now)s GROUP BY bucket
) AS ends USING (bucket)"""
"""Removes what has expired; returns how much that was of each bucket, and between when the others expire."""
CLOSED = "SELECT bucket, until, reason FROM closures WHERE bucket = ANY(%s)"
PROOFS = "SELECT bucket, amount, remaining, resets_at, at, confidence, origin, overages FROM evidence"
FACTORS = "SELECT name, mean, deviation, samples, at FROM factors"
PULL_IN = "DELETE FROM slots WHERE bucket = %s AND expires_at > %s RETURNING attempt, amount"
HELD_BY = "SELECT id, worst_pico, held_prompt, held_output, holds FROM attempts WHERE owner = %s"
HELD = "SELECT id, worst_pico, held_prompt, held_output, holds FROM attempts WHERE id = ANY(%s) AND state = 'held'"

FREED = """
SELECT expires_at FROM (
    SELECT expires_at, sum(amount) OVER (ORDER BY expires_at, attempt) AS freed FROM slots WHERE bucket = %s
) AS ended WHERE freed >= %s ORDER BY expires_at LIMIT 1"""
"""When so much of a bucket will have expired."""

_ATTEMPTS = """
INSERT INTO attempts (id, request_id, provider, account, model, owner, state, funds, started_at, held_prompt,
                      held_output, worst_pico, cost_pico, tag, holds)
SELECT id, request_id, provider, account, model, owner, 'held', funds, at, prompt, output, worst, worst, tag, holds
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::integer[], %s::text[],
            %s::double precision[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[])
AS made (id, request_id, provider, account, model, owner, funds, at, prompt, output, worst, tag, holds)"""

_TYPES = {
    "ended_at": "double precision",
    **dict.fromkeys(("state", "outcome", "served_model", "basis"), "text"),
    **dict.fromkeys(("sent", "overages"), "integer"),
}
_ENDED = f"""
UPDATE attempts SET owner = NULL, holds = NULL, {", ".join(f"{name} = made.{name}" for name in EndedRow._fields)}
FROM unnest(%s::text[], {", ".join(f"%s::{_TYPES.get(name, 'bigint')}[]" for name in EndedRow._fields)})
AS made (id, {", ".join(EndedRow._fields)}) WHERE attempts.id = made.id AND attempts.state = 'held'
"""  # noqa: S608 - made of the names of a record's fields

_BUCKETS = """
WITH changed AS (
    UPDATE buckets SET used = made.used, in_flight = made.in_flight, ceiling = made.ceiling, counts = made.counts
    FROM unnest(%s::integer[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[])
    AS made (id, used, in_flight, ceiling, counts, was_used, was_in_flight)
    WHERE buckets.id = made.id AND buckets.used = made.was_used AND buckets.in_flight = made.was_in_flight RETURNING 1
) SELECT 1 / (CASE WHEN count(*) = %s THEN 1 ELSE 0 END) FROM changed"""
"""Fails where a row is not what it was: it is locked, so that this would be a defect of ours. Nothing is committed."""

_SLOTS = """
INSERT INTO slots (bucket, expires_at, attempt, amount)
SELECT * FROM unnest(%s::integer[], %s::double precision[], %s::text[], %s::bigint[])
ON CONFLICT (bucket, expires_at, attempt) DO UPDATE SET amount = slots.amount + excluded.amount"""

_CLOSURES = """
INSERT INTO closures (bucket, until, reason) SELECT * FROM unnest(%s::text[], %s::double precision[], %s::text[])
ON CONFLICT (bucket) DO UPDATE SET until = excluded.until, reason = excluded.reason
WHERE excluded.until > closures.until"""

_PROOFS = """
INSERT INTO evidence (bucket, amount, remaining, resets_at, at, confidence, origin, overages)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::double precision[], %s::double precision[],
                     %s::text[], %s::text[], %s::integer[])
ON CONFLICT (bucket) DO UPDATE SET amount = excluded.amount, remaining = excluded.remaining,
    resets_at = excluded.resets_at, at = excluded.at, confidence = excluded.confidence, origin = excluded.origin,
    overages = excluded.overages"""

_FACTORS = """
INSERT INTO factors (name, mean, deviation, samples, at)
SELECT * FROM unnest(%s::text[], %s::double precision[], %s::double precision[], %s::integer[], %s::double precision[])
ON CONFLICT (name) DO UPDATE SET mean = excluded.mean, deviation = excluded.deviation, samples = excluded.samples,
    at = excluded.at"""


async def write_many(connection: Connection, statement: LiteralString, rows: Sequence[Sequence[Any]]) -> None:
    """Run a statement that takes its rows as arrays; nothing where there are none."""
    if rows:
        await connection.execute(statement, [list(column) for column in zip(*rows, strict=True)])


async def write_slots(connection: Connection, slots: Sequence[SlotRow]) -> None:
    """Add to the slots."""
    await write_many(connection, _SLOTS, slots)


async def write_attempts(connection: Connection, made: Sequence[tuple[Reservation, int, str]]) -> None:
    """Insert the attempts that were admitted, each with its owner and holds."""
    rows = [
        (
            one.attempt_id,
            one.request_id,
            one.provider,
            one.account,
            one.model,
            owner,
            one.funds.value,
            one.at,
            one.prompt_tokens,
            one.output_tokens,
            one.worst.pico,
            one.tag,
            holds,
        )
        for one, owner, holds in made
    ]
    await write_many(connection, _ATTEMPTS, rows)


async def write_ended(connection: Connection, ended: Sequence[tuple[str, EndedRow]]) -> None:
    """End attempts that are held, and locked."""
    await write_many(connection, _ENDED, [(name, *row) for name, row in ended])


async def write_changes(connection: Connection, changes: Changes) -> None:
    """Write all that a batch changed beside its attempts."""
    await write_slots(connection, changes.slots)
    await write_buckets(connection, changes.buckets)
    closures = [(one.bucket, one.until, one.reason) for one in changes.closures]
    await write_many(connection, _CLOSURES, closures)
    proofs = [
        (
            one.bucket,
            one.amount,
            one.remaining,
            one.resets_at,
            one.at,
            one.confidence.value,
            one.origin,
            one.overages,
        )
        for one in changes.proofs
    ]
    await write_many(connection, _PROOFS, proofs)
    factors = [(name, one.mean, one.deviation, one.samples, one.at) for name, one in changes.factors]
    await write_many(connection, _FACTORS, factors)


async def write_buckets(connection: Connection, buckets: Sequence[BucketRow]) -> None:
    """Write the figures of buckets, on the condition that they are what they were."""
    if buckets:
        rows = [
            (row.key, row.used, row.in_flight, row.ceiling, row.counts, row.was_used, row.was_in_flight)
            for row in buckets
        ]
        columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
        await connection.execute(_BUCKETS, [*columns, len(rows)])
