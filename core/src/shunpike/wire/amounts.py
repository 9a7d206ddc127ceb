"""Amounts of money in answers, exactly as they were written."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from shunpike.wire.lenient import Stated

LARGEST = 30
"""Decimal digits before or after the point, beyond which a number is a mistake of the sender."""


def exact(value: Any) -> Decimal | None:
    """Return an amount as it was written, as text or as a number; None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(value.text if isinstance(value, Stated) else str(value).strip())
    except (InvalidOperation, ValueError):  # an integer of thousands of digits has no text
        return None
    return amount if amount.is_finite() and abs(amount.adjusted()) < LARGEST else None
