"""The ledger's words made of the rows that stores read: the columns in the order of each function's first line."""

from __future__ import annotations

from typing import Any, LiteralString

from shunpike.ledger.rows import FACTS, OWNER_DIED
from shunpike.ledger.totals import day_text
from shunpike.types import (
    Basis,
    Block,
    Bound,
    Factor,
    Funds,
    KnownAttempt,
    Limit,
    Money,
    Observation,
    Reopening,
    State,
    Timing,
    Unconfirmed,
    UsageRow,
    WindowObservation,
)

Row = tuple[Any, ...]

OBSERVATION: LiteralString = (
    "bucket, amount, remaining, resets_at, at, confidence, origin, overages, unlisted, bound, span"
)
BLOCK: LiteralString = "bucket, until, reason, at, origin, test_at, tester, failures, kind"
REOPENED: LiteralString = "bucket, until, reason, closed_at, origin, at, who, note"
FACTOR: LiteralString = "name, mean, deviation, samples, at"
KNOWN: LiteralString = f"id, started_at, state, outcome, sent, cost_pico, principal, {', '.join(FACTS)}"
TIMING: LiteralString = (
    "id, provider, model, ended_at, seconds, first_token_seconds, tag, basis, prompt_tokens, cached_tokens,"
    " completion_tokens"
)
UNCONFIRMED: LiteralString = "id, provider, account, model, started_at, outcome, cost_pico, funds, tag"
_FIGURES = tuple(name for name in UsageRow.model_fields if name not in ("provider", "model", "day", "tag"))


def observation_of(row: Row) -> Observation:
    """Return a row of `OBSERVATION`."""
    told = dict(zip(OBSERVATION.split(", "), row, strict=True))
    for name, kind in (("unlisted", Limit), ("bound", Bound), ("span", WindowObservation)):
        told[name] = told[name] and kind.model_validate_json(told[name])
    return Observation(**told)


def block_of(row: Row) -> Block:
    """Return a row of `BLOCK`."""
    told = dict(zip(BLOCK.split(", "), row, strict=True))
    return Block(**{**told, "tester": told["tester"] or None})


def reopening_of(row: Row) -> Reopening:
    """Return a row of `REOPENED`."""
    bucket, until, reason, closed_at, origin, at, who, note = row
    block = Block(bucket=bucket, until=until, reason=reason, at=closed_at, origin=origin)
    return Reopening(block=block, at=at, who=who, note=note)


def reopening_values(one: Reopening) -> tuple[str, float, str, float, str, float, str, str]:
    """Return the values of `REOPENED`."""
    was = one.block
    return was.bucket, was.until, was.reason, was.at, was.origin, one.at, one.who, one.note


def factor_of(row: Row) -> tuple[str, Factor]:
    """Return a row of `FACTOR`: name and factor."""
    name, mean, deviation, samples, at = row
    return str(name), Factor(mean=mean, deviation=deviation, samples=samples, at=at)


def unconfirmed_of(row: Row) -> Unconfirmed:
    """Return a row of `UNCONFIRMED`."""
    name, provider, account, model, at, outcome, pico, funds, tag = row
    return Unconfirmed(
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


def known_of(row: Row) -> KnownAttempt:
    """Return a row of `KNOWN`."""
    name, at, state, outcome, sent, pico, principal, *rest = row
    if state in (State.HELD, State.UNCONFIRMED):
        outcome = str(state)
    elif outcome == OWNER_DIED:
        outcome = State.UNCONFIRMED.value
    else:
        outcome = "unsent" if not sent else "answered" if outcome == "ok" else "failed"
    told = dict(zip(FACTS, rest, strict=True))
    return KnownAttempt(attempt_id=name, at=at, outcome=outcome, cost=Money(pico=pico), principal=principal, **told)


def timing_of(row: Row) -> Timing:
    """Return a row of `TIMING`; tokens that were only estimated tell nothing."""
    name, provider, model, ended_at, seconds, first, tag, basis, *tokens = row
    prompt, cached, output = tokens if basis == Basis.MEASURED else (0, 0, 0)
    return Timing(f"{provider}/{model}", ended_at, seconds, first, prompt, cached, output, task=tag, attempt_id=name)


def usage_of(row: Row) -> UsageRow:
    """Return a row of provider, model, day, tag, and the counts and the money of `UsageRow`, in its order."""
    provider, model, day, tag, *figures = row
    told: dict[str, Any] = dict(zip(_FIGURES, map(int, figures), strict=True))
    told |= {name: Money(pico=told[name]) for name in _FIGURES[-3:]}
    return UsageRow(provider=provider, model=model, day=None if day is None else day_text(day), tag=tag, **told)
