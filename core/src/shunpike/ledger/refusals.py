"""Figures that refusals lower: a provider refuses by a limit that it names, and our own books had room.

What was in use of the limit then, the refused attempt with it, is more than it allows. That is sure only where nobody
else uses the key, and what is settled late is counted late, so that it is taken with care:

| the refusal                                               | what it does                                          |
| --------------------------------------------------------- | ----------------------------------------------------- |
| states the amount                                         | nothing here: that amount holds (``learning.py``)     |
| names no limit, or several can be meant                   | nothing                                               |
| came while nothing else was in use                        | nothing: it was not our use                           |
| came at half of the figure or more                        | the figure is one less than what was in use           |
| came at less than that                                    | others use the key, most likely: nothing yet          |
| such a one again, in a later window, at half to twice of  | the figure is one less than the more that was in use  |
| that use                                                  |                                                       |
| again within the same window (for what runs at once: a    | no more than the first of them could, to half of the  |
| minute)                                                   | figure that held before it                            |

So a figure never falls below 1. It is believed for a week after the last of these refusals, or until the provider
states an amount.
"""

from __future__ import annotations

from typing import NamedTuple

from shunpike.ledger.learning import bound_in_force, is_believed_at, is_news
from shunpike.ledger.windows import expiry
from shunpike.types import Bound, Limit, LimitUpdate, Observation

_APART = 60.0
"""Seconds after which a refusal is another one where the window does not tell it."""
_SIMILAR = 2


class Use(NamedTuple):
    """What was in use of a bucket when an attempt ended, and what of that was its own."""

    amount: int
    own: int


def is_bare(observation: Observation) -> bool:
    """Return whether a observation is of a refusal that names its limit and no amount, though our books had room."""
    return observation.overages > 0 and observation.amount is None


def bounded(update: LimitUpdate, known: Observation | None, use: Use | None, now: float) -> LimitUpdate:
    """Return the limit update with what its refusal shows its limit to be at most, by the table above.

    Args:
        known: What was known of the bucket before.
        use: What was in use before the refused attempt ended, None where it held nothing of the limit.

    """
    observation, limit = update.observation, update.limit
    if not is_bare(observation) or use is None or use.amount <= use.own or not is_news(known, observation, now):
        return update
    before = None if known is None else known.bound
    if before is not None and not is_believed_at(before.at, now):
        before = None
    observation = observation.model_copy(update={"bound": _bound(observation, limit, before, use.amount)})
    return LimitUpdate(limit=bound_in_force(limit, observation), observation=observation)


def _bound(observation: Observation, limit: Limit, before: Bound | None, used: int) -> Bound:
    amount, origin = used - 1, f"{observation.origin}: refused with {used} in use"
    found = Bound(figure=limit.amount, at=observation.at, origin=origin) if before is None else before
    same = before is not None and observation.at < max(expiry(limit.window, before.at, 0.0), before.at + _APART)
    if not same:
        found = found.model_copy(update={"figure": limit.amount, "at": observation.at})
    if 2 * amount >= found.figure:
        return _lowered(found, amount, origin)
    suspected = found.suspected
    if same:
        return found if suspected is None else found.model_copy(update={"suspected": max(suspected, amount)})
    if suspected is not None and max(suspected, amount) <= _SIMILAR * min(suspected, amount):
        return _lowered(found, max(suspected, amount), origin)
    return found.model_copy(update={"suspected": amount})


def _lowered(found: Bound, amount: int, origin: str) -> Bound:
    if found.amount is not None and found.amount <= amount:
        return found.model_copy(update={"suspected": None})
    return found.model_copy(update={"amount": amount, "suspected": None, "origin": origin})
