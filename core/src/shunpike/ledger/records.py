"""The ledger's words made of the rows that stores read: the columns in the order of each function's first line."""

from __future__ import annotations

from typing import Any, LiteralString

from shunpike.ledger.totals import day_text
from shunpike.types import (
    Block,
    Bound,
    Confidence,
    Factor,
    Funds,
    KnownAttempt,
    Limit,
    Money,
    Observation,
    Reopening,
    State,
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
KNOWN: LiteralString = "id, started_at, state, outcome, sent, cost_pico"
UNCONFIRMED: LiteralString = "id, provider, account, model, started_at, outcome, cost_pico, funds, tag"


def observation_of(row: Row) -> Observation:
    """Return a row of `OBSERVATION`."""
    bucket, amount, remaining, resets_at, at, confidence, origin, overages, unlisted, bound, span = row
    return Observation(
        bucket=bucket,
        amount=amount,
        remaining=remaining,
        resets_at=resets_at,
        at=at,
        confidence=Confidence(confidence),
        origin=origin,
        overages=overages,
        unlisted=None if unlisted is None else Limit.model_validate_json(unlisted),
        bound=None if bound is None else Bound.model_validate_json(bound),
        span=None if span is None else WindowObservation.model_validate_json(span),
    )


def block_of(row: Row) -> Block:
    """Return a row of `BLOCK`."""
    bucket, until, reason, at, origin, test_at, tester, failures, kind = row
    return Block(
        bucket=bucket,
        until=until,
        reason=reason,
        at=at,
        origin=origin,
        test_at=test_at,
        tester=tester or None,
        failures=failures,
        kind=kind,
    )


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
    name, at, state, outcome, sent, pico = row
    if state in (State.HELD, State.UNCONFIRMED):
        outcome = str(state)
    else:
        outcome = "unsent" if not sent else "answered" if outcome == "ok" else "failed"
    return KnownAttempt(attempt_id=name, at=at, outcome=outcome, cost=Money(pico=pico))


def usage_of(row: Row) -> UsageRow:
    """Return provider, model, day, tag, the counts and the money of `UsageRow`, in its order."""
    provider, model, day, tag, requests, answered, released, unconfirmed, held, overages, *rest = row
    prompt, completion, cost, credit, listed = rest
    return UsageRow(
        provider=provider,
        model=model,
        day=None if day is None else day_text(day),
        tag=tag,
        requests=int(requests),
        answered=int(answered),
        released=int(released),
        unconfirmed=int(unconfirmed),
        held=int(held),
        overages=int(overages),
        prompt_tokens=int(prompt),
        completion_tokens=int(completion),
        cost=Money(pico=int(cost)),
        credit=Money(pico=int(credit)),
        list_value=Money(pico=int(listed)),
    )
