"""Limits that no catalog lists: what an answer names of one becomes a limit of its own, with its observation.

| what the answer says                              | the limit                                                       |
| ------------------------------------------------- | --------------------------------------------------------------- |
| unit, amount and window                           | as it says                                                      |
| unit, amount and reset, no window                 | of the shortest usual window that holds the way to the reset;   |
|                                                   | a reset that is further away later makes it longer, not shorter |
| unit and amount of what runs at once              | of what is in flight                                            |
| a refusal for what runs at once, without amount   | of what else this process ran of the target, if anything        |
| no amount, or money                               | none: nothing says how much is allowed                          |
| the amount of one listed limit, and a reset that  | the same with the shortest usual window that holds the way      |
| is further away than its window                   | there, beside the listed one; of answers, not of refusals       |
| a unit that a listed limit has in another window, | none: it may be that one                                        |
| no window                                         |                                                                 |

A reset that is nearer than a window shortens nothing: nobody knows what else came back. What passes may, by the rules
of ``shortening.py``, here as well. One that is further away lengthens nothing where the answer names the window, or
says that nothing is left: that wait is doubtful, and it is tested (``blocks.py``).

It is of the target's model, or of the account where all that is listed is the account's. It is kept beside what was
seen of it, by the bucket that it counts in, and believed as long; other processes and the next ones find it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from shunpike.ledger.blocks import is_refusal
from shunpike.ledger.buckets import bucket_of
from shunpike.ledger.learning import is_guess, is_window
from shunpike.ledger.windows import Window
from shunpike.protocols import Target
from shunpike.types import Confidence, Evidence, Held, Limit, Observation, Outcome, Rolling, Scope, Unit

_USUAL = (1.0, 2.0, 10.0, 60.0, 3_600.0, 86_400.0)
"""The windows, in seconds, that limits usually have."""
_LATE = 1.05
"""A reset may be stated so much further away than its window is long: answers take their time."""
_SKEW = 90.0
"""Seconds by which it may besides be so where a listed window stands against it: by so much may two clocks differ."""


def found_in(
    outcome: Outcome, target: Target, granted: Mapping[str, Limit], running: Callable[[Scope], int] = lambda _: 0
) -> tuple[Observation, ...]:
    """Return the limits that the ending names and ``granted`` lacks, each in the observation that it is kept with.

    Args:
        running: Scope → how many attempts run in it, with the one that ended.

    """
    seen = outcome.at if outcome.headers_at is None else min(outcome.headers_at, outcome.at)
    limits = dict(granted)
    found: dict[str, Observation] = {}
    for row in outcome.evidence:
        longer = None if outcome.error is not None else _longer(row, limits.values(), seen)
        if longer is not None:
            bucket = bucket_of(target, longer)
            found[bucket] = Observation(bucket=bucket, amount=row.amount, at=seen, origin=row.origin, unlisted=longer)
            continue
        window = _window(row, limits, seen)
        scope, amount, source = _scope(limits.values()), row.amount, row.origin
        if amount is None and row.unit is Unit.CONCURRENT and row.remaining == 0 and is_refusal(outcome):
            amount = running(scope) - 1
            source = f"{source}: refused with {amount + 1} in use"
        if window is None or not amount or amount < 0 or row.unit is Unit.USD:
            continue
        limit = Limit(
            unit=row.unit,
            amount=amount,
            window=window,
            scope=scope,
            source=source,
            observed_at=seen,
            confidence=Confidence.OBSERVED,
            cached=_cached(target, row.unit),
            shape="stated" if row.window_seconds is not None or isinstance(window, Held) else "unknown",
        )
        bucket = bucket_of(target, limit)
        found[bucket] = Observation(bucket=bucket, amount=amount, at=seen, origin=source, unlisted=limit)
    return tuple(found.values())


def _window(row: Evidence, limits: Mapping[str, Limit], seen: float) -> Window | None:
    """Return the window of a limit that is none of ``limits``, None where it may be one of these or none is told."""
    known = [limit for limit in limits.values() if limit.unit is row.unit]
    if row.unit is Unit.CONCURRENT:
        return None if known else Held()
    if row.window_seconds is not None:
        of_it = any(is_window(limit, row.window_seconds) for limit in known)
        return None if of_it else Rolling(seconds=row.window_seconds)
    usual = _usual(row, seen)
    if usual is None or any(not is_guess(limit) for limit in known):
        return None
    return Rolling(seconds=usual) if all(_length(limit) < usual for limit in known) else None


def _longer(row: Evidence, limits: Iterable[Limit], seen: float) -> Limit | None:
    """Return the one limit that the evidence is of, with the window that its reset tells, where that is longer."""
    if row.window_seconds is not None or row.remaining == 0 or row.resets_at is None:
        return None
    known = [limit for limit in limits if limit.unit is row.unit]
    meant = [limit for limit in known if limit.amount == row.amount and not is_guess(limit)]
    usual = _usual(row, seen)
    if usual is None or len(meant) != 1 or not isinstance(meant[0].window, Rolling):
        return None
    own = meant[0].window.seconds
    if row.resets_at - seen <= own * _LATE + _SKEW or usual <= own:
        return None
    if any(is_window(limit, usual) if not is_guess(limit) else _length(limit) > usual for limit in known):
        return None
    changed = {"window": Rolling(seconds=usual), "source": row.origin, "observed_at": seen}
    return meant[0].model_copy(update={**changed, "confidence": Confidence.OBSERVED, "shape": "unknown"})


def _usual(row: Evidence, seen: float) -> float | None:
    """Return the shortest usual window that holds the way to the reset."""
    away = 0.0 if row.resets_at is None else row.resets_at - seen
    return next((seconds for seconds in _USUAL if away <= seconds * _LATE), None) if away > 0 else None


def _length(limit: Limit) -> float:
    return limit.window.seconds if isinstance(limit.window, Rolling) else 0.0


def _scope(limits: Iterable[Limit]) -> Scope:
    scopes = {limit.scope for limit in limits}
    return Scope.ACCOUNT if scopes and not scopes & {Scope.MODEL, Scope.POOL} else Scope.MODEL


def _cached(target: Target, unit: Unit) -> Literal["counted", "free"]:
    """Return how the provider counts cached tokens of ``unit``: as on those tiers whose limits are listed."""
    listed = (one for limits in target.model.limits.values() for one in limits if one.unit is unit)
    return "free" if any(one.cached == "free" for one in listed) else "counted"


def learned_limits(target: Target, listed: Sequence[Limit], observations: Iterable[Observation]) -> tuple[Limit, ...]:
    """Return what ``observations`` tell of limits of ``target`` that are not listed.

    Of those whose window was only guessed, the longest of a unit holds.
    """
    own = {bucket_of(target, limit) for limit in listed}
    found = [
        observation.unlisted
        for observation in observations
        if observation.unlisted is not None
        and observation.bucket not in own
        and observation.bucket == bucket_of(target, observation.unlisted)
    ]
    longest: dict[tuple[Unit, Scope], float] = {}
    for limit in filter(is_guess, found):
        key = limit.unit, limit.scope
        longest[key] = max(longest.get(key, 0.0), _length(limit))
    return tuple(one for one in found if not is_guess(one) or _length(one) == longest[one.unit, one.scope])
