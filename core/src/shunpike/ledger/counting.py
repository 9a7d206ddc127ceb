"""Correcting the estimate of a prompt by what the model's provider counted before: a moving mean for each model.

The factor is the mean of (counted by the provider / estimated by us) plus two mean distances, so that few prompts are
held too low. A factor below 1 is believed only after `ENOUGH` answers: until then the estimate itself is held.
"""

from __future__ import annotations

from shunpike.types import Basis, Factor, Sample, Usage

WEIGHT = 0.05
"""Of the newest answer in the moving mean: about the last forty count."""
ENOUGH = 50
"""Answers after which an estimate may be lowered."""
SMALLEST = 32
"""Estimated tokens below which a prompt tells nothing: what a template adds outweighs it."""
_RANGE = (0.1, 10.0)
"""A ratio beyond it is no matter of vocabulary: a cached or a hidden prompt, or a mistake."""


def sample_of(model: str, estimated: int, usage: Usage) -> Sample | None:
    """Return what a measured usage tells of the estimate that it was held by, None when it tells nothing."""
    if usage.basis is not Basis.MEASURED or estimated < SMALLEST or usage.prompt_tokens < 1:
        return None
    ratio = usage.prompt_tokens / estimated
    return Sample(model=model, ratio=ratio) if _RANGE[0] <= ratio <= _RANGE[1] else None


def learned(known: Factor | None, sample: Sample) -> Factor:
    """Return the factor after one more answer."""
    if known is None:
        return Factor(mean=sample.ratio)
    # The first answers weigh evenly, so that the very first does not linger.
    weight = max(WEIGHT, 1 / (known.samples + 1))
    distance = abs(sample.ratio - known.mean)
    return Factor(
        mean=known.mean + weight * (sample.ratio - known.mean),
        deviation=known.deviation + weight * (distance - known.deviation),
        samples=known.samples + 1,
    )


def held_factor(known: Factor | None) -> float:
    """Return by what an estimate is multiplied before it is held."""
    if known is None:
        return 1.0
    factor = known.mean + 2 * known.deviation
    return factor if known.samples >= ENOUGH else max(1.0, factor)
