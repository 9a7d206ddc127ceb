"""What the store keeps of lessons, token counts and attempts that were settled by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shunpike.builtin.sqlite_sql import Connection
from shunpike.types import Confidence, Factor, Funds, Money, Proof, State, Unconfirmed, Unit

_PROOF = "SELECT bucket, amount, remaining, resets_at, at, confidence, origin, overages FROM evidence"

_SLOT = "bucket = ?1 AND expires_at = ?2 AND attempt = ?3"

CORRECT = "UPDATE buckets SET used = used + ?1, ceiling = max(ceiling, used + ?1) WHERE id = ?2"
"""Changes what is used of a bucket: the truth is booked even where it is over the cap."""


def read_proofs(connection: Connection) -> Mapping[str, Proof]:
    """Return bucket → what its provider was last seen to say."""
    return {
        str(name): Proof(
            bucket=name,
            amount=amount,
            remaining=remaining,
            resets_at=resets_at,
            at=at,
            confidence=Confidence(confidence),
            origin=origin,
            overages=overages,
        )
        for name, amount, remaining, resets_at, at, confidence, origin, overages in connection.rows(_PROOF)
    }


def read_factors(connection: Connection) -> Mapping[str, Factor]:
    """Return name → what its samples taught."""
    rows = connection.rows("SELECT name, mean, deviation, samples, at FROM factors")
    return {str(name): Factor(mean=mean, deviation=away, samples=n, at=at) for name, mean, away, n, at in rows}


def read_unconfirmed(connection: Connection) -> Sequence[Unconfirmed]:
    """Return the attempts whose end is not known, oldest first."""
    rows = connection.rows(
        "SELECT id, provider, account, model, started_at, outcome, cost_pico, funds, tag FROM attempts"
        " WHERE state = 'unconfirmed' ORDER BY started_at, id"
    )
    return [
        Unconfirmed(
            attempt_id=name,
            provider=provider,
            account=account,
            model=model,
            at=at,
            outcome=outcome or "",
            cost=Money(pico=pico),
            funds=Funds(funds),
            tag=tag,
        )
        for name, provider, account, model, at, outcome, pico, funds, tag in rows
    ]


def reconcile(connection: Connection, attempt_id: str, cost: Money, at: float, note: str) -> bool:
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
