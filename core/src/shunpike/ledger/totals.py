"""The days that totals are kept by."""

from __future__ import annotations

from datetime import date, timedelta

DAY = 86_400.0
"""Seconds of the UTC days that old attempts are folded into."""
_EPOCH = date(1970, 1, 1)


def day_text(number: int) -> str:
    """Return the ISO date of a UTC day, counted since the epoch."""
    return (_EPOCH + timedelta(days=number)).isoformat()
