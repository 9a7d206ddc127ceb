"""How long answers are, learned of those that came: by task and model, as far as enough of each were seen.

A moving mean for each. What is seldom seen is drawn towards what it is a part of: a model at a task towards the task,
and a task, or a model, towards all answers.
"""

from __future__ import annotations

import math
from collections import OrderedDict

TYPICAL_OUTPUT = 300
"""Tokens of an answer as long as none was seen."""
WEIGHT = 0.05
"""Of the newest answer in a mean: about the last forty count."""
PRIOR = 5.0
"""Answers that the mean of the larger group counts for."""
_MOST = 4_000
"""Means that are kept, those that were used last: tags are the callers' own."""


class AnswerLengths:
    """What answers took, in tokens of one choice."""

    def __init__(self) -> None:
        self._means: OrderedDict[tuple[str | None, str | None], tuple[float, int]] = OrderedDict()

    def answered(self, task: str | None, label: str, tokens: float) -> None:
        """Take in an answer of ``label`` to a request of ``task``; of no tokens it tells nothing."""
        if tokens <= 0:
            return
        for key in {(None, None), (task, None), (None, label), (task, label)}:
            mean, seen = self._means.get(key, (tokens, 0))
            weight = max(WEIGHT, 1 / (seen + 1))
            self._means[key] = mean + weight * (tokens - mean), seen + 1
            self._means.move_to_end(key)
        while len(self._means) > _MOST:
            self._means.popitem(last=False)

    def expected(self, task: str | None, label: str | None = None) -> int:
        """Return the tokens that an answer is likely to take, of whomever where no ``label`` is given; 0 = unknown."""
        found = self._drawn((None, None), 0.0)
        if task is not None:
            found = self._drawn((task, None), found)
        if label is not None:
            found = self._drawn((task, label), found if task is None else self._of_the_model(label, found))
        return math.ceil(found)

    def _of_the_model(self, label: str, of_the_task: float) -> float:
        """Return what ``label`` is expected to take for a task before it was seen at it.

        A model that is twice as wordy as the others is so here, too.
        """
        usual = self._drawn((None, None), 0.0)
        return of_the_task * self._drawn((None, label), usual) / usual if usual else 0.0

    def _drawn(self, key: tuple[str | None, str | None], prior: float) -> float:
        mean, seen = self._means.get(key, (0.0, 0))
        if not prior:
            return mean
        return (seen * mean + PRIOR * prior) / (seen + PRIOR)
