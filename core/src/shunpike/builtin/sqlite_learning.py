"""What the store keeps of limit updates, token counts and attempts that were settled by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shunpike.ledger.records import FACTOR, OBSERVATION, UNCONFIRMED, factor_of, observation_of, unconfirmed_of
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.types import Factor, Money, Observation, State, Unconfirmed, Unit

_SLOT = "bucket = ?1 AND expires_at = ?2 AND attempt = ?3"

CORRECT = "UPDATE buckets SET used = used + ?1, ceiling = max(ceiling, used + ?1) WHERE id = ?2"
"""Changes what is used of a bucket: the truth is booked even where it is over the cap."""


def read_observations(connection: SqliteConnection) -> Mapping[str, Observation]:
    """Return bucket → what its provider was last seen to say."""
    observations = [observation_of(row) for row in connection.rows(f"SELECT {OBSERVATION} FROM evidence")]  # noqa: S608 - a constant
    return {observation.bucket: observation for observation in observations}


def read_factors(connection: SqliteConnection) -> Mapping[str, Factor]:
    """Return name → what its samples taught."""
    return dict(factor_of(row) for row in connection.rows(f"SELECT {FACTOR} FROM factors"))  # noqa: S608 - a constant


def read_unconfirmed(connection: SqliteConnection) -> Sequence[Unconfirmed]:
    """Return the attempts whose end is not known, oldest first."""
    sql = f"SELECT {UNCONFIRMED} FROM attempts WHERE state = 'unconfirmed' ORDER BY started_at, id"  # noqa: S608
    return [unconfirmed_of(row) for row in connection.rows(sql)]


def reconcile(connection: SqliteConnection, attempt_id: str, cost: Money, at: float, note: str) -> bool:
    """Settle an unconfirmed attempt at ``cost`` and write it down; False when it is none."""
    found = connection.rows("SELECT cost_pico FROM attempts WHERE id = ? AND state = 'unconfirmed'", attempt_id)
    if not found:
        return False
    connection.rows(
        "UPDATE attempts SET state = ?1, cost_pico = ?2, breach_pico = max(0, ?2 - worst_pico) WHERE id = ?3",
        State.SETTLED.value,
        cost.pico,
        attempt_id,
    )
    slots = connection.rows(
        "SELECT bucket, expires_at, amount FROM slots JOIN buckets ON buckets.id = bucket"
        " WHERE attempt = ? AND unit = ?",
        attempt_id,
        Unit.USD.value,
    )
    for bucket, expires, amount in slots:
        connection.rows(CORRECT, cost.pico - amount, bucket)
        key = bucket, expires, attempt_id
        if cost.pico:
            connection.rows(f"UPDATE slots SET amount = ?4 WHERE {_SLOT}", *key, cost.pico)  # noqa: S608 - a constant
        else:
            connection.rows(f"DELETE FROM slots WHERE {_SLOT}", *key)  # noqa: S608 - a constant
    connection.rows(
        "INSERT INTO reconciled (attempt, at, before_pico, after_pico, note) VALUES (?, ?, ?, ?, ?)",
        attempt_id,
        at,
        found[0][0],
        cost.pico,
        note,
    )
    return True
