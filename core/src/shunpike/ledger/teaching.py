"""The limits that are in force, by all that is listed and known, and what the end of an attempt teaches of them.

Evidence is compared with the limits as they are listed. What it teaches of one whose window was shown to be shorter is
booked where that one counts now: in the bucket of the shorter window. What is known of the window itself stays with the
listed one (``shortening.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from shunpike.clock import Clock
from shunpike.ledger.blocks import is_refusal, refused_by
from shunpike.ledger.buckets import bucket_of, gate_of
from shunpike.ledger.holds import limits_in_force
from shunpike.ledger.knowledge import Knowledge
from shunpike.ledger.learning import Believed, is_believed, limit_updates_of, merged
from shunpike.ledger.shortening import (
    WindowSighting,
    may_be_shorter,
    shortened,
    used_within,
    watched,
    without_sightings,
)
from shunpike.ledger.terms import InForce, Terms
from shunpike.ledger.unlisted import found_in, learned_limits
from shunpike.protocols import Target
from shunpike.types import Funds, Limit, LimitUpdate, Observation, Outcome, Rolling, Settings, WindowObservation
from shunpike.waiting import Queue

_UNBOUNDED = Settings()
"""Of an operator who bounds nothing: with these, the limits are what the provider itself counts."""
_STEP = 0.5
"""Seconds by which the wall clock was set, where it moved so much against the monotonic one at once."""
LimitsOf = Callable[[Target], Sequence[Limit] | None]
"""The limits granted to a target; None = nothing is known."""


class Taught(NamedTuple):
    """What the end of an attempt taught."""

    granted: Mapping[str, Limit]
    """Bucket → limit that the provider counts."""
    refused: Mapping[str, float]
    """Bucket → when it opens, of the limits by which the provider refused."""
    limit_updates: tuple[LimitUpdate, ...]


class _Plain(NamedTuple):
    """The limits of a target as they are listed, and what they were made of."""

    target: Target
    settings: Settings
    listed: Sequence[Limit]
    found: dict[str, Limit]


class Teaching:
    """Tells which limits are in force, and learns of them.

    Args:
        queue: Who knows what runs.

    """

    def __init__(self, limits_of: LimitsOf, known: Knowledge, in_force: InForce, clock: Clock, queue: Queue) -> None:
        self._limits_of = limits_of
        self._known = known
        self._in_force = in_force
        self._clock = clock
        self._queue = queue
        self._plain: dict[tuple[str, bool, Funds], _Plain] = {}
        """What holds of targets of which nothing was seen yet."""
        self._started: dict[str, float] = {}
        self._wall = clock.now() - clock.monotonic()
        """What the wall clock shows more than the monotonic one; slowly corrected, it changes by little at a time."""
        self._seen_since: set[str] | None = None
        """The limits of which something was seen since the wall clock was set; None where it never was."""

    def began(self, attempt_id: str, at: float) -> None:
        """Note that an attempt was admitted ``at`` a moment, epoch seconds."""
        self._look_at_the_clock()
        self._started[attempt_id] = at

    def _look_at_the_clock(self) -> None:
        """Forget when attempts started whose end is on another wall clock: a time between the two would be no time."""
        wall = self._clock.now() - self._clock.monotonic()
        if abs(wall - self._wall) > _STEP:
            self._started.clear()
            self._seen_since = set()
        self._wall = wall

    def _comparable(self, bucket: str, span: WindowObservation | None) -> WindowObservation | None:
        """Return what is known of a window without the moments of a clock that was set since."""
        if self._seen_since is None or bucket in self._seen_since:
            return span
        self._seen_since.add(bucket)
        return None if span is None else without_sightings(span)

    def in_force(self, target: Target, terms: Terms) -> dict[str, Limit]:
        """Return bucket → limit that is kept."""
        listed = self._listed(self._in_force.settings, target, terms)
        shorter = self._shorter(target, listed, {})
        return _renamed(listed, shorter) if shorter else listed

    def _listed(
        self, settings: Settings, target: Target, terms: Terms, seen: Sequence[Observation] = ()
    ) -> dict[str, Limit]:
        """Return the limits with the windows that are listed, once these observations are known as well."""
        known, now = self._known.observations, self._clock.now()
        if not (known or seen):
            return self._as_listed(settings, target, terms)
        if seen:
            known = {**known, **{one.bucket: merged(known.get(one.bucket), one, now) for one in seen}}
        believed, listed = Believed(known, now), self._limits_of(target) or ()
        unlisted = [one for one in known.values() if one.unlisted is not None and is_believed(one, now)]
        limits = (*listed, *learned_limits(target, listed, unlisted)) if unlisted else listed
        return limits_in_force(target, limits, terms, settings, believed)

    def _as_listed(self, settings: Settings, target: Target, terms: Terms) -> dict[str, Limit]:
        """Return the limits where nothing was seen: the same as long as nobody lists others."""
        listed, key = self._limits_of(target) or (), (target.label, settings is _UNBOUNDED, terms.funds)
        plain = self._plain.get(key)
        if plain is None or plain.target is not target or plain.settings is not settings or plain.listed is not listed:
            plain = _Plain(target, settings, listed, limits_in_force(target, listed, terms, settings))
            self._plain[key] = plain
        return plain.found

    def _shorter(
        self, target: Target, listed: Mapping[str, Limit], seen: Mapping[str, Observation]
    ) -> dict[str, tuple[str, Limit]]:
        """Return bucket → (bucket, limit) that takes its place, of those whose window was shown to be shorter."""
        known, now, found = self._known.observations, self._clock.now(), {}
        for bucket, limit in listed.items() if known or seen else ():
            short = shortened(limit, seen.get(bucket) or known.get(bucket), now)
            if short is not limit:
                found[bucket] = bucket_of(target, short), short
        return found

    def taught(
        self, target: Target, terms: Terms, outcome: Outcome, attempt_id: str, asked: Mapping[str, int]
    ) -> Taught:
        """Return what an ending taught. ``asked``: bucket → what the attempt held of it."""
        self._look_at_the_clock()
        granted = self._listed(_UNBOUNDED, target, terms)
        found = found_in(outcome, target, granted, lambda scope: self._queue.running(gate_of(target, scope)))
        if found:
            granted = self._listed(_UNBOUNDED, target, terms, found)
        refused = refused_by(outcome, granted, asked)
        unlisted = {one.bucket: one.unlisted for one in found if one.unlisted is not None}
        in_force = partial(self._listed, self._in_force.settings, target, terms)
        limit_updates = limit_updates_of(outcome, granted, tuple(refused), in_force, unlisted)
        started = self._started.pop(attempt_id, None)
        if started is not None:
            headers_at = outcome.at if outcome.headers_at is None else min(outcome.headers_at, outcome.at)
            known = WindowSighting(attempt_id, started, headers_at, outcome.at, "what passed")
            limit_updates = self._watched(granted, outcome, refused, limit_updates, known)
        observations, now = self._known.observations, self._clock.now()
        seen = {
            one.observation.bucket: merged(observations.get(one.observation.bucket), one.observation, now)
            for one in limit_updates
        }
        shorter = self._shorter(
            target, self._listed(self._in_force.settings, target, terms, tuple(seen.values())), seen
        )
        if not shorter:
            return Taught(granted, refused, limit_updates)
        opens = {shorter[bucket][0] if bucket in shorter else bucket: until for bucket, until in refused.items()}
        moved = [one for update in limit_updates for one in self._moved(target, update, shorter, outcome.at)]
        return Taught(_renamed(granted, shorter), opens, tuple(moved))

    def _watched(
        self,
        granted: Mapping[str, Limit],
        outcome: Outcome,
        refused: Mapping[str, float],
        limit_updates: tuple[LimitUpdate, ...],
        seen: WindowSighting,
    ) -> tuple[LimitUpdate, ...]:
        """Return the limit updates with what the ending tells of how long windows are."""
        if outcome.cancelled or (outcome.error is not None and not is_refusal(outcome)):
            return limit_updates
        told = {update.observation.bucket: update for update in limit_updates}
        for bucket, limit in granted.items():
            update, known = told.get(bucket), self._known.observations.get(bucket)
            before = Before(limit, update, known, alone=len(granted) == 1)
            one = before.told(outcome, seen, named=bucket in refused, others=bool(refused))
            if one is None:
                continue
            listed = limit.model_copy(update={"amount": before.amount})
            span = watched(self._comparable(bucket, before.span), listed, one)
            if span is not None:
                told[bucket] = before.taught(bucket, one, span)
        return tuple(told.values())

    def _moved(
        self, target: Target, update: LimitUpdate, shorter: Mapping[str, tuple[str, Limit]], at: float
    ) -> tuple[LimitUpdate, ...]:
        """Return what was learned of a listed limit as that of the one that takes its place, and what stays with it."""
        listed = update.observation
        if listed.bucket not in shorter:
            return (update,)
        bucket, limit = shorter[listed.bucket]
        stays = listed.model_copy(update={"remaining": None, "resets_at": None, "overages": 0})
        goes = listed.model_copy(update={"bucket": bucket, "unlisted": None, "span": None})
        was = self._known.observations.get(listed.bucket)
        begins = shortened(update.limit, was, at).window != limit.window
        if begins and listed.span is not None and isinstance(limit.window, Rolling):
            # Nothing counts in its bucket as yet: neither what was seen to pass, nor what runs.
            runs = self._queue.running(gate_of(target, limit.scope)) - 1
            used = max(used_within(listed.span, limit.window.seconds, at), limit.amount - (listed.remaining or 0))
            left = max(0, min(limit.amount, limit.amount - used) - max(0, runs))
            goes = goes.model_copy(update={"remaining": left, "resets_at": at + limit.window.seconds})
        return LimitUpdate(limit=update.limit, observation=stays), LimitUpdate(
            limit=limit, observation=goes, begins=begins
        )


class Before(NamedTuple):
    """What is known of a limit before an ending is looked at for how long its window is."""

    limit: Limit
    update: LimitUpdate | None
    """What the ending said of it."""
    observation: Observation | None
    alone: bool
    """Whether it is the only limit that the provider has: then whatever refuses or passes does so by this one."""

    @property
    def span(self) -> WindowObservation | None:
        """What is known of its window."""
        return None if self.observation is None else self.observation.span

    @property
    def amount(self) -> int:
        """How much it allows: as stated now, or the most that anybody said."""
        if self.update is not None and self.update.observation.amount is not None:
            return self.update.observation.amount
        bound = None if self.observation is None else self.observation.bound
        return self.limit.amount if bound is None else max(self.limit.amount, bound.figure)

    def told(self, outcome: Outcome, seen: WindowSighting, *, named: bool, others: bool) -> WindowSighting | None:
        """Return what the ending tells of its window, None where that is nothing.

        Args:
            ending: An answer or a refusal.
            seen: Of which attempt.
            named: Whether it refused by this limit.
            others: Whether it refused by any.

        """
        if not may_be_shorter(self.limit if self.update is None else self.update.limit):
            return None
        refused, span, observation = (
            is_refusal(outcome),
            self.span,
            None if self.update is None else self.update.observation,
        )
        if refused and others and not named:
            return None
        doubted = refused and span is not None and (span.seconds is not None or span.tests > 0)
        if observation is None and not (self.alone or doubted):
            return None
        moment = None if observation is None else observation.resets_at
        moment = outcome.closed_until if moment is None and refused else moment
        left = None if observation is None else observation.remaining
        if left is not None and left > self.amount:
            return None
        return seen._replace(
            refused=refused,
            named=named or self.alone,
            left=left,
            wait=None if moment is None else moment - seen.seen_at,
            origin=seen.origin if observation is None else observation.origin,
        )

    def taught(self, bucket: str, seen: WindowSighting, span: WindowObservation) -> LimitUpdate:
        """Return the limit update with what is known of the window now."""
        if self.update is None:
            observation = Observation(bucket=bucket, at=seen.seen_at, origin=seen.origin, span=span)
            return LimitUpdate(limit=self.limit, observation=observation)
        return self.update.model_copy(update={"observation": self.update.observation.model_copy(update={"span": span})})


def _renamed(listed: Mapping[str, Limit], shorter: Mapping[str, tuple[str, Limit]]) -> dict[str, Limit]:
    """Return the limits with the shorter ones in place; where two count in one bucket, the smaller holds."""
    found: dict[str, Limit] = {}
    for name, limit in listed.items():
        bucket, short = shorter.get(name, (name, limit))
        if bucket not in found or short.amount < found[bucket].amount:
            found[bucket] = short if name in shorter else limit
    return found
