"""Automatic slowdown: a quota that must last until its reset is not spent in its first minutes.

``smooth`` lets a part of a limit be used freely (`FREELY`) and spreads the rest over the window:

- a calendar's day or month, budgets included: no more than ``1 - (1 - x) ** curve`` of the rest may be used when the
  share ``x`` of the period has passed. At curve 1 the rate then never exceeds what is left by the time to the reset;
  at 2 it may be twice that, falling towards the limit's end.
- rolling windows of an hour and more: the gap between two admissions is at least what the later one takes, by the rate
  at which what is left would last for a window. It grows as less is left. Of another process's attempts the admission
  is not known: they count from their answer on, and not yet while they run.
- shorter windows open again sooner than a slowdown would pay for: they are left alone.

``interactive_share = "20%"`` closes the last fifth of every limit to batch attempts. Nothing of this can let pass
what a limit refuses: holds are only ever judged against less than the limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from shunpike.ledger.capabilities import RECOVER_EVERY, Recovers
from shunpike.ledger.slots import settled_amount
from shunpike.ledger.terms import InForce
from shunpike.ledger.windows import GUARD, next_reset, zone_of
from shunpike.protocols import AdmissionRequest, Store, Target
from shunpike.types import (
    Calendar,
    Denial,
    DenialCause,
    Grant,
    Hold,
    Limit,
    Pace,
    Remaining,
    Rolling,
    Settings,
    Settlement,
)

FREELY = 0.1
"""The share of a limit that is never slowed down."""
LONG = 3_600.0
"""Seconds from which on a rolling window is worth pacing."""
_SAME = 0.01
"""Seconds by which a moment may differ after it was reckoned to an expiry and back, or to another machine's clock."""


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
    return hold if amount == limit.amount else hold.model_copy(update={"limit": _less(limit, amount)})


def _less(limit: Limit, amount: int) -> Limit:
    return limit.model_copy(update={"amount": amount})


def gap_ends(hold: Hold, left: Remaining, pace: Pace, last: float) -> float | None:
    """Return when the gap after the ``last`` admission to a long rolling window ends, None where there is none."""
    limit = hold.limit
    if not isinstance(limit.window, Rolling):
        return None
    if left.used + hold.amount <= FREELY * limit.amount or left.left < 1:
        return None
    return last + hold.amount * limit.window.seconds / left.left / pace.curve


def unslowed(grant: Grant, holds: Sequence[Hold]) -> Grant:
    """Return the grant with what is left of the limits themselves, not of their paced part."""
    limits = {hold.bucket: hold.limit for hold in holds}
    left = (
        one.model_copy(update={"limit": limits[one.bucket], "left": max(0, limits[one.bucket].amount - one.used)})
        for one in grant.remaining
    )
    return grant.model_copy(update={"remaining": tuple(left)})


@dataclass
class _Own:
    """What this process knows of its own attempts in one bucket, in epoch seconds."""

    running: dict[str, float] = field(default_factory=dict)
    """Attempt → when it was admitted, in that order."""
    admitted: float = -math.inf
    """When the last one of those that ended was."""
    ended: float = -math.inf
    """From when on the last one of them counts."""
    taken: int = 0
    """What was let through since the beginning."""
    pending: int = 0
    """So much of it is not in the books yet, or only just."""

    def last(self, quiet: float | None, now: float) -> float:
        """Return when something was last admitted; ``quiet`` is how long ago the last one of anybody's ended."""
        moments = [self.admitted, *islice(reversed(self.running.values()), 1)]
        if quiet is not None and now - quiet > self.ended + _SAME:
            moments.append(now - quiet)
        # What lies ahead was noted before the clock was set back: it would hold up everybody until then.
        return max((moment for moment in moments if moment <= now + GUARD), default=-math.inf)

    def end(self, admitted: float, settlement: Settlement) -> None:
        """Note an attempt that ended and counts."""
        counts_from = settlement.at if settlement.headers_at is None else settlement.headers_at
        self.admitted = _later(self.admitted, admitted, settlement.at)
        self.ended = _later(self.ended, counts_from, settlement.at)


def _later(known: float, new: float, now: float) -> float:
    return new if known > now + GUARD else max(known, new)


class Pacer:
    """Slows attempts down before the store judges them, and says why."""

    def __init__(self, store: Store, in_force: InForce) -> None:
        self._store = store
        self._in_force = in_force
        self._own: dict[str, _Own] = {}
        self._running: dict[str, Sequence[Hold]] = {}
        """Attempt → its holds of long rolling windows."""
        self._recovered_at = -math.inf

    async def before(
        self, target: Target, ask: AdmissionRequest, holds: tuple[Hold, ...], now: float
    ) -> tuple[Hold, ...] | Denial:
        """Return the holds to be judged, or the refusal of an attempt that comes too soon after the last one.

        What is let through counts as admitted, so that of many that ask at once one is; `ended` is to be told.
        """
        pace = pace_of(target, self._in_force.settings)
        long = [hold for hold in holds if hold.amount and _is_long(hold)] if pace.smooth else []
        if long:
            denial = await self._too_soon(long, pace, now)
            # The store looks for dead owners before it refuses, but what is refused here never gets there.
            if denial is not None and await self._recovered(now):
                denial = await self._too_soon(long, pace, now)
            if denial is not None:
                return denial
            self._running[ask.attempt_id] = long
            for hold in long:
                own = self._of(hold)
                own.running[ask.attempt_id] = now
                own.taken += hold.amount
                own.pending += hold.amount
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

    async def _too_soon(self, holds: Sequence[Hold], pace: Pace, now: float) -> Denial | None:
        known = [self._of(hold).taken - self._of(hold).pending for hold in holds]
        for hold, left, before in zip(holds, await self._store.remaining(holds, now), known, strict=True):
            # Of many that ask at once each looked before the others were in the books.
            own = self._of(hold)
            unseen = own.taken - before
            seen = left.model_copy(update={"used": left.used + unseen, "left": max(0, left.left - unseen)})
            ends = gap_ends(hold, seen, pace, own.last(left.quiet, now))
            if ends is not None and ends > now:
                return _paced(hold, left, ends)
        return None

    async def _recovered(self, now: float) -> bool:
        if not isinstance(self._store, Recovers) or abs(now - self._recovered_at) < RECOVER_EVERY:
            return False
        self._recovered_at = now
        return await self._store.recover(now) > 0

    def _of(self, hold: Hold) -> _Own:
        return self._own.setdefault(hold.bucket, _Own())

    def judged(self, attempt_id: str, *, admitted: bool) -> None:
        """Note what the store said of an attempt that was let through."""
        for hold in self._running.get(attempt_id, ()):
            own = self._of(hold)
            own.pending -= hold.amount
            own.taken -= 0 if admitted else hold.amount
        if not admitted:
            self.ended(attempt_id, None)

    def ended(self, attempt_id: str, settlement: Settlement | None) -> None:
        """Note how an attempt ended that was let through; None = it was not admitted after all."""
        for hold in self._running.pop(attempt_id, ()):
            own = self._of(hold)
            admitted = own.running.pop(attempt_id)
            if settlement is not None and settled_amount(hold.limit, hold.amount, settlement):
                own.end(admitted, settlement)

    async def explained(
        self, target: Target, denial: Denial, holds: Sequence[Hold], judged: Sequence[Hold], now: float
    ) -> Denial:
        """Return ``denial`` as it is, or as one of the pace where the limit itself has room."""
        for hold, other in zip(holds, judged, strict=True):
            if hold.bucket != denial.bucket or hold.limit.amount == other.limit.amount:
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
