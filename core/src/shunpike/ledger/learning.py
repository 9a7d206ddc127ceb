"""What answers teach about limits: one rule for each kind of evidence.

Evidence belongs to the limits of its unit and window as the provider grants them: what the operator keeps beside or
below them says nothing of what a provider counts, and is neither taught nor closed. Where evidence names no window, or
more than one scope has such a limit, the amount that it states must tell which one is meant; evidence that fits none,
or several, moves nothing.

| seen                                         | what it does                                                        |
| -------------------------------------------- | ------------------------------------------------------------------- |
| an amount: a header's, or a quota's value    | corrects a figure of the same or a lower rank, up or down; a figure  |
|                                              | of the operator's stays, beside it the smaller holds                |
| an amount smaller than what was served with  | nothing: it is none of a limit                                      |
| it                                           |                                                                     |
| an amount of a limit that no catalog lists   | becomes a limit of its own, by the rules of ``unlisted.py``          |
| less left than by our books                  | takes the difference until the reset that was stated, else for a    |
|                                              | window: our view inside a window only ever gets lower               |
| a reset further away than the window         | the same limit with a longer window, beside it: ``unlisted.py``      |
| nothing left until later than a window       | as well, closes the limit until then                                |
| more left than by our books                  | nothing, but that the window may be shorter: ``shortening.py``       |
| a refusal that names limits                  | closes exactly these, until their reset: of a calendar never sooner |
|                                              | than its next one                                                   |
| a refusal that names none                    | closes the target, or the account where all limits are its own      |
| a refusal although our books said "free"     | an overage: counted, and the difference is taken as above           |
| the same without an amount                   | bounds the figure by what was in use: ``refusals.py``               |

Ranks are those of `Confidence`. A figure is replaced by newer evidence of the same or a higher rank only, so that an
older answer that arrives late reopens nothing; a block opens when its moment has come, and not before. Evidence is
believed for a week, and not at all where it is dated later than the clock shows: that one was ahead when it was seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from typing_extensions import override

from shunpike.ledger.windows import CLOCK_SLACK, GUARD, expiry, last_expiry
from shunpike.types import (
    Calendar,
    Confidence,
    Evidence,
    Held,
    Lifetime,
    Limit,
    LimitUpdate,
    Observation,
    Outcome,
    Rolling,
)

_SECONDS = {"day": (82_800.0, 90_000.0), "month": (2_419_200.0 - 3_600.0, 2_678_400.0 + 3_600.0)}
"""How long a calendar's period can last, from the shortest to the longest."""
BELIEVED_FOR = 7 * 86_400.0
"""Seconds after which a figure that no answer confirmed is forgotten: a plan or a published table may have changed.

What is in use is confirmed by every answer; a week outlasts the weekends and holidays of what is used now and then.
"""
_RANKS = {confidence: rank for rank, confidence in enumerate(Confidence)}


def is_window(limit: Limit, seconds: float | None) -> bool:
    """Return whether a window of so many seconds is this limit's; None fits every window that passes."""
    match limit.window:
        case Rolling(seconds=own):
            return seconds is None or own == seconds
        case Calendar(period=period):
            shortest, longest = _SECONDS[period]
            return seconds is None or shortest <= seconds <= longest
        case Held():
            return seconds is None
        case Lifetime():
            return False


def limits_named(evidence: Evidence, granted: Mapping[str, Limit]) -> tuple[str, ...]:
    """Return the buckets that the evidence speaks of, none where it can't be told which."""
    of_unit = {bucket: limit for bucket, limit in granted.items() if limit.unit == evidence.unit}
    found = {bucket: limit for bucket, limit in of_unit.items() if is_window(limit, evidence.window_seconds)}
    longer = {
        bucket: limit for bucket, limit in of_unit.items() if any(_lengthens(limit, other) for other in found.values())
    }
    named = _meant({bucket: limit for bucket, limit in found.items() if bucket not in longer}, evidence)
    same = (bucket for bucket, limit in longer.items() if any(_lengthens(limit, found[one]) for one in named))
    return (*named, *same)


