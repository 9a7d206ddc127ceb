"""The rules of money: who pays for an attempt, what it can cost at most, and the wall between free and paid."""

from __future__ import annotations

from shunpike.protocols import AdmissionRequest, Target
from shunpike.types import (
    ZERO,
    Billing,
    Budget,
    Denial,
    DenialKind,
    Funds,
    Lifetime,
    Limit,
    Money,
    Price,
    Scope,
    Settings,
    Unit,
)
from shunpike.types.base import Record

_FUNDS = {Billing.NONE: Funds.FREE, Billing.CREDIT: Funds.CREDIT, Billing.CARD: Funds.PAID}


class Terms(Record):
    """What an attempt costs whom. ``price`` None = unknown, which is never zero."""

    funds: Funds
    price: Price | None
    worst: Money
    """The most it can cost; zero when nobody pays."""


def funds_of(target: Target, settings: Settings) -> Funds:
    """Return who pays for a call of ``target``, by the account's tier and the operator's own declaration."""
    section = settings.providers.get(target.name)
    if section is not None and section.price == "free":
        return Funds.FREE
    return _FUNDS[target.provider.tier(target.tier).billing]


def budgets_of(target: Target, settings: Settings) -> tuple[Budget, ...]:
    """Return the money budgets that bound what ``target`` may cost."""
    mine = (None, target.name, target.provider.id)
    return tuple(budget for budget in settings.budgets if budget.provider in mine)


def prompt_bound(ask: AdmissionRequest) -> int:
    """Return the bound of the prompt's tokens that money is held with."""
    return max(ask.prompt_tokens, ask.prompt_bound or 0)


def terms_of(target: Target, ask: AdmissionRequest, settings: Settings) -> Terms:
    """Return the terms of one attempt: the price frozen at its planning, else the target's own."""
    funds = funds_of(target, settings)
    price = target.price if ask.price is None else ask.price
    worst = ZERO
    if price is not None and funds is not Funds.FREE:
        worst = price.worst(prompt_bound(ask), ask.max_output * ask.choices)
    return Terms(funds=funds, price=price, worst=worst)


def wall(terms: Terms, settings: Settings, *, limits_known: bool, bounded: bool) -> Denial | None:
    """Return why money may not be spent on these terms, None when it may or none is needed."""
    if terms.funds is Funds.FREE:
        return None
    if terms.funds is Funds.PAID and not settings.allow_paid:
        return _closed("allow_paid is off")
    if terms.price is None:
        return _closed("price unknown")
    if not limits_known:
        return _closed("limits unknown")
    if terms.funds is Funds.PAID and not bounded:
        return _closed("allow_paid is on, but no budget bounds it")
    return None


def _closed(reason: str) -> Denial:
    limit = Limit(unit=Unit.USD, amount=0, window=Lifetime(), scope=Scope.ACCOUNT, source=reason)
    return Denial(limit=limit, bucket="policy", kind=DenialKind.MONEY, impossible=True)
