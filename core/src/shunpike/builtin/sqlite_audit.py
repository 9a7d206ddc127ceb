"""Whether the ledger's file is whole, and its figures are the sums of its rows."""

from __future__ import annotations

from shunpike.errors import StoreError
from shunpike.storage.sqlite.connection import SqliteConnection

_WRONG = """
WITH runs AS (
    SELECT json_extract(hold.value, '$[0]') AS bucket, sum(json_extract(hold.value, '$[1]')) AS amount
    FROM attempts, json_each(attempts.holds) AS hold WHERE attempts.owner IS NOT NULL GROUP BY 1
), ended AS (SELECT bucket, sum(amount) AS amount FROM slots GROUP BY 1)
SELECT name, used, coalesce(runs.amount, 0) + coalesce(ended.amount, 0) AS rows
FROM buckets LEFT JOIN runs ON runs.bucket = id LEFT JOIN ended ON ended.bucket = id
WHERE used <> rows OR in_flight <> coalesce(runs.amount, 0)"""
"""Buckets whose figures are not the sum of their rows: of what runs, and of what has ended."""


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