def _meant(found: Mapping[str, Limit], evidence: Evidence) -> tuple[str, ...]:
    if _is_one(found, windows=evidence.window_seconds is None):
        return tuple(found)
    found = {bucket: limit for bucket, limit in found.items() if limit.amount == evidence.amount}
    return tuple(found) if _is_one(found, windows=evidence.window_seconds is None) else ()


def is_guess(limit: Limit) -> bool:
    """Return whether its window was only concluded from a reset that was stated."""
    return limit.shape == "unknown" and limit.confidence is Confidence.OBSERVED


def _lengthens(limit: Limit, listed: Limit) -> bool:
    """Return whether it is the listed limit with a longer window that a reset told: they are one to the provider."""
    if not is_guess(limit) or (limit.scope, limit.pool, limit.amount) != (listed.scope, listed.pool, listed.amount):
        return False
    return (
        isinstance(limit.window, Rolling)
        and isinstance(listed.window, Rolling)
        and limit.window.seconds > listed.window.seconds
        and not is_guess(listed)
    )


def _is_one(found: Mapping[str, Limit], *, windows: bool) -> bool:
    """A day of unknown shape is kept as two limits, which are one to the provider."""
    places = {(limit.scope, limit.pool) for limit in found.values()}
    lengths = {"day" if is_window(limit, 86_400.0) else str(limit.window) for limit in found.values()}
    return len(places) <= 1 and (not windows or len(lengths) <= 1)


_NONE: Mapping[str, Limit] = {}
InForce = Callable[[Sequence[Observation]], Mapping[str, Limit]]
"""Bucket → limit in force, once these observations are known as well."""


def limit_updates_of(
    outcome: Outcome,
    granted: Mapping[str, Limit],
    refused: Sequence[str],
    in_force: InForce,
    unlisted: Mapping[str, Limit] = _NONE,
) -> tuple[LimitUpdate, ...]:
    """Return what the ending's evidence taught of each limit that the provider grants.

    Args:
        refused: The buckets by which the provider refused the attempt: as it was admitted, each is an overage.
        unlisted: Those of ``granted`` that only this ending told of.

    """
    seen = outcome.at if outcome.headers_at is None else min(outcome.headers_at, outcome.at)
    found: dict[str, Observation] = {}
    for row in outcome.evidence:
        for bucket in limits_named(row, granted):
            known = found.get(bucket)
            if known is None or _less(row.remaining, known.remaining):
                observation = _observation(row, bucket, seen, overage=bucket in refused)
                amount = known.amount if known is not None and observation.amount is None else observation.amount
                found[bucket] = observation.model_copy(update={"amount": amount, "unlisted": unlisted.get(bucket)})
            elif known.amount is None:
                found[bucket] = known.model_copy(update={"amount": row.amount})
    if not found:
        return ()
    limits = in_force(tuple(found.values()))
    return tuple(LimitUpdate(limit=limits[bucket], observation=observation) for bucket, observation in found.items())


def _less(one: int | None, other: int | None) -> bool:
    return one is not None and (other is None or one < other)


def _observation(row: Evidence, bucket: str, seen: float, *, overage: bool) -> Observation:
    return Observation(
        bucket=bucket,
        amount=row.amount,
        remaining=row.remaining,
        resets_at=row.resets_at,
        at=seen,
        origin=row.origin,
        overages=int(overage),
    )


def corrected(limit: Limit, observation: Observation | None) -> Limit:
    """Return ``limit`` with the amount that was seen, unless its own figure ranks higher."""
    if observation is None or not outranks(observation, limit):
        return limit
    if observation.amount is None or observation.amount == limit.amount:
        return bound_in_force(limit, observation)
    limit = limit.model_copy(
        update={
            "amount": observation.amount,
            "source": observation.origin,
            "observed_at": observation.at,
            "confidence": observation.confidence,
        }
    )
    return bound_in_force(limit, observation)


