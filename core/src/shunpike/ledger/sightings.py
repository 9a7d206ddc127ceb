"""How long a window is at most by what a few answers showed, for each shape that it may have: see ``shortening.py``.

A *sighting* is one answer, or several taken together. When the provider had counted it, and what it said was left, is
known to lie between its start and its headers. What can't be told apart in time is taken as is worse for the
observation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shunpike.types import Sighting

_KEPT = 24
"""Sightings that are kept; beyond that some are taken together."""
_APART = 6
"""The latest, which never are."""


def rolling(before: Iterable[Sighting], amount: int, now: Sighting) -> float | None:
    """Return the bound of a rolling window. The request of ``now`` is not counted: its answer may not have done so."""
    ours = now.left or 0
    for one in sorted(before, key=lambda one: one.started, reverse=True):
        ours += one.served
        if ours > amount:
            return now.seen - one.started
    return None


def refilled(before: Sequence[Sighting], amount: int, now: Sighting) -> float | None:
    """Return the bound of a token bucket: less one, as what is left of it is rounded."""
    found = [
        (now.seen - anchor.started) * amount / (back - 1)
        for anchor in before
        if (back := _given_back(before, anchor, now)) > 1
    ]
    return min(found, default=None)


def fixed(before: Sequence[Sighting], amount: int, now: Sighting) -> tuple[float | None, float | None]:
    """Return the moment after which something came back until ``now`` (None = nothing has), and the bound."""
    since, bounds = [], []
    for anchor in before:
        back = _given_back(before, anchor, now)
        if back > amount:
            bounds.append(now.seen - anchor.started)
        if back > 0:
            since.append(anchor.started)
            bounds += [now.seen - one.since for one in before if one.since is not None and _precedes(one, anchor)]
    return max(since, default=None), min(bounds, default=None)


def _precedes(one: Sighting, anchor: Sighting) -> bool:
    """Return whether ``anchor`` said what was left when ``one`` did, or later."""
    return one.seen < anchor.started or (one is anchor and not one.several)


def _given_back(before: Iterable[Sighting], anchor: Sighting, now: Sighting) -> int:
    """Return how much was given back at least between ``anchor`` and ``now``."""
    if anchor.left is None:
        return 0
    ours = 1 + sum(one.served for one in before if one.started > anchor.seen)
    return ours + (now.left or 0) - anchor.left


def stands_still(log: Iterable[Sighting]) -> bool:
    """Return whether what is said to be left never changes, so that it may be no count.

    Nothing may be left for long.
    """
    said = [one.left for one in log if one.left is not None and one.served]
    return len(said) > 2 and len(set(said)) == 1 and said[0] > 0


def least(one: float | None, other: float | None) -> float | None:
    """Return the smaller bound."""
    return min((bound for bound in (one, other) if bound is not None), default=None)


def with_one(log: tuple[Sighting, ...], one: Sighting) -> tuple[Sighting, ...]:
    """Return the log with one more; where there are too many, two that lie close for their age are taken together."""
    found = [*log, one]
    if len(found) <= _KEPT:
        return tuple(found)

    def width(place: int) -> float:
        first, second = found[place : place + 2]
        wide = max(first.seen, second.seen) - min(first.started, second.started)
        return wide / max(one.seen - max(first.seen, second.seen), 0.001)

    place = min(range(len(found) - _APART - 1), key=width)
    found[place : place + 2] = [_together(*found[place : place + 2])]
    return tuple(found)


def _together(one: Sighting, other: Sighting) -> Sighting:
    return Sighting(
        started=min(one.started, other.started),
        seen=max(one.seen, other.seen),
        served=one.served + other.served,
        left=min((both.left for both in (one, other) if both.left is not None), default=None),
        since=max((both.since for both in (one, other) if both.since is not None), default=None),
        wait=max((both.wait for both in (one, other) if both.wait is not None), default=None),
        several=True,
    )
