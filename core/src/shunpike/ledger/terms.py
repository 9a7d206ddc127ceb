"""The rules of money: who pays for an attempt, what it can cost at most, and the wall between free and paid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shunpike.protocols import AdmissionRequest, Target
from shunpike.types import ZERO, Billing, Denial, DenialCause, Funds, Money, Owner, Price, Settings, Unit
from shunpike.types.base import Record
from shunpike.types.limits import BoundLimit

_FUNDS = {Billing.NONE: Funds.FREE, Billing.CREDIT: Funds.CREDIT, Billing.CARD: Funds.PAID}


@dataclass
class InForce:
    """The settings that hold now; they may change while attempts run."""

    settings: Settings


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
    return Terms.model_construct(funds=funds, price=price, worst=worst)


def wall(terms: Terms, settings: Settings, bounds: Iterable[BoundLimit], *, limits_known: bool) -> Denial | None:
    """Return why these terms are not allowed, None when they are; ``bounds`` are all that hold."""
    units = {one.limit.unit for one in bounds if one.owner is not Owner.PRINCIPAL or one.limit.unit is Unit.LIST_USD}
    cause = None
    if terms.funds is Funds.PAID and not settings.allow_paid:
        cause = DenialCause.PAID_OFF
    elif terms.price is None and (terms.funds is not Funds.FREE or Unit.LIST_USD in units):
        cause = DenialCause.PRICE_UNKNOWN
    elif terms.funds is not Funds.FREE and not limits_known:
        cause = DenialCause.LIMITS_UNKNOWN
    elif terms.funds is Funds.PAID and Unit.USD not in units:
        cause = DenialCause.NO_BUDGET
    return None if cause is None else Denial(cause=cause)
