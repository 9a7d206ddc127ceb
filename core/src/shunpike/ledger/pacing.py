"""Automatic slowdown: a quota that must last until its reset is not spent in its first minutes.

``smooth`` lets a part of a limit be used freely (`FREELY`) and spreads the rest over the window:

- a calendar's day or month, budgets included: no more than ``1 - (1 - x) ** curve`` of the rest may be used when the
  share ``x`` of the period has passed. At curve 1 the rate then never exceeds what is left by the time to the reset;
  at 2 it may be twice that, falling towards the limit's end.
- rolling windows of an hour and more: the gap between two admissions is at least what the later one takes, by the rate
  at which what is left would last for a window. It grows as less is left. The store judges it, where attempts of all
  processes are known.
- shorter windows open again sooner than a slowdown would pay for: they are left alone.

``interactive_share = "20%"`` closes the last fifth of every limit to batch attempts. Nothing of this can let pass
what a limit denies: holds are only ever judged against less than the limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shunpike.ledger.slots import FREELY
from shunpike.ledger.terms import InForce
from shunpike.ledger.windows import next_reset, zone_of
from shunpike.protocols import AdmissionRequest, Store, Target
from shunpike.types import Calendar, Denial, DenialCause, Grant, Hold, Limit, Pace, Remaining, Rolling, Settings
from shunpike.types.ledger import Spread

LONG = 3_600.0
"""Seconds from which on a rolling window is worth pacing."""


def pace_of(target: Target, settings: Settings) -> Pace:
    """Return the pace at ``target``."""
    section = settings.providers.get(target.name)
    return settings.pace if section is None else section.pace.over(settings.pace)


def _period(window: Calendar, now: float) -> tuple[float, float]:
    zone = zone_of(window.zone)
    today = datetime.fromtimestamp(now, zone)
    first = datetime(today.year, today.month, 1 if window.period == "month" else today.day, tzinfo=zone)
    return first.timestamp(), next_reset(window, now)


def allowed(limit: Limit, now: float, curve: float) -> int:
    """Return how much of a calendar's limit may be used by ``now``."""
    if not isinstance(limit.window, Calendar):
        return limit.amount
    begin, end = _period(limit.window, now)
    passed = min(1.0, max(0.0, (now - begin) / (end - begin)))
    share: float = 1 - (1 - passed) ** curve
    return math.floor(limit.amount * (FREELY + (1 - FREELY) * share))


def allowed_from(limit: Limit, needed: int, now: float, curve: float) -> float:
    """Return the moment of the present period from which on ``needed`` of a calendar's limit may be used."""
    if not isinstance(limit.window, Calendar) or needed >= limit.amount:
        return now if not isinstance(limit.window, Calendar) else _period(limit.window, now)[1]
    begin, end = _period(limit.window, now)
    share = max(0.0, (needed / limit.amount - FREELY) / (1 - FREELY))
    passed: float = 1 - (1 - share) ** (1 / curve)
    return begin + passed * (end - begin)


def slowed(holds: Sequence[Hold], ask: AdmissionRequest, pace: Pace, now: float) -> tuple[Hold, ...]:
    """Return the holds as the store shall judge them: of limits that may be used up to now only in part.

    What nothing else uses may always be taken: a large attempt is slowed down, never made impossible.
    """
    return tuple(_slowed(hold, ask, pace, now) for hold in holds)


def _slowed(hold: Hold, ask: AdmissionRequest, pace: Pace, now: float) -> Hold:
    if not hold.amount:
        return hold
    limit = hold.limit
    amount = limit.amount
    if ask.priority == "batch" and pace.reserved:
        amount = amount * (100 - pace.reserved) // 100
    if pace.smooth:
        amount = min(amount, allowed(limit, now, pace.curve))
    amount = min(limit.amount, max(amount, hold.amount))
    changed: dict[str, Any] = {} if amount == limit.amount else {"limit": _less(limit, amount)}
    if pace.smooth and _is_long(hold):
        changed["spread"] = Spread(whole=limit.amount, curve=pace.curve)
    return hold.model_copy(update=changed) if changed else hold


def _less(limit: Limit, amount: int) -> Limit:
    return limit.model_copy(update={"amount": amount})


def unslowed(grant: Grant, holds: Sequence[Hold]) -> Grant:
    """Return the grant with what is left of the limits themselves, not of their paced part."""
    limits = {hold.bucket: hold.limit for hold in holds}
    left = (
        one.model_copy(update={"limit": limits[one.bucket], "left": max(0, limits[one.bucket].amount - one.used)})
        for one in grant.remaining
    )
    return grant.model_copy(update={"remaining": tuple(left)})


class Pacer:
    """Slows attempts down before the store judges them, and says why."""

    def __init__(self, store: Store, in_force: InForce) -> None:
        self._store = store
        self._in_force = in_force

    def spread(self, target: Target, ask: AdmissionRequest, holds: tuple[Hold, ...], now: float) -> tuple[Hold, ...]:
        """Return the holds as the store shall judge them."""
        pace = pace_of(target, self._in_force.settings)
        return slowed(holds, ask, pace, now) if pace.smooth or pace.reserved else holds

    def rooms(
        self, target: Target, ask: AdmissionRequest, holds: Sequence[Hold], left: Sequence[Remaining], now: float
    ) -> list[int]:
        """Return how much an attempt may take of each hold's limit now; what it holds at least is in the holds."""
        pace = pace_of(target, self._in_force.settings)
        return [
            # The gap that follows is the longer, the more it takes.
            min(one.left, hold.amount)
            if pace.smooth and _is_long(hold)
            else max(0, _slowed(hold, ask, pace, now).limit.amount - one.used)
            for hold, one in zip(holds, left, strict=True)
        ]

    async def explained(
        self, target: Target, denial: Denial, holds: Sequence[Hold], judged: Sequence[Hold], now: float
    ) -> Denial:
        """Return ``denial`` as it is, or as one of the pace where the limit itself has room."""
        for hold, other in zip(holds, judged, strict=True):
            if hold.bucket != denial.bucket:
                continue
            if denial.cause is DenialCause.PACED:
                return denial.model_copy(update={"limit": hold.limit})
            if hold.limit.amount == other.limit.amount:
                continue
            (left,) = await self._store.remaining([hold], now)
            if left.used + hold.amount > hold.limit.amount or denial.cause is DenialCause.BLOCKED:
                return denial.model_copy(update={"limit": hold.limit})
            pace = pace_of(target, self._in_force.settings)
            opens = denial.retry_at
            if pace.smooth and other.limit.amount == max(hold.amount, allowed(hold.limit, now, pace.curve)):
                opens = min(
                    opens or math.inf, max(now, allowed_from(hold.limit, left.used + hold.amount, now, pace.curve))
                )
            return _paced(hold, left, opens).model_copy(update={"held": denial.held})
        return denial


def _is_long(hold: Hold) -> bool:
    return isinstance(hold.limit.window, Rolling) and hold.limit.window.seconds >= LONG


def _paced(hold: Hold, left: Remaining, opens: float | None) -> Denial:
    return Denial(
        cause=DenialCause.PACED,
        bucket=hold.bucket,
        limit=hold.limit,
        owner=hold.owner,
        used=left.used,
        retry_at=opens,
    )
