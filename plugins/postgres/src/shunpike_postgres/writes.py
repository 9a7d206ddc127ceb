"""How a batch is written: one statement for its attempts, slots and buckets, one more where something was learned.

The rows travel as one JSON text, whatever their number: a message for each row, or an array for each column, would cost
the client more than the server's work.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, LiteralString

from shunpike.ledger.rows import EndedRow, SlotRow
from shunpike.ledger.working_set import Changes
from shunpike.types import Reservation
from shunpike.types.ledger import UNTIL_CLEARED
from shunpike_postgres.connection import Connection

_MADE = {
    "id": "text",
    "request_id": "text",
    "provider": "text",
    "account": "text",
    "model": "text",
    "owner": "text",
    "funds": "text",
    "started_at": "double precision",
    "held_prompt": "bigint",
    "held_output": "bigint",
    "worst_pico": "bigint",
    "tag": "text",
    "holds": "text",
    "principal": "text",
    "arm": "text",
}
_ENDED = {
    **dict.fromkeys(EndedRow._fields, "bigint"),
    **dict.fromkeys(("state", "outcome", "served_model", "basis", "finish_reason", "system_fingerprint"), "text"),
    **dict.fromkeys(("ended_at", "seconds", "first_token_seconds"), "double precision"),
    "id": "text",
}
_BUCKETS = {
    "key": "integer",
    "used": "bigint",
    "in_flight": "bigint",
    "ceiling": "bigint",
    "counts": "text",
    "admitted_at": "double precision",
    "was_used": "bigint",
    "was_in_flight": "bigint",
}
_SLOTS = {"bucket": "integer", "expires": "double precision", "attempt_id": "text", "amount": "bigint"}


def _rows(part: str, columns: dict[str, str]) -> str:
    """Return the rows of a part of the document as a table of the same name."""
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"document, jsonb_to_recordset(body -> '{part}') AS {part} ({typed})"


_ADD_SLOTS = f"""
    INSERT INTO slots (bucket, expires_at, attempt, amount) SELECT bucket, expires, attempt_id, amount
    FROM {_rows("kept", _SLOTS)}
    ON CONFLICT (bucket, expires_at, attempt) DO UPDATE SET amount = slots.amount + excluded.amount
