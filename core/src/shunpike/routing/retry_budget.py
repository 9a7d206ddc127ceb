"""How often what failed is asked again: a budget for each target, shared by all requests of this process.

A target that mostly fails is asked by requests for the first time, not again and again by each: 10 tokens, one less for
each attempt that failed, a tenth more for each that answered. Above 5 a request may ask it again; a few a minute may
always, as a tenth of twenty calls a day is two.
"""

from __future__ import annotations

from collections import deque
from random import Random

MOST, ABOVE = 100, 50
"""Tenths of a token: how many there are at most, and above how many a retry is allowed."""
PER_FAILURE, PER_ANSWER = 10, 1
ALWAYS, MINUTE = 3, 60.0
"""Retries that are allowed in so many seconds, however few tokens there are."""
FIRST, LONGEST = 1.0, 8.0
"""Seconds: the longest back-off after the first failure, doubled with each further one, and at most."""


def back_off(seed: str, label: str, tries: int) -> float:
    """Return the seconds before a target is asked again after ``tries`` attempts: any of those up to a growing bound.

    The same for the same request, and another one for each, so that many that failed at a time do not come back at a
    time.
    """
    most = min(LONGEST, FIRST * 2.0 ** min(max(tries, 1) - 1, 8))
    return Random(f"{seed} {label} {tries}").uniform(0.0, most)  # noqa: S311 - no secret


class RetryBudget:
    """The tokens of each target, by its label. Times are of one clock that is never set back."""

    def __init__(self) -> None:
        self._tenths: dict[str, int] = {}
        self._retried_mono: dict[str, deque[float]] = {}

    def failed(self, label: str) -> None:
        """Note that an attempt failed there by trouble of its own."""
        self._tenths[label] = max(0, self._left(label) - PER_FAILURE)

    def answered(self, label: str) -> None:
        """Note that an attempt was answered there."""
        if label not in self._tenths:
            return
        self._tenths[label] += PER_ANSWER
        if self._tenths[label] >= MOST:
            del self._tenths[label]
            self._retried_mono.pop(label, None)

    def _left(self, label: str) -> int:
        return self._tenths.get(label, MOST)

    def allows(self, label: str, now_mono: float) -> bool:
        """Whether it may be asked again by a request at which it failed."""
        if self._left(label) > ABOVE:
            return True
        recent = self._retried_mono.get(label, ())
        return sum(1 for at_mono in recent if now_mono - at_mono < MINUTE) < ALWAYS

    def retried(self, label: str, now_mono: float) -> None:
        """Note that it is asked again."""
        self._retried_mono.setdefault(label, deque(maxlen=ALWAYS)).append(now_mono)
