"""What this process learned from failures: keys that were refused, models that are gone, places in trouble.

What is closed opens after a time that grows with each failure in a row. Then one request may test it, while the others
still stay away for a moment; its success opens it for all, its failure closes it for longer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from shunpike.clock import Clock
from shunpike.errors import AuthError, CreditsExhausted, NotHere, QuotaExhausted, RateLimited
from shunpike.protocols import TargetHealth
from shunpike.routing.shared_health import TOLD, Closed, Place, bucket_of, heard_of, place_of, told_of
from shunpike.routing.trouble import Failure, Setback, TroublePlace, TroubleScope, is_trouble, named_moment, scope_of
from shunpike.types import Block, Cause
from shunpike.types.trouble import Troubles

TESTED_FOR = 5.0
"""Seconds for which the others stay away while one request tests."""
_GONE_KINDS = frozenset({"not_found", "retired", "tier"})


class Growth(NamedTuple):
    """Seconds to stay away: after the first failure, and at most. Each further one in a row doubles them."""

    first: float
    most: float

    def after(self, failures: int) -> float:
        """Return the seconds after so many failures in a row."""
        return min(self.most, self.first * 2.0 ** min(failures - 1, 64))


TROUBLE = Growth(1.0, 60.0)
HASTE = Growth(1.0, 60.0)
"""After a 429, whatever moment it names: one that names `now` for ever is no leave to ask for ever."""
UNNAMED = Growth(15.0, 900.0)
"""After a 429 that names no moment."""
USED_UP = Growth(3_600.0, 3_600.0)
"""After a used-up quota that names no reset."""
KEY = Growth(30.0, 3_600.0)
CREDITS = Growth(600.0, 3_600.0)
GONE = Growth(3_600.0, 3_600.0)
"""A model that a provider does not offer."""


_ROUNDING = 1e-3
"""Seconds by which a moment may differ that went to a store, on whose clock it is another one, and came back."""


class Health:
    """What is closed, by scope and name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._closed: dict[Place, Closed] = {}
        self._untold: set[Place] = set()
        """What was closed since others were told."""
        self._over: set[str] = set()
        """Buckets of what was opened since others were told."""
        self._well_at: dict[str, float] = {}
        """Bucket → when it was seen to be well: what was said of it before is over."""
        self._account_well_at: dict[str, float] = {}
        """Account → when something of it answered last."""
        self._renewed_at: dict[str, float] = {}
        """Account → when its keys were looked at again: what was said of them before is over."""
        self._heard: Troubles | None = None

    def learn(self, where: TroublePlace, error: Failure, begun: float) -> Setback:
        """Take in the failure of an attempt that began at ``begun``, epoch seconds; return what it closes."""
        scope, named = scope_of(error), named_moment(error)
        told = Setback(scope, error.kind, f"{error.kind}: {error.message}", hint=error.hint)
        growth, cause = _growth(error)
        if not is_trouble(error):
            self._well(where)
        if growth is None:
            return told
        known = self._close((scope, where.of(scope)), growth, begun, told._replace(cause=cause))
        known.named_at = named or 0.0
        if isinstance(error, RateLimited | QuotaExhausted):
            opens_at = max(known.opens_at, known.named_at)
            return told._replace(closed_until=opens_at, sure=known.failures == 1, cause=cause)
        if not is_trouble(error):
            return told._replace(cause=cause)
        if known.named_at > known.opens_at:
            known.opens_at, known.opens_mono = known.named_at, float("inf")
        self._is_the_accounts(where, scope, known)
        sure = named is not None and known.failures == 1
        return told._replace(closed_until=known.opens_at, sure=sure, shared=scope is TroubleScope.MODEL, cause=cause)

    def _close(self, key: tuple[TroubleScope, str], growth: Growth, begun: float, told: Setback) -> Closed:
        now, known = self._clock.now(), self._closed.get(key)
        failures = 1 if known is None else known.failures
        if known is not None and begun > known.closed_at:
            # One that had begun before it was closed is of the same trouble, not of a further one.
            failures += 1
        away = growth.after(failures)
        found = Closed(now + away, now, failures, told.kind, told.reason, told.cause, hint=told.hint)
        found.opens_mono = self._clock.monotonic() + away
        if known is not None and not known.tested and known.opening(self._clock) > found.opens_at:
            found.opens_at, found.opens_mono = known.opening(self._clock), known.opens_mono
        return self._keep(key, found)

    def _keep(self, place: Place, found: Closed) -> Closed:
        self._closed[place] = found
        if found.cause in TOLD:
            self._untold.add(place)
        return found

    def _open(self, place: Place) -> None:
        known = self._closed.pop(place, None)
        if known is not None and known.cause in TOLD:
            bucket = bucket_of(place)
            self._untold.discard(place)
            self._over.add(bucket)
            self._well_at[bucket] = self._clock.now()

    def news(self) -> tuple[tuple[Block, ...], tuple[str, ...]]:
        """Return what others are to be told with the next settlement: what is in trouble, and buckets of what is well.

        It is told once; `booked` says that it has arrived.
        """
        if not (self._untold or self._over):
            return (), ()
        closes = tuple(told_of(place, self._closed[place]) for place in sorted(self._untold))
        opens = tuple(sorted(self._over - {one.bucket for one in closes}))
        self._untold.clear()
        self._over.clear()
        return closes, opens

    def booked(self, blocks: Sequence[Block]) -> None:
        """Note that the store has what was told of `news`."""
        for block in blocks:
            place = place_of(block.bucket)
            known = self._closed.get(place) if place is not None else None
            if known is not None and known.closed_at == block.at:
                known.booked_mono = self._clock.monotonic()

    def hear(self, troubles: Troubles) -> None:
        """Take in what the store has: what others found, and that what it had was opened by somebody."""
        if troubles.read_mono is None or troubles is self._heard:
            return
        self._heard = troubles
        for place, known in list(self._closed.items()):
            seen = known.booked_mono is not None and known.booked_mono < troubles.read_mono
            # Once time has taken it from the store, nobody opened it.
            kept = seen and told_of(place, known).until > self._clock.now()
            if kept and bucket_of(place) not in troubles.closed:
                del self._closed[place]
        for bucket, block in troubles.closed.items():
            found = place_of(bucket)
            if found is None:
                continue
            ours = self._closed.get(found)
            renewed = self._renewed_at.get(_account_of(found[1]), 0.0) if found[0] is TroubleScope.KEY else 0.0
            well = max(self._well_at.get(bucket, 0.0), renewed)
            since = well if ours is None else ours.closed_at
            if block.at > since + _ROUNDING:
                self._closed[found] = heard_of(found, block, troubles.read_mono)

    def _is_the_accounts(self, where: TroublePlace, scope: TroubleScope, known: Closed) -> None:
        """Close the account where two of its models are in trouble at a time."""
        if scope is not TroubleScope.MODEL:
            return
        now, prefix = self._clock.now(), f"{where.account}/"
        others = (
            one
            for (other, name), one in self._closed.items()
            if other is TroubleScope.MODEL and name != where.model and name.startswith(prefix)
        )
        # What answered in between shows that it is these models. The account has a growth of its own: it is opened by
        # the first of its models that answers, and must not be kept from it by how often two others failed.
        well = self._account_well_at.get(where.account, 0.0)
        if any(
            one.cause is Cause.TROUBLE and one.opening(self._clock) > now and one.closed_at > well for one in others
        ):
            told = Setback(TroubleScope.ACCOUNT, known.kind, known.reason, hint=known.hint, cause=known.cause)
            self._close((TroubleScope.ACCOUNT, where.account), TROUBLE, now, told)

    def _well(self, where: TroublePlace) -> None:
        """What answers is there, whatever it says."""
        self._account_well_at[where.account] = self._clock.now()
        for scope in (TroubleScope.ORIGIN, TroubleScope.ACCOUNT):
            known = self._closed.get((scope, where.of(scope)))
            if known is not None and known.cause is Cause.TROUBLE:
                self._open((scope, where.of(scope)))

    def answers(self, where: TroublePlace) -> None:
        """Content arrives: address, account and key are well, whatever becomes of the answer."""
        self._answered(where, (TroubleScope.ORIGIN, TroubleScope.ACCOUNT, TroubleScope.KEY))

    def succeeded(self, where: TroublePlace) -> None:
        """A good answer ends all that was closed there."""
        self._answered(where, TroubleScope)

    def _answered(self, where: TroublePlace, scopes: Iterable[TroubleScope]) -> None:
        self._account_well_at[where.account] = self._clock.now()
        if self._closed:
            for scope in scopes:
                self._open((scope, where.of(scope)))

    def enter(self, where: TroublePlace) -> Setback | None:
        """Return why nothing may be sent there, None when it may; the first after the time tests it for all."""
        if not self._closed:
            return None
        now = self._clock.now()
        found = [
            (scope, one) for scope in TroubleScope if (one := self._closed.get((scope, where.of(scope)))) is not None
        ]
        for scope, one in sorted(found, key=lambda pair: -pair[1].opening(self._clock)):
            if (opening := one.opening(self._clock)) > now:
                sure = one.cause is Cause.QUOTA and one.failures == 1
                until = max(opening, one.named_at)
                return Setback(scope, one.kind, one.reason, until, sure=sure, cause=one.cause, hint=one.hint)
        for _, one in found:
            one.tested, one.opens_at, one.opens_mono = True, now + TESTED_FOR, self._clock.monotonic() + TESTED_FOR
        return None

    def leave(self, where: TroublePlace) -> None:
        """Note that nothing was sent after all: another may test it."""
        if not self._closed:
            return
        now = self._clock.now()
        for scope in TroubleScope:
            known = self._closed.get((scope, where.of(scope)))
            if known is not None and known.tested:
                known.tested, known.opens_at = False, now

    @property
    def is_all_well(self) -> bool:
        """Whether nothing at all is closed."""
        return not self._closed

    def closed_until(self, where: TroublePlace) -> float | None:
        """Return until when nothing is sent there, epoch seconds; None when something may be."""
        found = (self._closed.get((scope, where.of(scope))) for scope in TroubleScope)
        moments = [one.opening(self._clock) for one in found if one is not None]
        return max((at for at in moments if at > self._clock.now()), default=None)

    def of(self, where: TroublePlace) -> TargetHealth:
        """Return what is known of failures in a row there: of what closes it for longest."""
        found = [one for scope in TroubleScope if (one := self._closed.get((scope, where.of(scope)))) is not None]
        worst = max(found, key=lambda one: one.opening(self._clock), default=None)
        return TargetHealth() if worst is None else TargetHealth(failures=worst.failures, error=worst.kind)

    def renew(self, accounts: Collection[str]) -> None:
        """Let the keys of ``accounts`` be asked again that were refused until now, here or elsewhere."""
        for scope, name in list(self._closed):
            if scope is TroubleScope.KEY and _account_of(name) in accounts:
                self._open((scope, name))
        self._renewed_at.update(dict.fromkeys(accounts, self._clock.now()))

    @property
    def refused_keys(self) -> frozenset[str]:
        """The fingerprints of the keys that were refused."""
        return frozenset(name for scope, name in self._closed if scope is TroubleScope.KEY)


def _account_of(key: str) -> str:
    return key.partition(" ")[0]


def _growth(error: Failure) -> tuple[Growth | None, Cause | None]:
    """Return how long ``error`` closes what it is about, and what would help; None where it closes nothing."""
    growth, cause = None, None
    if is_trouble(error):
        growth, cause = TROUBLE, Cause.TROUBLE
    elif isinstance(error, AuthError):
        growth, cause = KEY, Cause.KEY
    elif isinstance(error, CreditsExhausted):
        growth = CREDITS
    elif isinstance(error, RateLimited | QuotaExhausted):
        unnamed = UNNAMED if isinstance(error, RateLimited) else USED_UP
        growth, cause = (unnamed if named_moment(error) is None else HASTE), Cause.QUOTA
    elif isinstance(error, NotHere) and error.kind in _GONE_KINDS:
        growth = GONE
    return growth, cause
