"""How the ledger's rows are written to SQLite."""

from __future__ import annotations

from collections.abc import Sequence

from shunpike.errors import StoreError
from shunpike.ledger.rows import EndedRow, SlotRow
from shunpike.ledger.working_set import Changes
from shunpike.storage.database import Value
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.types import Reservation
from shunpike.types.ledger import UNTIL_CLEARED

ATTEMPT = """
INSERT INTO attempts (id, request_id, provider, account, model, owner, state, funds, started_at,
                      held_prompt, held_output, worst_pico, cost_pico, tag, holds, principal, arm)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'held', ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14, ?15) ON CONFLICT DO NOTHING"""

END_ATTEMPT = f"""
UPDATE attempts SET owner = NULL, holds = NULL, {", ".join(f"{name} = ?" for name in EndedRow._fields)}
WHERE id = ? AND state = 'held'"""  # noqa: S608 - the names of a record's fields

_SLOT = """
INSERT INTO slots (bucket, expires_at, attempt, amount) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"""

_BUCKET = """
UPDATE buckets SET used = ?1, in_flight = ?2, ceiling = ?3, counts = ?4, admitted_at = ?5
WHERE id = ?6 AND used = ?7 AND in_flight = ?8"""

_BLOCK = """
INSERT INTO closures (bucket, until, reason, at, origin, test_at, tester, failures, kind)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT DO UPDATE SET until = excluded.until, reason = excluded.reason, at = excluded.at, origin = excluded.origin,
    test_at = excluded.test_at, tester = excluded.tester, failures = excluded.failures,
    kind = excluded.kind
WHERE excluded.until > until OR until BETWEEN ?10 AND ?12 OR ?11"""

_OBSERVATION = """
INSERT OR REPLACE INTO evidence
    (bucket, amount, remaining, resets_at, at, confidence, origin, overages, unlisted, bound, span)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_FACTOR = "INSERT OR REPLACE INTO factors (name, mean, deviation, samples, at) VALUES (?, ?, ?, ?, ?)"


def insert_values(reservation: Reservation, owner: str, holds: str) -> tuple[Value, ...]:
    """Return the values of `ATTEMPT`."""
    return (
        reservation.attempt_id,
        reservation.request_id,
        reservation.provider,
        reservation.account,
        reservation.model,
        owner,
        reservation.funds.value,
        reservation.reserved_at,
        reservation.prompt_tokens,
        reservation.output_tokens,
        reservation.worst.pico,
        reservation.tag,
        holds,
        reservation.principal,
        reservation.arm,
    )


def write_slots(connection: SqliteConnection, slots: Sequence[SlotRow]) -> None:
    """Add to the slots."""
    if slots:
        connection.many(_SLOT, slots)


def write_changes(connection: SqliteConnection, changes: Changes) -> None:
    """Write all that a transaction changed beside its attempts. Raises `StoreError` where a row is not what it was."""
    write_slots(connection, changes.slots)
    for row in changes.buckets:
        figures = row.used, row.in_flight, row.ceiling, row.counts, row.admitted_at
        if not connection.changes(_BUCKET, *figures, row.key, row.was_used, row.was_in_flight):
            raise StoreError(f"the books of {row.name} changed inside a transaction", hint="run: shunpike doctor")
    for block in changes.blocks:
        connection.rows(_BLOCK, *block, UNTIL_CLEARED - 1)
    for bucket in changes.opened:
        connection.rows("DELETE FROM closures WHERE bucket = ?", bucket)
    for observation in changes.observations:
        connection.rows(
            _OBSERVATION,
            observation.bucket,
            observation.amount,
            observation.remaining,
            observation.resets_at,
            observation.at,
            observation.confidence.value,
            observation.origin,
            observation.overages,
            None if observation.unlisted is None else observation.unlisted.model_dump_json(),
            None if observation.bound is None else observation.bound.model_dump_json(),
            None if observation.span is None else observation.span.model_dump_json(exclude_defaults=True),
        )
    for name, factor in changes.factors:
        connection.rows(_FACTOR, name, factor.mean, factor.deviation, factor.samples, factor.at)
