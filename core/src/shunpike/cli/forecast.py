"""Where the spending of the last weeks leads: to the end of the day and of the month (UTC), with an interval."""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from statistics import fmean, stdev

from shunpike.types import Money
from shunpike.types.base import Record

ENOUGH = 7
"""Whole days with traffic that are needed before anything is projected."""
BACK = 28
"""Days that are looked back."""
_SPREAD = 1.96
"""Standard deviations to both sides: nineteen of twenty, as far as days are alike and independent."""


class Projection(Record):
    """What will have been spent at the end of a period: most likely, at least, at most."""

    period: str
    expected: Money
    low: Money
    high: Money

    @property
    def text(self) -> str:
        """The projection for a person."""
        return f"by the end of the {self.period}: about {self.expected} ({self.low} to {self.high})"


def projections(days: Mapping[date, int], today: date, passed: float) -> tuple[Projection, ...]:
    """Return the projections for the day and the month, none before there is enough to go by.

    Args:
        days: Date → pico-dollars spent; a day without an entry had no traffic and counts as nothing.
        today: The present date.
        passed: The share of it that has passed.

    """
    begun = min((day for day in days if day < today), default=today)
    whole = [days.get(today - timedelta(days=back), 0) for back in range(1, min(BACK, (today - begun).days) + 1)]
    if sum(today - timedelta(days=BACK) <= day < today for day in days) < ENOUGH:
        return ()
    mean, spread = fmean(whole), stdev(whole)
    spent_today = days.get(today, 0)
    spent = sum(pico for day, pico in days.items() if (day.year, day.month) == (today.year, today.month))
    rest = 1 - passed
    to_come = rest + monthrange(today.year, today.month)[1] - today.day
    return (
        _projection("day", spent_today, mean, spread, rest),
        _projection("month", spent, mean, spread, to_come),
    )


def _projection(period: str, spent: int, mean: float, spread: float, days: float) -> Projection:
    away = _SPREAD * spread * math.sqrt(days)
    expected = spent + mean * days
    low = max(float(spent), expected - away)
    return Projection(
        period=period,
        expected=Money(pico=round(expected)),
        low=Money(pico=round(low)),
        high=Money(pico=round(expected + away)),
    )
