"""What is not on the way of a request: reading totals, auditing the books, keeping the file small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shunpike.errors import StoreError
from shunpike.ledger.records import usage_of
from shunpike.ledger.slots import Counted, remaining_of
from shunpike.ledger.totals import DAY
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.types import Hold, Remaining, Rolling, UsageRow

KEEP_DAYS = 92.0
"""Days after which attempts are folded into daily totals."""
_AT_ONCE = 1_000

_SUMS = """
    sum(sent) AS requests, sum(outcome IS 'ok') AS answered, sum(state = 'released' AND sent) AS released,
    sum(state = 'unconfirmed') AS unconfirmed, sum(state = 'held') AS held, sum(overages) AS overages,
    sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
    sum(CASE WHEN funds = 'credit' THEN 0 ELSE cost_pico END) AS cost_pico,
    sum(CASE WHEN funds = 'credit' THEN cost_pico ELSE 0 END) AS credit_pico,
    coalesce(sum(list_pico), 0) AS list_pico"""

_COLUMNS = (
    "answered, released, unconfirmed, overages, prompt_tokens, completion_tokens, cost_pico, credit_pico, list_pico"
)
_WRONG = """
WITH runs AS (
    SELECT json_extract(hold.value, '$[0]') AS bucket, sum(json_extract(hold.value, '$[1]')) AS amount
    FROM attempts, json_each(attempts.holds) AS hold WHERE attempts.owner IS NOT NULL GROUP BY 1
), ended AS (SELECT bucket, sum(amount) AS amount FROM slots GROUP BY 1)
SELECT name, used, coalesce(runs.amount, 0) + coalesce(ended.amount, 0) AS rows
FROM buckets LEFT JOIN runs ON runs.bucket = id LEFT JOIN ended ON ended.bucket = id
WHERE used <> rows OR in_flight <> coalesce(runs.amount, 0)"""
"""Buckets whose figures are not the sum of their rows: of what runs, and of what has ended."""

_DAY_OF = f"CAST(started_at / {DAY} AS INTEGER)"

_USAGE = f"""
SELECT provider, model, {{day}}, {{tag}}, sum(requests), sum(answered), sum(released), sum(unconfirmed), sum(held),
       sum(overages), sum(prompt_tokens), sum(completion_tokens), sum(cost_pico), sum(credit_pico), sum(list_pico)
