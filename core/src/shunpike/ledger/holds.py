"""From limits and budgets to holds: everything that one attempt takes, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from shunpike.ledger.buckets import bucket_of, budget_bucket, gate_of, paid_gate_of
from shunpike.ledger.grants import operated, shapes_of
from shunpike.ledger.learning import corrected
from shunpike.ledger.terms import Terms, budgets_of, prompt_bound
from shunpike.protocols import AdmissionRequest, Target
from shunpike.types import (
    Budget,
    Calendar,
    Confidence,
    Denial,
    DenialKind,
    Funds,
    Held,
    Hold,
    Lifetime,
    Limit,
    Money,
    Observation,
    Scope,
    Settings,
    Unit,
)

Observations = Mapping[str, Observation]
"""Bucket → what its provider was last seen to say of it."""
_NONE: Observations = {}


def demand(limit: Limit, ask: AdmissionRequest, terms: Terms) -> int:
    """Return what an attempt holds of a limit: the most that it can take, or of tokens what it is likely to take.

    Where the provider looks at what a request asks for, that is its cap. What is paid for holds some money even at a
    price of zero: the provider may state a cost all the same, which is booked where something was held.
    """
    likely = ask.max_output if ask.likely_output is None or limit.counts != "used" else ask.likely_output
    output = likely * ask.choices
    return {
        Unit.REQUEST: 1,
        Unit.CONCURRENT: 1,
        Unit.INPUT_TOKEN: ask.prompt_tokens,
        Unit.OUTPUT_TOKEN: output,
        Unit.TOTAL_TOKEN: ask.prompt_tokens + output,
        Unit.USD: max(terms.worst.pico, 0 if terms.funds is Funds.FREE else 1),
    }[limit.unit]


def limits_in_force(
    target: Target, limits: Sequence[Limit], terms: Terms, settings: Settings, observations: Observations = _NONE
) -> dict[str, Limit]:
    """Return bucket → limit: the provider's, the operator's own, the granted credit and the money budgets.

    The provider's are those that were granted, corrected by what it was seen to say. Where two limits count the same
    thing, the smaller holds, unless the operator's overrides. Budgets bound the owner's money: a granted credit is
    bounded by its own amount.
    """
    found: dict[str, Limit] = {}
    for bucket, limit in _all_limits(target, limits, terms, settings, observations):
        known = found.get(bucket)
        if known is None or limit.amount < known.amount:
            found[bucket] = limit
    return found


def _all_limits(
    target: Target, limits: Sequence[Limit], terms: Terms, settings: Settings, observations: Observations
) -> Iterator[tuple[str, Limit]]:
    section = settings.providers.get(target.name)
    own = section.limits if section else ()
    granted = [
        corrected(shaped, observations.get(bucket_of(target, shaped))) for one in limits for shaped in shapes_of(one)
    ]
    for limit in operated(granted, own):
        if limit.unit is not Unit.USD or terms.funds is not Funds.FREE:
            yield bucket_of(target, limit), limit
    if terms.funds is Funds.CREDIT:
        yield from _credit(target)
    if terms.funds is Funds.PAID:
        for budget in budgets_of(target, settings):
            yield budget_bucket(budget), budget_limit(budget)


def _credit(target: Target) -> Iterator[tuple[str, Limit]]:
    tier = target.provider.tier(target.tier)
    if tier.credit_usd is not None:
        amount = Money.usd(tier.credit_usd).pico
        source = f"credit granted on the {tier.name} tier"
        limit = Limit(unit=Unit.USD, amount=amount, window=Lifetime(), scope=Scope.ACCOUNT, source=source)
        yield bucket_of(target, limit), limit


def budget_limit(budget: Budget) -> Limit:
    """Return a money budget as the limit that it is."""
    window = Lifetime() if budget.period == "lifetime" else Calendar(period=budget.period, zone=budget.zone)
    whose = "" if budget.provider is None else f" for {budget.provider}"
    return Limit(
        unit=Unit.USD,
        amount=budget.amount.pico,
        window=window,
        scope=Scope.ACCOUNT,
        source=f"budget{whose}",
        confidence=Confidence.OPERATOR,
    )


def holds_for(target: Target, ask: AdmissionRequest, terms: Terms, in_force: dict[str, Limit]) -> tuple[Hold, ...]:
    """Return what one attempt takes, the gates of its scopes first: a gate takes nothing, it can only be closed."""
    gates = [gate_of(target, Scope.ACCOUNT), gate_of(target, Scope.MODEL)]
    if terms.worst:
        gates.append(paid_gate_of(target))
    gates += [gate_of(target, Scope.POOL, limit.pool) for limit in in_force.values() if limit.scope is Scope.POOL]
    holds = [Hold(bucket=gate, limit=_GATE, amount=0) for gate in dict.fromkeys(gates)]
    for bucket, limit in in_force.items():
        amount = demand(limit, ask, terms)
        if amount:
            holds.append(Hold(bucket=bucket, limit=limit, amount=amount))
    return tuple(holds)


_GATE = Limit(unit=Unit.CONCURRENT, amount=0, window=Held(), scope=Scope.ACCOUNT, source="closed by the provider")


def too_large(holds: Sequence[Hold], ask: AdmissionRequest, terms: Terms) -> Denial | None:
    """Return the refusal of a request that alone exceeds a limit, by the limit of which the least would fit."""
    denials = [
        Denial(
            limit=one.limit,
            bucket=one.bucket,
            kind=DenialKind.IMPOSSIBLE,
            impossible=True,
            fits=fits(one.limit, one.limit.amount, ask, terms),
        )
        for one in holds
        if one.amount > one.limit.amount
    ]
    return min(denials, key=lambda denial: denial.fits or 0, default=None)


def fits(limit: Limit, room: int, ask: AdmissionRequest, terms: Terms) -> int | None:
    """Return the output tokens per choice that fit into ``room`` of ``limit``; None where it does not depend on them.

    0 where even the prompt does not fit.
    """
    match limit.unit:
        case Unit.OUTPUT_TOKEN:
            return room // ask.choices
        case Unit.TOTAL_TOKEN:
            return max(0, room - ask.prompt_tokens) // ask.choices
        case Unit.USD if terms.price is not None and terms.price.completion:
            left = room - terms.price.worst(prompt_bound(ask), 0).pico
            return max(0, left) // (terms.price.completion * ask.choices)
        case Unit.USD:
            return 0
        case _:
            return None
