"""How many of a model's answers are any, by task: what is empty, cut off, refused, unreadable or looping is none."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

MOST = 2000
"""Pairs of target and task that are kept: those that answered last."""
USUAL = 0.98
"""What is taken for a model of which little was seen."""
PRIOR = 20.0
"""How many answers that is worth."""
WINDOW = 200.0
"""Answers after which the older ones begin to count less: a model may be repaired."""


class _Seen(NamedTuple):
    answers: float = 0.0
    usable: float = 0.0

    def drawn_to(self, usual: float) -> float:
        """Return the share of usable ones, the nearer to ``usual`` the fewer were seen."""
        return (self.usable + PRIOR * usual) / (self.answers + PRIOR)


class UsableAnswers:
    """Counts in this process. A task that was seldom seen is taken as the model is, a model as models are."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str | None], _Seen] = OrderedDict()

    def note(self, label: str, task: str | None, *, usable: bool) -> None:
        """Take in one answer of the target ``label`` to a request about ``task``."""
        self._add((label, None), usable=usable)
        if task is not None:
            self._add((label, task), usable=usable)

    def share(self, label: str, task: str | None) -> float | None:
        """Return the share of its answers about ``task`` that are of use, None where none of it was seen at all."""
        known = self._seen.get((label, None))
        if known is None:
            return None
        of_all = known.drawn_to(USUAL)
        own = None if task is None else self._seen.get((label, task))
        return of_all if own is None else own.drawn_to(of_all)

    def _add(self, key: tuple[str, str | None], *, usable: bool) -> None:
        answers, good = self._seen.pop(key, _Seen())
        keep = min(1.0, WINDOW / (answers + 1))
        self._seen[key] = _Seen(keep * (answers + 1), keep * (good + usable))
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)
