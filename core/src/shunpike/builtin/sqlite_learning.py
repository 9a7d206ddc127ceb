"""What the store keeps of lessons, token counts and attempts that were settled by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shunpike.builtin.sqlite_sql import Connection
from shunpike.ledger.counting import learned
from shunpike.ledger.learning import lowered, merged
from shunpike.types import Confidence, Factor, Funds, Lesson, Money, Proof, Sample, State, Unconfirmed, Unit

_PROOF = "SELECT bucket, amount, remaining, resets_at, at, confidence, origin, overages FROM evidence"

CORRECT = "UPDATE buckets SET used = used + ?1, ceiling = max(ceiling, used + ?1) WHERE id = ?2"
"""Changes what is used of a bucket: the truth is booked even where it is over the cap."""


def learn(connection: Connection, lesson: Lesson, now: float, guard: float) -> None:
    """Keep the proof; where it leaves less than the books do, take the difference."""
    proof = lesson.proof
    known = _proof(connection, proof.bucket)
    if known is None or proof.at >= known.at:
        _lower(connection, lesson, now, guard)
    kept = merged(known, proof)
    connection.rows(
        "INSERT OR REPLACE INTO evidence (bucket, amount, remaining, resets_at, at, confidence, origin, overages)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        kept.bucket,
        kept.amount,
        kept.remaining,
        kept.resets_at,
        kept.at,
        kept.confidence.value,
        kept.origin,
        kept.overages,
    )


def _lower(connection: Connection, lesson: Lesson, now: float, guard: float) -> None:
    found = connection.rows("SELECT id, used FROM buckets WHERE name = ?", lesson.proof.bucket)
    taken = lowered(lesson, int(found[0][1]), now, guard) if found else None
    if taken is not None:
        connection.rows(CORRECT, taken[0], found[0][0])
        connection.rows("INSERT INTO slots (bucket, amount, expires_at) VALUES (?, ?, ?)", found[0][0], *taken)


def _proof(connection: Connection, bucket: str) -> Proof | None:
    return next(iter(read_proofs(connection, bucket).values()), None)


def read_proofs(connection: Connection, bucket: str | None = None) -> Mapping[str, Proof]:
    """Return bucket → what its provider was last seen to say; of one bucket or of all."""
    rows = connection.rows(_PROOF) if bucket is None else connection.rows(f"{_PROOF} WHERE bucket = ?", bucket)
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
        for name, amount, remaining, resets_at, at, confidence, origin, overages in rows
    }


def take_sample(connection: Connection, sample: Sample) -> None:
    """Take one answer into the moving mean of its model."""
    new = learned(read_factors(connection).get(sample.model), sample)
    connection.rows(
        "INSERT OR REPLACE INTO factors (model, mean, deviation, samples) VALUES (?, ?, ?, ?)",
        sample.model,
        new.mean,
        new.deviation,
        new.samples,
    )


def read_factors(connection: Connection) -> Mapping[str, Factor]:
    """Return model → what was learned of its counts."""
    rows = connection.rows("SELECT model, mean, deviation, samples FROM factors")
    return {str(model): Factor(mean=mean, deviation=away, samples=samples) for model, mean, away, samples in rows}


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
        "SELECT slots.id, bucket, amount FROM slots JOIN buckets ON buckets.id = bucket WHERE attempt = ? AND unit = ?",
        attempt_id,
        Unit.USD.value,
    )
    for slot, bucket, amount in slots:
        connection.rows(CORRECT, cost.pico - amount, bucket)
        if cost.pico:
            connection.rows("UPDATE slots SET amount = ? WHERE id = ?", cost.pico, slot)
        else:
            connection.rows("DELETE FROM slots WHERE id = ?", slot)
    connection.rows(
        "INSERT INTO reconciled (attempt, at, before_pico, after_pico, note) VALUES (?, ?, ?, ?, ?)",
        attempt_id,
        at,
        found[0][0],
        cost.pico,
        note,
    )
    return True