def bound_in_force(limit: Limit, observation: Observation) -> Limit:
    """Return ``limit`` with no more than refusals showed that it allows, unless its own figure ranks higher."""
    bound = observation.bound
    if bound is None or bound.amount is None or bound.amount >= limit.amount or not outranks(observation, limit):
        return limit
    found = {
        "amount": bound.amount,
        "source": bound.origin,
        "observed_at": bound.at,
        "confidence": observation.confidence,
    }
    return limit.model_copy(update=found)


def outranks(observation: Observation, limit: Limit) -> bool:
    """Return whether the observation's figure may take the place of the limit's."""
    return _RANKS[observation.confidence] >= _RANKS[limit.confidence]


def is_believed(observation: Observation, now: float) -> bool:
    """Return whether the observation still counts: it is no older than a week, and not from a clock that was ahead."""
    return is_believed_at(observation.at, now)


def is_believed_at(at: float, now: float) -> bool:
    """Return whether what was seen ``at`` a moment still counts."""
    return now - BELIEVED_FOR <= at <= now + CLOCK_SLACK


class Believed(Mapping[str, Observation]):
    """Bucket → observation, of those that are believed at ``now``."""

    def __init__(self, observations: Mapping[str, Observation], now: float) -> None:
        self._observations = observations
        self._now = now

    @override
    def __getitem__(self, bucket: str) -> Observation:
        observation = self._observations[bucket]
        if not is_believed(observation, self._now):
            raise KeyError(bucket)
        if observation.bound is not None and not is_believed_at(observation.bound.at, self._now):
            return observation.model_copy(update={"bound": None})
        return observation

    @override
    def __iter__(self) -> Iterator[str]:
        return (bucket for bucket, observation in self._observations.items() if is_believed(observation, self._now))

    @override
    def __len__(self) -> int:
        return sum(1 for _ in self)


def is_news(known: Observation | None, new: Observation, now: float) -> bool:
    """Return whether nothing newer than ``new`` is known and believed."""
    return known is None or new.at >= known.at or not is_believed(known, now)


def merged(known: Observation | None, new: Observation, now: float) -> Observation:
    """Return what is kept: newer evidence of the same or a higher rank replaces, overages add up."""
    if known is None:
        return new
    overages = known.overages + new.overages
    span = new.span if known.span is None else known.span.joined(new.span)
    new = new.model_copy(update={"unlisted": new.unlisted or known.unlisted, "span": span})
    if not is_believed(known, now):
        return new.model_copy(update={"overages": overages})
    if new.at < known.at or _RANKS[new.confidence] < _RANKS[known.confidence]:
        return known.model_copy(update={"overages": overages, "span": span})
    kept: dict[str, object] = {"overages": overages}
    if new.amount is None:
        kept |= {"amount": known.amount, "bound": new.bound or known.bound}
    return new.model_copy(update=kept)


def lowered(update: LimitUpdate, used: int, now: float, guard: float = GUARD) -> tuple[int, float] | None:
    """Return (amount, until) to be taken of a bucket of which ``used`` is used, None when our view is low enough.

    ``used`` holds what is in flight, which the provider may not have counted yet: then nothing is taken.
    """
    observation, limit = update.observation, update.limit
    if observation.remaining is None or isinstance(limit.window, Held | Lifetime):
        return None
    excess = limit.amount - used - observation.remaining
    until = (
        expiry(limit.window, observation.at, guard) if observation.resets_at is None else observation.resets_at + guard
    )
    # A slot that counted for longer would be taken for one of a clock that was set back.
    until = min(until, last_expiry(limit.window, now, guard) + CLOCK_SLACK)
    return (excess, until) if excess > 0 and until > now else None