FROM (
    SELECT provider, model, {_DAY_OF} AS day, coalesce(tag, '') AS tag, {_SUMS} FROM attempts
    WHERE started_at >= ?1 AND started_at < ?2 GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT provider, model, day, tag, requests, answered, released, unconfirmed, 0, overages, prompt_tokens,
           completion_tokens, cost_pico, credit_pico, list_pico
    FROM totals WHERE day * {DAY} >= ?1 AND day * {DAY} < ?2
) GROUP BY 1, 2, 3, 4 ORDER BY 3, 1, 2, 4"""  # noqa: S608 - made of the constants above only

_FOLD = f"""
INSERT INTO totals (day, provider, model, tag, requests, {_COLUMNS})
SELECT day, provider, model, tag, requests, {_COLUMNS} FROM (
    SELECT {_DAY_OF} AS day, provider, model, coalesce(tag, '') AS tag, {_SUMS} FROM attempts
    WHERE id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2, 3, 4
) WHERE true
ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, {{}}"""  # noqa: S608 - constants only

_FOLD = _FOLD.format(", ".join(f"{name} = {name} + excluded.{name}" for name in _COLUMNS.split(", ")))


_SETTLE_FOLDED = """
INSERT INTO slots (bucket, expires_at, attempt, amount)
SELECT bucket, expires_at, '', sum(amount) FROM slots
WHERE attempt <> '' AND attempt IN (SELECT value FROM json_each(?)) GROUP BY 1, 2
ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"""
"""What nobody reconciled in all that time counts on, no longer by its attempt."""


def read_usage(
    connection: SqliteConnection, since: float, until: float, *, day: bool = False, tag: bool = False
) -> Sequence[UsageRow]:
    """Return totals by provider and model, and by day and tag where asked.

    Days that were folded count as a whole, by their start (UTC).
    """
    sql = _USAGE.format(day="day" if day else "NULL", tag="tag" if tag else "NULL")
    return [usage_of(row) for row in connection.rows(sql, since, until) if row[4]]


def read_remaining(
    connection: SqliteConnection, holds: Sequence[Hold], now: float, guard: float, ahead: float
) -> Sequence[Remaining]:
    """Return what is left of each hold's limit, as it stands at ``now``; steady time is ``ahead`` of the wall's."""
    sql = """
        SELECT coalesce((SELECT sum(amount) FROM slots WHERE bucket = id AND expires_at > ?1), 0), in_flight,
               (SELECT max(expires_at) FROM slots WHERE bucket = id AND expires_at > ?1), admitted_at
        FROM buckets WHERE name = ?2"""
    found = []
    for hold in holds:
        later = ahead if isinstance(hold.limit.window, Rolling) else 0.0
        ended, in_flight, *moments = next(iter(connection.rows(sql, now + later, hold.bucket)), (0, 0, None, None))
        last, admitted_at = (None if at is None else at - later for at in moments)
        found.append(remaining_of(hold, now, Counted(ended + in_flight, in_flight, last, admitted_at), guard))
    return found


def audit(connection: SqliteConnection, path: str) -> str:
    """Return a few words on size. Raises `StoreError` when the file is damaged or the books don't add up."""
    verdict = connection.rows("PRAGMA integrity_check(1)")[0][0]
    if verdict != "ok":
        raise StoreError(f"{path} is damaged: {verdict}", hint="move the file away: a new one is begun")
    wrong = connection.rows(_WRONG)
    if wrong:
        name, used, rows = wrong[0]
        raise StoreError(f"{path}: the books of {name} say {used}, its rows {rows}", hint="report this as a defect")
    attempts, held, unconfirmed = connection.rows(
        "SELECT count(*), coalesce(sum(state = 'held'), 0), coalesce(sum(state = 'unconfirmed'), 0) FROM attempts"
    )[0]
    pages, size = connection.rows("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")[0]
    return f"{attempts:,} attempts, {held} held, {unconfirmed} unconfirmed, {pages * size / 1e6:.1f} MB"


def keep_small(connection: SqliteConnection, now: float, keep_days: float) -> bool:
    """Fold old attempts into daily totals and drop what no longer counts; some at a time. Return whether more are."""
    for bucket, freed in _expired(connection, now).items():
        connection.rows("UPDATE buckets SET used = used - ? WHERE id = ?", freed, bucket)
    connection.rows("DELETE FROM closures WHERE until <= ?", now)
    connection.rows("DELETE FROM factors WHERE at < ?", now - keep_days * DAY)
    old, count = connection.rows(
        "SELECT json_group_array(id), count(*) FROM (SELECT id FROM attempts WHERE started_at < ? AND state <> 'held'"
        " ORDER BY started_at LIMIT ?)",
        now - keep_days * DAY,
        _AT_ONCE,
    )[0]
    chosen = "(SELECT value FROM json_each(?))"
    connection.rows(_SETTLE_FOLDED, old)
    connection.rows(f"DELETE FROM slots WHERE attempt <> '' AND attempt IN {chosen}", old)  # noqa: S608 - a constant
    connection.rows(_FOLD, old)
    connection.rows(f"DELETE FROM attempts WHERE id IN {chosen}", old)  # noqa: S608 - a constant
    return int(count) == _AT_ONCE


def _expired(connection: SqliteConnection, now: float) -> Mapping[int, int]:
    freed: dict[int, int] = {}
    for bucket, amount in connection.rows("DELETE FROM slots WHERE expires_at <= ? RETURNING bucket, amount", now):
        freed[bucket] = freed.get(bucket, 0) + amount
    return freed
