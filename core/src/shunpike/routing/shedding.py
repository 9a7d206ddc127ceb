"""Sheds a part of the calls at a target that answers too few of them, so that it can recover and others answer.

The part is ``max(0, (n - 2 * accepted) / (n + 1))`` of the ``n`` calls of the last two minutes, those counted that were
shed: nothing while half are accepted, nearly all while none is. Pure: times are seconds of one clock that is never set
back.
"""

from __future__ import annotations

from collections import Counter, deque

WINDOW = 120.0
"""Seconds that are looked at."""
FEWEST = 5
"""Calls that tell nothing yet."""
_STEP = 10.0
OK = "ok"
"""The kind of a call that was accepted: answered, or refused for what it asked."""
SHED = "shed"
"""The kind of one that was shed."""


def part(calls: int, accepted: int) -> float:
    """Return the part of the calls that is to be shed where so many of so many were accepted."""
    return max(0.0, (calls - 2 * accepted) / (calls + 1)) if calls >= FEWEST else 0.0


class Acceptance:
    """What became of the calls at one target within the last two minutes."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, Counter[str]]] = deque()
        self._calls = self._accepted = 0

    def note(self, kind: str, now_mono: float) -> None:
        """Count one call: the kind of its failure, `OK` or `SHED`."""
        step = int(now_mono // _STEP)
        self._forget(now_mono)
        if not self._steps or self._steps[-1][0] != step:
            self._steps.append((step, Counter()))
        self._steps[-1][1][kind] += 1
        self._calls += 1
        self._accepted += kind == OK

    def _forget(self, now_mono: float) -> None:
        while self._steps and (self._steps[0][0] + 1) * _STEP <= now_mono - WINDOW:
            _, counts = self._steps.popleft()
            self._calls -= counts.total()
            self._accepted -= counts[OK]

    def counts(self, now_mono: float) -> Counter[str]:
        """Return kind → how many."""
        self._forget(now_mono)
        return sum((counts for _, counts in self._steps), Counter())

    def accepted(self, now_mono: float) -> tuple[int, int]:
        """Return how many of how many were accepted."""
        self._forget(now_mono)
        return self._accepted, self._calls

    def shed(self, now_mono: float) -> float:
        """Return the part of the calls that is to be shed, from 0 to 1."""
        accepted, calls = self.accepted(now_mono)
        return part(calls, accepted)
