"""What answers teach about token counts: a moving mean for each name, and of the distance to it.

| name                         | sample                                                                              |
| ---------------------------- | ----------------------------------------------------------------------------------- |
| ``provider/model``           | the provider's count of a prompt by ours                                            |
| ``out|provider/model``       | the tokens of one choice of an answer, where the owner wants tighter reservations   |
| ``out|provider/model|TASK``  | the same of the attempts with this tag                                              |

*Prompts.* An estimate is multiplied by its mean plus two distances, so that few prompts are held too low. A factor
below 1 is believed only after `ENOUGH` answers: until then the estimate itself is held. What fits into a limit by its
estimate is never called impossible by a factor: it then holds all of the limit.

*Answers.* ``reserve = "learned"`` holds token limits with the mean plus three distances of the task's answers, else of
the model's (of an exponential's answers 19 in 20 are shorter), and with the cap as long as there are not `ENOUGH`.
Money is always held at the cap: what was learned is no bound. What an answer really took is booked in the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from shunpike.types import Basis, Factor, Sample, Usage

WEIGHT = 0.05
"""Of the newest answer in the moving mean: about the last forty count."""
ENOUGH = 50
"""Answers after which less may be held than the estimate, or the cap."""
SMALLEST = 256
"""Estimated tokens below which a prompt tells nothing.

What a model's template adds is the same for every prompt, some tens of tokens: a factor that was learned of short ones
would multiply it onto long ones. Of a short prompt it is held too little at most, until its answer tells the truth.
"""
_RANGE = (0.1, 10.0)
"""A ratio beyond it is no matter of vocabulary: a cached or a hidden prompt, or a mistake."""


def prompt_sample(model: str, estimated: int, usage: Usage, at: float) -> Sample | None:
    """Return what a measured usage tells of the estimate that it was held by, None when it tells nothing."""
    if usage.basis is not Basis.MEASURED or estimated < SMALLEST or usage.prompt_tokens < 1:
        return None
    ratio = usage.prompt_tokens / estimated
    return Sample(name=model, value=ratio, at=at) if _RANGE[0] <= ratio <= _RANGE[1] else None


def output_samples(model: str, tag: str | None, choices: int, usage: Usage, at: float) -> tuple[Sample, ...]:
    """Return what a measured usage tells of how long answers are: of the model, and of the task where it has one."""
    if usage.basis is not Basis.MEASURED or usage.completion_tokens < 1:
        return ()
    value = usage.completion_tokens / choices
    return tuple(Sample(name=name, value=value, at=at) for name in _output_names(model, tag))


def _output_names(model: str, tag: str | None) -> tuple[str, ...]:
    return (f"out|{model}",) if tag is None else (f"out|{model}|{tag}", f"out|{model}")


def likely_output(known: Mapping[str, Factor], model: str, tag: str | None) -> int | None:
    """Return the tokens of one choice that few answers exceed, None as long as too few were seen."""
    for name in _output_names(model, tag):
        factor = known.get(name)
        if factor is not None and factor.samples >= ENOUGH:
            return math.ceil(factor.mean + 3 * factor.deviation)
    return None


def learned(known: Factor | None, sample: Sample) -> Factor:
    """Return the factor after one more sample."""
    if known is None:
        return Factor(mean=sample.value, at=sample.at)
    # The first answers weigh evenly, so that the very first does not linger.
    weight = max(WEIGHT, 1 / (known.samples + 1))
    distance = abs(sample.value - known.mean)
    return Factor(
        mean=known.mean + weight * (sample.value - known.mean),
        deviation=known.deviation + weight * (distance - known.deviation),
        samples=known.samples + 1,
        at=max(known.at, sample.at),
    )


def held_factor(known: Factor | None) -> float:
    """Return by what an estimate is multiplied before it is held."""
    if known is None:
        return 1.0
    factor = known.mean + 2 * known.deviation
    return factor if known.samples >= ENOUGH else max(1.0, factor)
