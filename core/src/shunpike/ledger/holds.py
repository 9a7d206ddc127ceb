"""From limits and budgets to holds: everything that one attempt takes, all at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from shunpike.ledger.buckets import bucket_of, gate_of, paid_gate_of
from shunpike.ledger.grants import operated, shapes_of
from shunpike.ledger.learning import corrected
from shunpike.ledger.terms import Terms, prompt_bound
from shunpike.protocols import AdmissionRequest, Target
from shunpike.types import (
    Denial,
    DenialCause,
    Funds,
    Held,
    Hold,
    Lifetime,
    Limit,
    Money,
    Observation,
    Owner,
    Scope,
    Settings,
    Settlement,
    Unit,
)
from shunpike.types.limits import BoundLimit

Observations = Mapping[str, Observation]
"""Bucket → what its provider was last seen to say of it."""
_NONE: Observations = {}


def demand(limit: Limit, ask: AdmissionRequest, terms: Terms) -> int:
    """Return what an attempt holds of a limit: the most that it can take, or of tokens what it is likely to take.

    Where the provider looks at what a request asks for, that is its cap. What is paid for holds some money even at a
    price of zero: the provider may state a cost all the same, which is booked where something was held.
    """
    likely = ask.max_output if ask.likely_output is None or limit.counts != "used" else ask.likely_output
    match limit.unit:
        case Unit.REQUEST | Unit.CONCURRENT:
            return 1
        case Unit.INPUT_TOKEN | Unit.OUTPUT_TOKEN | Unit.TOTAL_TOKEN as unit:
            prompt = 0 if unit is Unit.OUTPUT_TOKEN else ask.prompt_tokens
            return prompt if unit is Unit.INPUT_TOKEN else prompt + likely * ask.choices
        case Unit.USD:
            return max(terms.worst.pico, 0 if terms.funds is Funds.FREE else 1)
        case Unit.LIST_USD if terms.price is not None:
            return terms.price.worst(prompt_bound(ask), ask.max_output * ask.choices).pico
    return 0


def limits_in_force(
    target: Target, limits: Sequence[Limit], terms: Terms, settings: Settings, observations: Observations = _NONE
) -> dict[str, Limit]:
    """Return bucket → limit of what is counted at a provider: its limits, the operator's own, the granted credit.

    The provider's are those that were granted, corrected by what it was seen to say. Where two limits count the same
    thing, the smaller holds, unless the operator's overrides.
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


def _credit(target: Target) -> Iterator[tuple[str, Limit]]:
    tier = target.provider.tier(target.tier)
    if tier.credit_usd is not None:
        amount = Money.usd(tier.credit_usd).pico
        source = f"credit granted on the {tier.name} tier"
        limit = Limit(unit=Unit.USD, amount=amount, window=Lifetime(), scope=Scope.ACCOUNT, source=source)
        yield bucket_of(target, limit), limit


def holds_for(target: Target, ask: AdmissionRequest, terms: Terms, bounds: Iterable[BoundLimit]) -> tuple[Hold, ...]:
    """Return what one attempt takes, the gates of its scopes first: a gate takes nothing, it can only be closed."""
    gates = gates_of(target, bounds, paid=bool(terms.worst))
    holds = [Hold.model_construct(bucket=gate, limit=_GATE, amount=0) for gate in gates]
    for one in bounds:
        amount = demand(one.limit, ask, terms)
        if amount:
            holds.append(Hold.model_construct(bucket=one.bucket, limit=one.limit, amount=amount, owner=one.owner))
    return tuple(holds)


def uncached_in(in_force: Mapping[str, Limit], settlement: Settlement) -> tuple[str, ...]:
    """Return the buckets in which those tokens of the prompt don't count that the provider had in its cache."""
    if not settlement.usage.cached_tokens:
        return ()
    return tuple(bucket for bucket, limit in in_force.items() if limit.cached == "free")


def gates_of(target: Target, bounds: Iterable[BoundLimit], *, paid: bool | None = None) -> tuple[str, ...]:
    """Return the gates that a call passes: of its account, its model and its pools, and of what costs something."""
    gates = [gate_of(target, Scope.ACCOUNT), gate_of(target, Scope.MODEL)]
    if target.paid if paid is None else paid:
        gates.append(paid_gate_of(target))
    own = [one.limit for one in bounds if one.owner is Owner.PROVIDER and one.limit.scope is Scope.POOL]
    gates += [gate_of(target, Scope.POOL, limit.pool) for limit in own]
    return tuple(dict.fromkeys(gates))


def plain_request(estimated: AdmissionRequest, counted: AdmissionRequest) -> AdmissionRequest:
    """Return the ask by the plain estimate of its prompt, unless less was learned; money stays as counted."""
    tokens = estimated.prompt_tokens
    if tokens >= counted.prompt_tokens:
        return counted
    return counted.model_copy(update={"prompt_tokens": tokens, "prompt_bound": prompt_bound(counted)})


def fitted(holds: tuple[Hold, ...], plain: AdmissionRequest, terms: Terms) -> tuple[Hold, ...]:
    """Return the holds, those of all that a limit has where only by what was learned it would be too little.

    What was learned is a guess: it may make an attempt wait, never impossible.
    """
    return tuple(
        hold.model_copy(update={"amount": hold.limit.amount})
        if hold.amount > hold.limit.amount >= demand(hold.limit, plain, terms)
        else hold
        for hold in holds
    )


_GATE = Limit(unit=Unit.CONCURRENT, amount=0, window=Held(), scope=Scope.ACCOUNT, source="closed by the provider")


def too_large(holds: Sequence[Hold], ask: AdmissionRequest, terms: Terms) -> Denial | None:
    """Return the denial of a request that alone exceeds a limit, by the limit of which the least would fit."""
    denials = [
        Denial(
            cause=DenialCause.TOO_LARGE,
            limit=one.limit,
            bucket=one.bucket,
            owner=one.owner,
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
        case Unit.USD | Unit.LIST_USD if terms.price is not None and terms.price.completion:
            left = room - terms.price.worst(prompt_bound(ask), 0).pico
            return max(0, left) // (terms.price.completion * ask.choices)
        case Unit.USD | Unit.LIST_USD:
            return 0
        case _:
            return None
