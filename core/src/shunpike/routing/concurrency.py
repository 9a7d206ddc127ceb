"""How many calls an account bears at a time, found by trying where nobody published it.

Additive increase, multiplicative decrease: an answer adds 1/limit where at least half of the limit was in use, a sign
of overload takes a tenth, once for all that had begun before. Until the first such sign each answer adds a whole one,
so that the limit doubles with each round of calls. A refusal that can only mean what runs at a time also says with how
many: that many are not tried again before so many answers have come as `PATIENCE`, twice as many after each refusal
that follows. Pure: times are seconds of one clock that is never set back.
"""

from __future__ import annotations

FIRST, LEAST, MOST = 4, 1, 64
"""The limit at first, and its bounds."""
ANY = 1_000_000
"""In place of a limit: it holds nobody back, and still counts how many run."""
PATIENCE, MOST_PATIENT = 64, 1_024
"""Answers before one more than was refused is tried: after the first refusal, and at most."""
STALE = 600.0
"""Seconds after which it is tried in any case: servers change."""
_LESS = 0.9


class Concurrency:
    """The limit of one account. ``at_once`` is how many ran with a call, itself counted."""

    def __init__(self) -> None:
        self._limit = float(FIRST)
        self._cut_mono = float("-inf")
        self._is_new = True
        self._refused_with: int | None = None
        """How many ran when one was refused for that."""
        self._refused_mono = 0.0
        self._answers = 0
        """How many came since."""
        self._patience = PATIENCE

    @property
    def is_guessed(self) -> bool:
        """Whether nothing spoke against more as yet."""
        return self._is_new

    @property
    def refused_with(self) -> int | None:
        """With how many at a time one was refused for that, None where none was."""
        return self._refused_with

    def allowed(self, now_mono: float) -> int:
        """Return how many may run at a time."""
        whole = int(self._limit)
        if self._refused_with is None:
            return whole
        if self._answers >= self._patience or now_mono - self._refused_mono >= STALE:
            return self._refused_with
        return max(min(whole, self._refused_with - 1), LEAST)

    def answered(self, at_once: int, now_mono: float) -> None:
        """Take in a good answer."""
        if self._refused_with is not None:
            self._answers += 1
            if at_once >= self._refused_with:
                self._refused_with, self._patience = None, PATIENCE
                self._limit = max(self._limit, float(at_once))
        if 2 * at_once >= self.allowed(now_mono):
            most = MOST if self._refused_with is None else max(self._refused_with, LEAST)
            self._limit = min(self._limit + (1.0 if self._is_new else 1.0 / self._limit), float(most))

    def overloaded(self, at_once: int, began_mono: float, now_mono: float) -> None:
        """Take in a sign of overload, or that time ran out, of a call that did not run alone."""
        if at_once <= 1:
            return
        self._is_new = False
        if began_mono >= self._cut_mono:
            self._limit, self._cut_mono = max(self._limit * _LESS, float(LEAST)), now_mono

    def refused(self, at_once: int, began_mono: float, now_mono: float) -> None:
        """Take in a refusal that names neither a limit nor a moment: so many at a time are too many."""
        if at_once <= 1:
            return
        self.overloaded(at_once, began_mono, now_mono)
        if self._refused_with is not None and began_mono >= self._refused_mono:
            self._patience = min(2 * self._patience, MOST_PATIENT)
        self._refused_with = at_once if self._refused_with is None else min(at_once, self._refused_with)
        self._answers, self._refused_mono = 0, now_mono
