"""The lines of an error that lists all candidates: one for each reason at each provider."""

from __future__ import annotations

import math

from shunpike.clock import when
from shunpike.types import Candidate, Cause, Verdict
from shunpike.types.base import label

_SHOWN = 12


def lines_of(candidates: list[Candidate], now: float) -> list[str]:
    """Return one line for each reason at each provider, as of ``now`` (epoch seconds)."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    shared = _shared(candidates)
    keyless = [one for one in candidates if one.cause is Cause.KEY and one.verdict is Verdict.DROPPED]
    if 1 < len(keyless) < len(candidates):
        # What was asked is the news; that others are not set up is one line.
        candidates = [one for one in candidates if one not in keyless]
        names = ", ".join(dict.fromkeys(one.provider for one in keyless))
        candidates.append(keyless[0].model_copy(update={"provider": names, "reason": "no key"}))
    for one in candidates:
        groups.setdefault((shared.get(one.reason, one.provider), one.reason, _when(one, now)), []).append(one.model)
    lines = [_line(provider, models, f"{reason}{when}") for (provider, reason, when), models in groups.items()]
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"… and {len(lines) - _SHOWN} more"]


def _shared(candidates: list[Candidate]) -> dict[str, str]:
    """Return reason → the names of all providers that a mistake in the set-up closes, so that it is said once."""
    found: dict[str, dict[str, None]] = {}
    for one in candidates:
        if one.cause is Cause.CONFIG:
            found.setdefault(one.reason, {})[one.provider] = None
    return {reason: ", ".join(names) for reason, names in found.items()}


def _when(one: Candidate, now: float) -> str:
    """Return the words for when a candidate opens, to the second above; empty where no time opens it."""
    if one.retry_at is None:
        return ""
    at = when(math.ceil(one.retry_at), now)
    return f"   when one of them has ended, not before {at}" if one.earliest else f"   free again {at}"


def _line(provider: str, models: list[str], reason: str) -> str:
    who = f"{provider} ({len(models)} models)" if len(models) > 1 else label(provider, models[0])
    return f"{who.removesuffix('/*')}   {reason}"
