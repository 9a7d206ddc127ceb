"""Durations as Go prints them, which is how Groq and OpenAI write their reset headers."""

from __future__ import annotations

import math

from shunpike_sandbox.limits import LimitReading


def duration(seconds: float) -> str:
    """Write ``1m26.4s``, ``644ms`` or ``0s``, rounded up to the millisecond."""
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    if milliseconds <= 0:
        return "0s"
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    whole = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    if hours:
        return f"{hours}h{minutes}m{whole}s"
    return f"{minutes}m{whole}s" if minutes else f"{whole}s"


def limit_headers(name: str, reading: LimitReading, reset: float) -> dict[str, str]:
    """Return the three headers of a limit that comes back in ``reset`` seconds."""
    return {
        f"x-ratelimit-limit-{name}": str(reading.quota.amount),
        f"x-ratelimit-remaining-{name}": str(reading.remaining),
        f"x-ratelimit-reset-{name}": duration(reset),
    }
