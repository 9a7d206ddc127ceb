"""Prices as the provider's own bill computes them, in whole pico-dollars (1e-12 US dollar)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

PICO = 10**12


def pico(dollars: str) -> int:
    """Turn a dollar amount written as text into pico-dollars."""
    return int(Decimal(dollars) * PICO)


def per_token(dollars_per_million: str) -> int:
    """Turn dollars per million tokens into pico-dollars per token; anything finer is refused."""
    amount = Decimal(dollars_per_million) * 1_000_000
    if amount != int(amount):
        raise ValueError(f"{dollars_per_million} per million is finer than a pico-dollar per token")
    return int(amount)


@dataclass(frozen=True, slots=True)
class Rates:
    """Pico-dollars per token."""

    prompt: int
    completion: int
    cached: int


@dataclass(frozen=True, slots=True)
class ListPrice:
    """One row of a price list; ``until`` is the first day on which it no longer holds."""

    rates: Rates
    until: date | None = None
    above: int | None = None
    above_rates: Rates | None = None


@dataclass(frozen=True, slots=True)
class Peak:
    """Hours (UTC, half-open) at full price; all others cost the ``off_peak`` share."""

    weekdays: tuple[int, ...]
    hours: tuple[tuple[int, int], ...]
    off_peak: Decimal

    def holds(self, moment: datetime) -> bool:
        """Tell whether ``moment`` is at peak price."""
        inside = any(first <= moment.hour < last for first, last in self.hours)
        return inside and moment.weekday() in self.weekdays


def rates_at(prices: tuple[ListPrice, ...], peak: Peak | None, now: float, prompt_tokens: int) -> Rates:
    """Return the rates in force for a prompt of this size at this moment."""
    moment = datetime.fromtimestamp(now, UTC)
    row = next(price for price in prices if price.until is None or moment.date() < price.until)
    rates = row.rates
    if row.above is not None and row.above_rates is not None and prompt_tokens > row.above:
        rates = row.above_rates
    if peak is None or peak.holds(moment):
        return rates
    share = peak.off_peak
    return Rates(*(int(rate * share) for rate in (rates.prompt, rates.completion, rates.cached)))


def cost(rates: Rates, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> int:
    """Return pico-dollars for one answer; cached tokens are part of the prompt."""
    fresh = prompt_tokens - cached_tokens
    return fresh * rates.prompt + cached_tokens * rates.cached + completion_tokens * rates.completion
