"""Budgets as the limits that they are: the operator's own, and those of whoever asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from shunpike.ledger.buckets import budget_bucket, principal_bucket
from shunpike.ledger.terms import Terms
from shunpike.protocols import Target
from shunpike.types import Budget, Calendar, Confidence, Funds, Lifetime, Limit, Owner, Principal, Scope, Settings, Unit
from shunpike.types.limits import BoundLimit


@lru_cache(1024)
def budget_limit(budget: Budget, name: str = "budget") -> Limit:
    """Return a budget as the limit that it is; ``name`` is what a person calls it by."""
    window = Lifetime() if budget.period == "lifetime" else Calendar(period=budget.period, zone=budget.zone)
    whose = "" if budget.provider is None else f" for {budget.provider}"
    return Limit(
        unit=budget.unit,
        amount=budget.amount.pico,
        window=window,
        scope=Scope.ACCOUNT,
        source=f"{name}{whose}",
        confidence=Confidence.OPERATOR,
    )


def budgets_in_force(
    target: Target, terms: Terms, settings: Settings, principal: Principal | None
) -> Iterator[BoundLimit]:
    """Yield what bounds an attempt beside its provider.

    Budgets of money bound what the owner pays: a granted credit is bounded by its own amount. Those of list value
    bound every attempt.
    """
    for budget in _of(target, terms, settings.budgets):
        yield BoundLimit(budget_bucket(budget), budget_limit(budget), Owner.OPERATOR)
    if principal is None:
        return
    for budget in _of(target, terms, principal.budgets):
        limit = budget_limit(budget, f"budget of {principal.id}")
        yield BoundLimit(budget_bucket(budget, principal), limit, Owner.PRINCIPAL)
    for limit in principal.limits:
        named = limit.model_copy(update={"source": f"limit of {principal.id}"})
        yield BoundLimit(principal_bucket(principal, limit), named, Owner.PRINCIPAL)


def _of(target: Target, terms: Terms, budgets: Sequence[Budget]) -> Iterator[Budget]:
    mine = (None, target.name, target.provider.id)
    for budget in budgets:
        if budget.provider in mine and (budget.unit is Unit.LIST_USD or terms.funds is Funds.PAID):
            yield budget


def least(bounds: Iterator[BoundLimit]) -> tuple[BoundLimit, ...]:
    """Return the bounds, of several in one bucket the smallest."""
    found: dict[str, BoundLimit] = {}
    for one in bounds:
        known = found.get(one.bucket)
        if known is None or one.limit.amount < known.limit.amount:
            found[one.bucket] = one
    return tuple(found.values())
