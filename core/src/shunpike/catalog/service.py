"""What a tier of service makes of a list price: before an answer the dearest possible, after it the named one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from shunpike.types import Price

AUTO = "auto"
"""The tier that leaves the choice to the account's own settings, which nobody here knows."""
ONE = Decimal(1)

Factors = Mapping[str, Decimal]


def worst_price(price: Price | None, factors: Factors, asked: str | None) -> Price | None:
    """Return the most that ``price`` can become where ``asked`` is the tier asked for; None = unknown.

    A provider may serve at its usual tier whatever was asked, so a cheaper tier takes nothing off.
    """
    if price is None or not factors:
        return price
    factor = factors.get((asked or AUTO).lower(), ONE if asked is None else None)
    return None if factor is None else price.times(max(ONE, factor))


def served_price(price: Price | None, factors: Factors, asked: str | None, named: str | None) -> Price | None:
    """Return ``price`` at the tier that an answer names, else at the one asked for; None = unknown."""
    if price is None or not factors or not (named or asked):
        return price
    factor = factors.get((named or asked or AUTO).lower())
    return None if factor is None else price.times(factor)
