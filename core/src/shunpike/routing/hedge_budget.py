"""Whether a slow attempt may be hedged: how many requests are, after how long, and what must be left where.

A hedge asks another provider while the first still may answer. It helps a person against the slowest twentieth of
answers, and costs an attempt each time.
"""

from __future__ import annotations

from collections.abc import Iterable

from shunpike.types import Calendar, Lifetime, Limit, Remaining, Rolling, Speed, Unit

REQUESTS_PER_HEDGE = 20
"""At most one of so many requests is hedged."""
_MOST_SAVED = 10
"""Hedges that may follow each other after many requests that needed none."""
LEAST_LEFT = 5
"""A window of which less than one part in so many is left is not hedged into."""
SCARCE = 100
"""Requests: a limit of a day, or longer, that is smaller is not hedged into at all."""
_DAY = 86_400.0


class HedgeBudget:
    """Keeps hedges below their share of the requests that might have had one."""

    def __init__(self) -> None:
        self._saved = 0

    def counted(self) -> None:
        """Count a request that may be hedged."""
        self._saved = min(self._saved + 1, _MOST_SAVED * REQUESTS_PER_HEDGE)

    def take(self) -> bool:
        """Take one hedge; return whether there was one."""
        if self._saved < REQUESTS_PER_HEDGE:
            return False
        self._saved -= REQUESTS_PER_HEDGE
        return True


def hedge_after(speed: Speed | None, expected_output: int, *, streamed: bool) -> float | None:
    """Return the seconds after which an answer is among the slowest twentieth, None where too little is known.

    Of a stream that is its first content; of a whole answer, what its tokens are expected to take is added.
    """
    if speed is None or speed.first_token_p95 is None:
        return None
    if streamed:
        return speed.first_token_p95
    if speed.tokens_per_second is None:
        return None
    return speed.first_token_p95 + expected_output / speed.tokens_per_second


def has_room(remaining: Iterable[Remaining]) -> bool:
    """Whether a second attempt takes nothing that is scarce there."""
    return all(_has_room(one) for one in remaining)


def _has_room(one: Remaining) -> bool:
    limit = one.limit
    if not isinstance(limit.window, Rolling | Calendar | Lifetime):
        return one.left > 0
    if limit.unit is Unit.REQUEST and _is_long(limit) and limit.amount < SCARCE:
        return False
    return one.left * LEAST_LEFT >= limit.amount


def _is_long(limit: Limit) -> bool:
    return not isinstance(limit.window, Rolling) or limit.window.seconds >= _DAY
