"""Keeping the ledger's tables small: old attempts become daily totals, and what no longer counts is dropped."""

from __future__ import annotations

import json
from typing import NamedTuple

from shunpike.ledger.queries import SUMS
from shunpike.ledger.totals import DAY
from shunpike.storage import Transaction
from shunpike.types import Unit

KEEP_DAYS = 92.0
"""Days after which attempts are folded into daily totals, but for money that a person may still give back."""
_AT_ONCE = 1_000

_COLUMNS = (
    "answered, released, unconfirmed, overages, prompt_tokens, completion_tokens, cost_pico, credit_pico, list_pico"
)
_ADDED = ", ".join(f"{name} = totals.{name} + excluded.{name}" for name in ("requests", *_COLUMNS.split(", ")))
_FOLD = f"""
INSERT INTO totals (day, provider, model, tag, requests, {_COLUMNS})
SELECT day, provider, model, tag, requests, {_COLUMNS} FROM (
    SELECT {{day_of}} AS day, provider, model, coalesce(tag, '') AS tag, {SUMS} FROM attempts
    WHERE id IN {{texts}} GROUP BY 1, 2, 3, 4
) AS folded WHERE true
ON CONFLICT (day, provider, model, tag) DO UPDATE SET {_ADDED}"""  # noqa: S608 - made of the constants above only

_OLD = """
SELECT id FROM attempts WHERE started_at < ? AND state <> 'held' AND NOT (state = 'unconfirmed' AND EXISTS (
    SELECT 1 FROM slots JOIN buckets ON buckets.id = bucket WHERE attempt = attempts.id AND attempt <> '' AND unit = ?
)) ORDER BY started_at LIMIT ?"""
"""Those that may be folded: while money counts in a budget, a person can still give it back."""

_SETTLE_FOLDED = """
INSERT INTO slots (bucket, expires_at, attempt, amount)
SELECT bucket, expires_at, '', sum(amount) FROM slots WHERE attempt <> '' AND attempt IN {texts} GROUP BY 1, 2
ON CONFLICT (bucket, expires_at, attempt) DO UPDATE SET amount = slots.amount + excluded.amount"""
"""What can't be reconciled, such as tokens, counts on, no longer by its attempt."""

_STEPS = (
    _SETTLE_FOLDED,
    "DELETE FROM slots WHERE attempt <> '' AND attempt IN {texts}",
    _FOLD,
    "DELETE FROM attempts WHERE id IN {texts}",
)


class Words(NamedTuple):
    """What databases have no word in common for."""

    day_of: str
    """The UTC day of ``started_at``, an integer."""
    texts: str
    """The texts of a JSON array that is the statement's value, as a query in parentheses."""


async def keep_small(tx: Transaction, words: Words, now: float, keep_days: float) -> bool:
    """Fold old attempts into daily totals and drop what no longer counts; some at a time. Return whether more are.

    Nobody else may change a bucket meanwhile.
    """
    freed: dict[int, int] = {}
    for bucket, amount in await tx.rows("DELETE FROM slots WHERE expires_at <= ? RETURNING bucket, amount", now):
        freed[bucket] = freed.get(bucket, 0) + amount
    await tx.many("UPDATE buckets SET used = used - ? WHERE id = ?", [(gone, key) for key, gone in freed.items()])
    await tx.execute("DELETE FROM closures WHERE until <= ?", now)
    before = now - keep_days * DAY
    await tx.execute("DELETE FROM factors WHERE at < ?", before)
    old = [name for (name,) in await tx.rows(_OLD, before, Unit.USD.value, _AT_ONCE)]
    for step in _STEPS if old else ():
        await tx.execute(step.format(**words._asdict()), json.dumps(old))
    return len(old) == _AT_ONCE
