"""What is known of targets beside their health: how fast they answer, how long their answers are, what runs there."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from shunpike.protocols import AdmissionRequest
from shunpike.routing.answer_lengths import AnswerLengths
from shunpike.routing.load import Load
from shunpike.routing.speeds import Speeds
from shunpike.routing.usable import UsableAnswers
from shunpike.types import Basis, Outcome, Timing, Usage

_MOST = 10_000
"""Attempts that are known again."""


@dataclass(frozen=True)
class Performance:
    """One for all requests of a runtime."""

    load: Load = field(default_factory=Load)
    speeds: Speeds = field(default_factory=Speeds)
    lengths: AnswerLengths = field(default_factory=AnswerLengths)
    usable: UsableAnswers = field(default_factory=UsableAnswers)
    _known: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """The attempts that were told of: what comes back from the store is not learned twice."""

    def answered(self, one: Timing) -> None:
        """Take in what an answer took, once, whoever tells of it."""
        if one.attempt_id in self._known:
            return
        if one.attempt_id:
            self._known[one.attempt_id] = None
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        self.speeds.answered(one)
        self.lengths.answered(one.task, one.label, one.output_tokens / max(one.choices, 1))


def timing_of(label: str, ask: AdmissionRequest, outcome: Outcome, usage: Usage) -> Timing:
    """Return what the answer of ``label`` took; a ``usage`` that was only estimated tells nothing of its size."""
    counted = usage.basis is Basis.MEASURED
    return Timing(
        label=label,
        ended_at=outcome.at,
        seconds=outcome.seconds or 0.0,
        first_token_seconds=outcome.first_token_seconds,
        prompt_tokens=usage.prompt_tokens if counted else 0,
        cached_tokens=usage.cached_tokens if counted else 0,
        output_tokens=usage.completion_tokens if counted else 0,
        choices=ask.choices,
        task=ask.tag,
        attempt_id=ask.attempt_id,
    )