"""  # noqa: S608 - made of the tables above, as all of these

WRITE: LiteralString = f"""
WITH document AS (SELECT %s::jsonb AS body),
begun AS (
    INSERT INTO attempts ({", ".join(_MADE)}, state, cost_pico) SELECT {", ".join(_MADE)}, 'held', worst_pico
    FROM {_rows("made", _MADE)}
),
finished AS (
    UPDATE attempts SET owner = NULL, holds = NULL, {", ".join(f"{name} = ended.{name}" for name in EndedRow._fields)}
    FROM {_rows("ended", _ENDED)} WHERE attempts.id = ended.id AND attempts.state = 'held'
),
added AS ({_ADD_SLOTS}),
changed AS (
    UPDATE buckets SET used = now.used, in_flight = now.in_flight, ceiling = now.ceiling, counts = now.counts,
        admitted_at = now.admitted_at
    FROM {_rows("now", _BUCKETS)}
    WHERE buckets.id = key AND buckets.used = was_used AND buckets.in_flight = was_in_flight RETURNING 1
) SELECT 1 / (CASE WHEN count(*) = %s THEN 1 ELSE 0 END) FROM changed"""  # noqa: S608
"""Fails where a bucket is not what it was: it is locked, so that this would be a defect of ours; nothing is kept."""

ADD_SLOTS: LiteralString = f"WITH document AS (SELECT %s::jsonb AS body) {_ADD_SLOTS}"

_LEARN: LiteralString = f"""
WITH document AS (SELECT %s::jsonb AS body),
told AS (
    SELECT * FROM document, jsonb_to_recordset(body -> 'closed') AS told (
        bucket text, until double precision, reason text, at double precision, origin text, test_at double precision,
        tester text, failures integer, kind text, beyond double precision, certain integer)
),
closed AS (
    INSERT INTO closures (bucket, until, reason, at, origin, test_at, tester, failures, kind)
    SELECT bucket, until, reason, at, origin, test_at, tester, failures, kind FROM told
    ON CONFLICT (bucket) DO UPDATE SET until = excluded.until, reason = excluded.reason, at = excluded.at,
        origin = excluded.origin, test_at = excluded.test_at, tester = excluded.tester, failures = excluded.failures,
        kind = excluded.kind
    WHERE excluded.until > closures.until
        OR (SELECT certain = 1 OR closures.until > beyond AND closures.until < {UNTIL_CLEARED}
            FROM told WHERE told.bucket = closures.bucket)
),
opened AS (
    DELETE FROM closures WHERE bucket IN (SELECT jsonb_array_elements_text(body -> 'opened') FROM document)
),
seen AS (
    INSERT INTO evidence (bucket, amount, remaining, resets_at, at, confidence, origin, overages, unlisted, bound, span)
    SELECT bucket, amount, remaining, resets_at, at, confidence, origin, overages, unlisted, bound, span
    FROM document, jsonb_to_recordset(body -> 'observations') AS observations (
        bucket text, amount bigint, remaining bigint, resets_at double precision, at double precision,
        confidence text, origin text, overages integer, unlisted text, bound text, span text)
    ON CONFLICT (bucket) DO UPDATE SET amount = excluded.amount, remaining = excluded.remaining,
        resets_at = excluded.resets_at, at = excluded.at, confidence = excluded.confidence, origin = excluded.origin,
        overages = excluded.overages, unlisted = excluded.unlisted, bound = excluded.bound,
        span = excluded.span
)
INSERT INTO factors (name, mean, deviation, samples, at) SELECT name, mean, deviation, samples, at
FROM document, jsonb_to_recordset(body -> 'factors') AS factors (
    name text, mean double precision, deviation double precision, samples integer, at double precision)
ON CONFLICT (name) DO UPDATE SET mean = excluded.mean, deviation = excluded.deviation, samples = excluded.samples,
    at = excluded.at"""  # noqa: S608 - a constant


def made(reservation: Reservation, owner: str, holds: str) -> dict[str, Any]:
    """Return the row of an attempt that was admitted."""
    return {
        "id": reservation.attempt_id,
        "request_id": reservation.request_id,
        "provider": reservation.provider,
        "account": reservation.account,
        "model": reservation.model,
        "owner": owner,
        "funds": reservation.funds.value,
        "started_at": reservation.reserved_at,
        "held_prompt": reservation.prompt_tokens,
        "held_output": reservation.output_tokens,
        "worst_pico": reservation.worst.pico,
        "tag": reservation.tag,
        "holds": holds,
        "principal": reservation.principal,
        "arm": reservation.arm,
    }


def ended(attempt_id: str, row: EndedRow) -> dict[str, Any]:
    """Return the row of an attempt that ended, which is held, and locked."""
    return {"id": attempt_id, **row._asdict()}


async def write_slots(connection: Connection, slots: Sequence[SlotRow]) -> None:
    """Add to the slots."""
    if slots:
        await connection.execute(ADD_SLOTS, [json.dumps({"kept": [row._asdict() for row in slots]})])


async def write(
    connection: Connection, begun: Sequence[dict[str, Any]], finished: Sequence[dict[str, Any]], changes: Changes
) -> None:
    """Write all that a batch changed."""
    body = {
        "made": begun,
        "ended": finished,
        "kept": [row._asdict() for row in changes.slots],
        "now": [row._asdict() for row in changes.buckets],
    }
    if any(body.values()):
        await connection.execute(WRITE, [json.dumps(body), len(changes.buckets)])
    learned = {
        "closed": [row._asdict() for row in changes.blocks],
        "opened": changes.opened,
        "observations": [one.model_dump(mode="json") for one in changes.observations],
        "factors": [{"name": name, **one.model_dump()} for name, one in changes.factors],
    }
    if any(learned.values()):
        await connection.execute(_LEARN, [json.dumps(learned)])
