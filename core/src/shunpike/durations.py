"""Spans of time as people write them: one grammar for calls, options of commands and settings."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from typing import SupportsFloat

_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
LONGEST = 36_500 * 86_400
"""Seconds: what lies further away can't be told as a date."""
EXPECTED = "seconds above 0, or a span such as 90s, 5m, 6h or 2d"


def span(value: object) -> float:
    """Return the seconds of ``90``, ``"90s"``, ``"5m"``, ``"6h"`` or ``"2d"``. Raises `ValueError` for others."""
    seconds = math.nan
    if isinstance(value, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min|h|d|)", value.strip(), re.ASCII)
        if found is not None:
            seconds = float(found[1]) * _UNITS[found[2]]
    elif isinstance(value, SupportsFloat) and not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):
            seconds = float(value)
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"should be {EXPECTED}")
    return seconds
