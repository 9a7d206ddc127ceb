"""What is left of a target's free capacity, and how much of it there is at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from shunpike.protocols import RoutableRequest, Target, TargetState, View
from shunpike.types import Calendar, Held, Lifetime, Limit, Owner, Remaining, Rolling, Unit

DAY = 86_400.0
MONTH = 30.0
"""Days of a month, and for which a credit is to last."""
SCARCE = 10.0
"""A strong model is scarce where a weaker one may be asked so many times as often."""


def share_left(state: TargetState) -> float:
    """Return which share, from 0 to 1, is left of the provider's limit of which least is left; 1 where none is known.

    Concurrency is no capacity: it comes back with each answer.
    """
    shares = (min(one.left / one.limit.amount, 1.0) if one.limit.amount else 0.0 for one in _granted(state))
    return min(shares, default=1.0)


def supply(request: RoutableRequest, view: View, state: TargetState) -> float:
    """Return how many requests of this size a day the provider's limits grant; inf where none is known."""
    output = view.max_output * request.choices
    needs = {
        Unit.REQUEST: 1,
        Unit.INPUT_TOKEN: view.prompt_tokens,
        Unit.OUTPUT_TOKEN: output,
        Unit.TOTAL_TOKEN: view.prompt_tokens + output,
    }
    found = (
        one.limit.amount / need / _days(one.limit) for one in _granted(state) if (need := needs.get(one.limit.unit))
    )
    return min(found, default=inf)


def _granted(state: TargetState) -> Sequence[Remaining]:
    rows = state.remaining
    return [one for one in rows if one.owner is Owner.PROVIDER and not isinstance(one.limit.window, Held)]


def _days(limit: Limit) -> float:
    match limit.window:
        case Rolling(seconds=seconds):
            return seconds / DAY
        case Calendar(period="day"):
            return 1.0
        case Calendar() | Lifetime() | Held():
            return MONTH


def scarce_and_strong(candidates: Sequence[Target], supplies: Mapping[str, float]) -> frozenset[str]:
    """Return the labels of which a weaker candidate may be asked `SCARCE` times as often, both as far as known.

    A quality that nobody knows is neither strong nor weak, and what costs money is no supply.
    """
    known = sorted(
        (quality, one.label) for one in candidates if not one.paid and (quality := one.model.quality) is not None
    )
    found, most, pending = set(), 0.0, 0.0
    weaker = None
    for quality, label in known:
        if weaker is not None and quality > weaker:
            most = max(most, pending)
        weaker = quality
        pending = max(pending, supplies[label])
        if supplies[label] * SCARCE <= most and supplies[label] < inf:
            found.add(label)
    return frozenset(found)
