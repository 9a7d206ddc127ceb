"""From an answer and the way it took to what a caller gets."""

from __future__ import annotations

from typing import Any

from shunpike.routing.context import Attempt
from shunpike.routing.decision_recorder import DecisionRecorder
from shunpike.runtime.snapshot import Snapshot
from shunpike.types import ZERO, Answer, Basis, Completion, EmbedAnswer, Embedding, Funds, State


def completion(snapshot: Snapshot, answer: Answer, attempt: Attempt, recorder: DecisionRecorder) -> Completion:
    """Return the answer with its provenance and cost."""
    facts = _facts(snapshot, answer, attempt, recorder)
    return Completion(
        choices=answer.choices,
        parsed=attempt.parsed,
        system_fingerprint=answer.system_fingerprint,
        **facts,
    )


def embedding(snapshot: Snapshot, answer: EmbedAnswer, attempt: Attempt, recorder: DecisionRecorder) -> Embedding:
    """Return the vectors with their provenance and cost."""
    return Embedding(vectors=answer.vectors, **_facts(snapshot, answer, attempt, recorder))


def _facts(
    snapshot: Snapshot, answer: Answer | EmbedAnswer, attempt: Attempt, recorder: DecisionRecorder
) -> dict[str, Any]:
    target, booked, services = attempt.target, attempt.settlement, snapshot.services
    if booked is None:
        raise RuntimeError(f"attempt {attempt.ask.attempt_id} answered but was not settled")
    price = services.served_price(attempt, answer.model, answer.usage.prompt_tokens, answer.service_tier)
    measured = booked.usage.basis is Basis.MEASURED
    exact = booked.state is State.SETTLED and booked.unbooked is None and measured
    cost = ZERO if snapshot.funds(target) is Funds.CREDIT else booked.cost
    doubtful = price is not None and price.at_most and answer.stated_cost is None
    return {
        "request_id": attempt.ask.request_id,
        "provider": target.name,
        "model": answer.model,
        "requested_model": recorder.requested_model,
        "usage": booked.usage,
        "cost": cost,
        "cost_exact": not (cost or target.paid) or (exact and not doubtful),
        "list_price": None if price is None else price.of(booked.usage),
        "decision": recorder.decision(),
        "warnings": tuple(recorder.warnings),
        "created": attempt.started_at,
        "seconds": services.clock.monotonic() - attempt.started_mono,
        "simulated": target.provider.simulated,
    }
