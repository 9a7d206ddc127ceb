"""Who is asked next: the order of the plan, shared out over accounts, with a second round where that can help.

Pure: it is told what happened and answers what to do. Its laws (``tests/unit/routing/test_schedule.py``):

- never more attempts than allowed, and at most `MOST_TRIES` at one model, or at one account or address in trouble;
- what costs money comes after all that is free and fresh; of several attempts the last is kept for a paid account
  that was not reached;
- of those alike in this, every account that can be asked is reached before any is tried a third time, and before any
  is tried a second time where the attempts would not suffice;
- what was tried or is in trouble comes again only when nothing else is left, and not before its moment, unless its
  failure says `FallOverStep.SAME`: then before anybody else; what costs money comes again after all that is free and
  ready;
- a failure that says `FallOverStep.NEXT` is its target's last attempt;
- otherwise the order of the plan.

All times are seconds on one clock that is never set back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from shunpike.protocols import Target
from shunpike.routing.trouble import Setback, TroublePlace, TroubleScope
from shunpike.types import Cause, FallOverStep

MOST_TRIES = 3
"""Attempts at one model, and at one account or address in trouble, within one request."""
SOON = 8.0
"""Seconds for which others wait for what is to be asked again before them."""
_BEFORE_OTHERS = 2
"""Attempts at one account while another was not reached."""
_ALIKE = 2
"""So many models of one account that fail alike show that it is the account."""


class Spent(NamedTuple):
    """What the request had no more of, so that somebody was not tried, in words and by cause."""

    text: str
    cause: Cause


class Pause(NamedTuple):
    """Nobody can be asked before ``until_mono``, unless what is ``parked`` opens earlier: see `Schedule.reopen`."""

    until_mono: float
    parked: bool = False


class Bounds(NamedTuple):
    """How often and how long, and whether it ``waits``: whether it may pause and ask again."""

    attempts: int
    expires_mono: float = inf
    waits: bool = True


@dataclass
class _Door:
    """A model, an account, an address or a key, as this request knows it."""

    tries: int = 0
    until_mono: float = -inf
    """When it opens."""
    setback: Setback | None = None
    """What closed it last."""
    in_trouble: bool = False

    def close(self, setback: Setback, until_mono: float) -> None:
        self.in_trouble = self.in_trouble or not setback.sure
        if until_mono >= self.until_mono:
            self.until_mono, self.setback = until_mono, setback


class _Candidate:
    """A target with its doors: all must be open."""

    def __init__(self, target: Target, place: int, doors: Mapping[TroubleScope, _Door]) -> None:
        self.target = target
        self.place = place
        self.doors = doors
        self.own = doors[TroubleScope.MODEL]
        self.account = doors[TroubleScope.ACCOUNT]
        self.closed = False
        """Whether its last visit ended before anything was sent."""
        self.failed_alike = False
        self.goes_first = False
        """Whether it is asked again before anybody else."""
        self.parked = False
        """Whether a limit closed it, so that whoever knows the limits says when it is worth another visit."""

    @property
    def until_mono(self) -> float:
        return max(door.until_mono for door in self.doors.values())

    @property
    def fresh(self) -> bool:
        """Whether it was not tried, and nothing that it shares was in trouble."""
        return not self.own.tries and not any(door.in_trouble for door in self.doors.values())

    @property
    def spent(self) -> bool:
        """Whether it had its share of attempts."""
        return self.own.tries >= MOST_TRIES or any(
            door.in_trouble and door.tries >= MOST_TRIES for door in self.doors.values()
        )


class Schedule:
    """The state of every candidate of one request."""

    def __init__(self, targets: Sequence[Target], where: Callable[[Target], TroublePlace], bounds: Bounds) -> None:
        doors: dict[tuple[TroubleScope, str], _Door] = {}
        self._bounds = bounds
        self._attempts = 0
        self._paid_out: Spent | None = None
        """Why nothing that costs money is asked any more."""
        self._candidates: dict[str, _Candidate] = {}
        for place, target in enumerate(targets):
            found = where(target)
            own = {scope: doors.setdefault((scope, found.of(scope)), _Door()) for scope in TroubleScope}
            self._candidates[target.label] = _Candidate(target, place, own)

    def next(self, now_mono: float, until_mono: float = inf) -> Target | Pause | None:
        """Return who is to be asked now, or until when to wait; None when there is nothing left to do.

        ``until_mono`` is when a pause that begins now ends at the latest.
        """
        latest_mono = min(until_mono, self._bounds.expires_mono)
        if now_mono >= self._bounds.expires_mono or self._attempts >= self._bounds.attempts:
            return None
        living = [one for one in self._candidates.values() if self._lives(one)]
        again = self._again(living, now_mono, latest_mono) if self._bounds.waits else None
        if again is not None:
            return again
        ready = [one for one in living if one.until_mono <= now_mono and not one.parked]
        fresh = [one for one in ready if one.fresh]
        if fresh:
            return self._shared_out(fresh).target
        if not self._bounds.waits:
            return None
        if ready:
            return min(ready, key=lambda one: (one.target.paid, one.account.tries, one.own.tries, one.place)).target
        opens_mono = min((one.until_mono for one in living if not one.parked), default=inf)
        parked = any(one.parked for one in living)
        return Pause(opens_mono, parked) if parked or opens_mono < latest_mono else None

    def _lives(self, one: _Candidate) -> bool:
        barred = one.target.paid and self._paid_out is not None
        return not one.spent and one.until_mono < inf and not barred

    def _again(self, living: Sequence[_Candidate], now_mono: float, latest_mono: float) -> Target | Pause | None:
        """Return who is asked again before anybody else, or until when it is waited for; None where nobody is."""
        for one in living:
            if not one.goes_first or one.parked:
                continue
            if one.until_mono <= now_mono:
                return one.target
            return Pause(one.until_mono) if one.until_mono < min(now_mono + SOON, latest_mono) else None
        return None

    def _shared_out(self, fresh: Sequence[_Candidate]) -> _Candidate:
        """Return the first in order that leaves enough for the accounts that were not reached."""
        left = self._bounds.attempts - self._attempts
        if not fresh[0].target.paid:
            kept = next((one for one in fresh if one.target.paid and not one.account.tries), None)
            if kept is not None and self._bounds.attempts > 1:
                if left == 1:
                    return kept
                left -= 1
            fresh = [one for one in fresh if not one.target.paid]
        unreached = {id(one.account) for one in fresh if not one.account.tries}
        if not unreached:
            return fresh[0]
        again = _BEFORE_OTHERS if left > len(unreached) else 1
        return next(one for one in fresh if one.account.tries < again)

    def has_other(self, target: Target, now_mono: float) -> bool:
        """Whether somebody at another address could be asked instead if ``target`` takes too long."""
        origin = self._candidates[target.label].doors[TroubleScope.ORIGIN]
        others = (one for one in self._candidates.values() if one.doors[TroubleScope.ORIGIN] is not origin)
        return self._attempts < self._bounds.attempts and any(
            one.fresh and one.until_mono <= now_mono and not one.parked for one in others
        )

    def beside(self, target: Target, now_mono: float) -> Target | None:
        """Return who could be asked beside ``target``: the first fresh one of another provider, as cheap as that."""
        account = self._candidates[target.label].account
        for one in self._candidates.values() if self._attempts < self._bounds.attempts else ():
            apart = one.account is not account and one.target.provider.id != target.provider.id
            ready = self._lives(one) and one.fresh and one.until_mono <= now_mono and not one.parked
            if apart and ready and (target.paid or not one.target.paid):
                return one.target
        return None

    def closed(self, target: Target, setback: Setback, until_mono: float = inf) -> None:
        """Note that nothing was sent to ``target``, which is closed until then."""
        candidate = self._candidates[target.label]
        candidate.closed, candidate.goes_first = True, False
        candidate.doors[setback.scope].close(setback, until_mono)

    def parked(self, target: Target) -> None:
        """Note that a limit closed ``target``, which may open while the request waits."""
        candidate = self._candidates[target.label]
        candidate.closed = candidate.parked = True

    @property
    def open(self) -> list[Target]:
        """Who may still be asked, now or later."""
        return [one.target for one in self._candidates.values() if self._lives(one)]

    @property
    def awaited(self) -> tuple[Target, Setback] | None:
        """Who may be asked first of those that are in trouble, with what closed it."""
        living = [one for one in self._candidates.values() if self._lives(one) and not one.parked]
        first = min(living, key=lambda one: one.until_mono, default=None)
        last = None if first is None else max(first.doors.values(), key=lambda door: door.until_mono)
        return None if first is None or last is None or last.setback is None else (first.target, last.setback)

    @property
    def parked_labels(self) -> frozenset[str]:
        """The labels of those that only a limit keeps from another visit."""
        return frozenset(label for label, one in self._candidates.items() if one.parked)

    def reopen(self, target: Target) -> None:
        """Let ``target``, which was parked, be asked again."""
        self._candidates[target.label].parked = False

    def close_parked(self) -> None:
        """Note that nothing that is parked opens in time."""
        for one in self._candidates.values():
            if one.parked:
                one.parked, one.own.until_mono = False, inf

    def begun(self, target: Target) -> None:
        """Note that an attempt at ``target`` is being made."""
        candidate = self._candidates[target.label]
        candidate.closed = candidate.goes_first = False
        self._attempts += 1
        for door in candidate.doors.values():
            door.tries += 1

    def failed(
        self, target: Target, setback: Setback, until_mono: float = inf, step: FallOverStep = FallOverStep.WAIT
    ) -> None:
        """Note that the attempt at ``target`` failed, which is closed until then, and what ``step`` follows."""
        candidate = self._candidates[target.label]
        candidate.doors[setback.scope].close(setback, until_mono)
        if step is FallOverStep.NEXT:
            candidate.own.close(setback, inf)
        candidate.goes_first = step is FallOverStep.SAME and candidate.until_mono < inf
        if setback.shared:
            candidate.failed_alike = True
            same = [one for one in self._candidates.values() if one.account is candidate.account and one.failed_alike]
            if len(same) >= _ALIKE:
                candidate.account.close(setback._replace(scope=TroubleScope.ACCOUNT), until_mono)

    def pay_no_more(self, why: Spent) -> None:
        """Ask nothing any more that costs money."""
        self._paid_out = why

    def tries(self, target: Target) -> int:
        """Return how many attempts were made at ``target``."""
        return self._candidates[target.label].own.tries

    def untried(self, now_mono: float) -> list[tuple[Target, Setback | Spent | None]]:
        """Return who was neither tried nor closed, with what closed it or what was used up, if either."""
        return [
            (one.target, self._why(one, now_mono))
            for one in self._candidates.values()
            if not one.own.tries and not one.closed
        ]

    def _why(self, one: _Candidate, now_mono: float) -> Setback | Spent | None:
        if one.target.paid and self._paid_out is not None:
            return self._paid_out
        closed = next((door.setback for door in one.doors.values() if door.setback is not None), None)
        if closed is not None:
            return closed
        if self._attempts >= self._bounds.attempts:
            return Spent(f"{self._attempts} attempt{'s' if self._attempts > 1 else ''} were used", Cause.ATTEMPTS)
        if now_mono >= self._bounds.expires_mono:
            return Spent("the time was used up", Cause.TIME)
        passed = one.account.tries and one.place < max(other.place for other in self._tried)
        return Spent("its account was asked already, and another one came first", Cause.ATTEMPTS) if passed else None

    @property
    def _tried(self) -> list[_Candidate]:
        return [one for one in self._candidates.values() if one.own.tries]
