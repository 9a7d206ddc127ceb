"""What is done now and then, on the writing connection: recovery, settling by hand, keeping the tables small."""

from __future__ import annotations

from typing import LiteralString

from shunpike.ledger.rows import HeldRow, orphaned, read_holds
from shunpike.ledger.totals import DAY
from shunpike.types import Money, Settlement, Unit
from shunpike_postgres import statements as sql
from shunpike_postgres.connection import Connection
from shunpike_postgres.owners import dead_owners
from shunpike_postgres.reads import DAY_OF, SUMS

KEEP_DAYS = 92.0
"""Days after which attempts are folded into daily totals."""
UPKEEP_EVERY = 3_600.0
"""Seconds between two folds."""
_AT_ONCE = 1_000
_LOCK = 0x53_48_50_4C
"""The advisory lock of whoever folds: one process at a time."""

_COLUMNS: LiteralString = (
    "answered, released, unconfirmed, overages, prompt_tokens, completion_tokens, cost_pico, credit_pico, list_pico"
)
_FOLD: LiteralString = f"""
INSERT INTO totals (day, provider, model, tag, requests, {_COLUMNS})
SELECT day, provider, model, tag, requests, {_COLUMNS} FROM (
    SELECT {DAY_OF} AS day, provider, model, coalesce(tag, '') AS tag, {SUMS}
    FROM attempts WHERE id = ANY(%s) GROUP BY 1, 2, 3, 4
) AS folded
ON CONFLICT (day, provider, model, tag) DO UPDATE SET requests = totals.requests + excluded.requests, {{}}
"""  # noqa: S608 - constants only
_FOLD = _FOLD.format(", ".join(f"{name} = totals.{name} + excluded.{name}" for name in _COLUMNS.split(", ")))

_SETTLE_FOLDED = """
INSERT INTO slots (bucket, expires_at, attempt, amount)
SELECT bucket, expires_at, '', sum(amount) FROM slots WHERE attempt <> '' AND attempt = ANY(%s) GROUP BY 1, 2
ON CONFLICT (bucket, expires_at, attempt) DO UPDATE SET amount = slots.amount + excluded.amount"""
"""What nobody reconciled in all that time counts on, no longer by its attempt."""

_EXPIRE = """
WITH gone AS (DELETE FROM slots WHERE expires_at <= %s RETURNING bucket, amount)
UPDATE buckets SET used = used - freed FROM (SELECT bucket, sum(amount) AS freed FROM gone GROUP BY 1) AS sums
WHERE buckets.id = sums.bucket"""


_LOCK_MONEY_OF = """
SELECT 1 FROM buckets WHERE unit = %(unit)s AND id = ANY (ARRAY (SELECT bucket FROM slots WHERE attempt = %(attempt)s))
ORDER BY id FOR NO KEY UPDATE"""


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


async def reconcile(connection: Connection, attempt_id: str, cost: Money, at: float, note: str) -> bool:
    """Settle an unconfirmed attempt at ``cost`` and write it down; False when it is none."""
    async with connection.transaction():
        # Locked first, read afterwards: what was read while others had the lock may be gone by now.
        await connection.execute(_LOCK_MONEY_OF, {"attempt": attempt_id, "unit": Unit.USD.value})
        slots = await connection.execute(
            "SELECT bucket, expires_at, amount FROM slots JOIN buckets ON buckets.id = bucket"
            " WHERE attempt = %s AND unit = %s ORDER BY bucket",
            [attempt_id, Unit.USD.value],
        )
        found = await connection.execute(
            "SELECT cost_pico FROM attempts WHERE id = %s AND state = 'unconfirmed' FOR UPDATE", [attempt_id]
        )
        before = await found.fetchone()
        if before is None:
            return False
        await connection.execute(
            "UPDATE attempts SET state = 'settled', cost_pico = %s, breach_pico = greatest(0, %s - worst_pico)"
            " WHERE id = %s",
            [cost.pico, cost.pico, attempt_id],
        )
        for bucket, expires, amount in await slots.fetchall():
            change = cost.pico - amount
            await connection.execute(
                "UPDATE buckets SET used = used + %s, ceiling = greatest(ceiling, used + %s) WHERE id = %s",
                [change, change, bucket],
            )
            await _correct(connection, (bucket, expires, attempt_id), cost.pico)
        await connection.execute(
            "INSERT INTO reconciled (attempt, at, before_pico, after_pico, note) VALUES (%s, %s, %s, %s, %s)",
            [attempt_id, at, before[0], cost.pico, note],
        )
    return True


async def _correct(connection: Connection, key: tuple[int, float, str], amount: int) -> None:
    where: LiteralString = "WHERE bucket = %s AND expires_at = %s AND attempt = %s"
    if amount:
        await connection.execute(f"UPDATE slots SET amount = %s {where}", [amount, *key])  # noqa: S608 - a constant
    else:
        await connection.execute(f"DELETE FROM slots {where}", list(key))  # noqa: S608 - a constant


async def keep_small(connection: Connection, now: float, keep_days: float) -> bool:
    """Fold old attempts into daily totals and drop what no longer counts, by one process at a time.

    Some at a time; return whether there are more.
    """
    async with connection.transaction():
        mine = await (await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])).fetchone()
        if mine != (True,):
            return False
        await connection.execute("SELECT 1 FROM buckets ORDER BY id FOR NO KEY UPDATE")
        await connection.execute(_EXPIRE, [now])
        await connection.execute("DELETE FROM closures WHERE until <= %s", [now])
        await connection.execute("DELETE FROM factors WHERE at < %s", [now - keep_days * DAY])
        cursor = await connection.execute(
            "SELECT id FROM attempts WHERE started_at < %s AND state <> 'held' ORDER BY started_at LIMIT %s",
            [now - keep_days * DAY, _AT_ONCE],
        )
        old = [name for (name,) in await cursor.fetchall()]
        await connection.execute(_SETTLE_FOLDED, [old])
        await connection.execute("DELETE FROM slots WHERE attempt <> '' AND attempt = ANY(%s)", [old])
        await connection.execute(_FOLD, [old])
        await connection.execute("DELETE FROM attempts WHERE id = ANY(%s)", [old])
    return len(old) == _AT_ONCE
