"""What of a stated usage can be believed, beside what was visibly sent and delivered, and of stated limits.

Nothing of usage is under-counted.

| what is stated                                         | read as                                                |
| ------------------------------------------------------ | ------------------------------------------------------ |
| nothing but zeros, beside an answer or a failure       | absent; beside an answer that is empty they are true   |
| no completion, or far too little, beside an answer,    | absent: what was thought unseen can't be estimated     |
| or none of one that its output cap cut off             |                                                        |
| no prompt, though one was sent                         | estimated: the prompt is our own count                 |
"""

from __future__ import annotations

from shunpike.protocols import AdmissionRequest
from shunpike.types import ABSENT, Basis, Outcome, Unit

VISIBLE = 256
"""Tokens of an answer, by our estimate, from which on its size can be compared with what is stated of it."""
LONGEST = 16
"""How many times our estimate, which is from above, may be what a provider counts."""

_TOKENS = (Unit.INPUT_TOKEN, Unit.OUTPUT_TOKEN, Unit.TOTAL_TOKEN)
_LEAST_TOKENS = 100
"""A limit of fewer tokens leaves no room for a question with its answer: nobody grants so little."""


def believed(outcome: Outcome, ask: AdmissionRequest) -> Outcome:
    """Return ``outcome`` with the usage that its provider stated, as far as it fits what was seen."""
    usage = outcome.usage
    if usage.basis is Basis.ABSENT:
        return outcome
    output = outcome.delivered_tokens
    embedded = ask.max_output == 0 and outcome.error is None and not outcome.cancelled
    nothing = not usage.total_tokens and (output or embedded or outcome.error is not None)
    unseen = outcome.cut and not usage.completion_tokens
    if nothing or unseen or _too_little(usage.completion_tokens, output):
        return outcome.model_copy(update={"usage": ABSENT})
    if not usage.prompt_tokens and usage.completion_tokens and ask.prompt_tokens:
        counted = {"prompt_tokens": ask.prompt_tokens, "basis": Basis.ESTIMATED}
        return outcome.model_copy(update={"usage": usage.model_copy(update=counted)})
    return outcome


def _too_little(stated: int, delivered: int) -> bool:
    return delivered > 0 and (stated == 0 or (delivered >= VISIBLE and stated * LONGEST < delivered))


def plausible(outcome: Outcome) -> Outcome:
    """Return it without the amounts that it refutes itself: more was served at once than they would allow.

    A limit that leaves room for nothing, and has a reset, is refuted by that: it would never be asked again, so that
    nobody would find out. What a refusal says of its wait holds all the same.
    """
    served = outcome.error is None and not outcome.cancelled
    taken = {Unit.REQUEST: 1, Unit.CONCURRENT: 1, **dict.fromkeys(_TOKENS, 0 if served else _LEAST_TOKENS)}
    if served and outcome.usage.basis is Basis.MEASURED:
        # What was cached may not have been counted, whatever its limit says.
        cached = outcome.usage.cached_tokens
        taken[Unit.INPUT_TOKEN] = outcome.usage.prompt_tokens - cached
        taken[Unit.OUTPUT_TOKEN] = outcome.usage.completion_tokens
        taken[Unit.TOTAL_TOKEN] = outcome.usage.total_tokens - cached
    refuted = (
        row.amount is not None and row.amount < taken.get(row.unit, 0) and (served or row.resets_at is not None)
        for row in outcome.evidence
    )
    rows = tuple(
        row.model_copy(update={"amount": None}) if is_refuted else row
        for row, is_refuted in zip(outcome.evidence, refuted, strict=True)
    )
    return outcome.model_copy(update={"evidence": rows})
