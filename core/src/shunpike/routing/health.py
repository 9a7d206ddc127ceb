"""What this process learned from failures: keys that were refused, models that are gone, places in trouble.

What is closed opens after a time of its own (``breaker.py``). Then one request may test it, while the others still
stay away; its success opens it for all, its failure closes it for longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from math import inf

from shunpike.clock import Clock
from shunpike.errors import BadAnswer, QuotaExhausted, RateLimited
from shunpike.protocols import TargetHealth
from shunpike.routing.breaker import BACK_OFF, FAILURES, growth_of
from shunpike.routing.capacity import Capacity, is_crowded
from shunpike.routing.closings import Closings
from shunpike.routing.ejection import is_spared
from shunpike.routing.shared_health import Closed, Place, place_of
from shunpike.routing.trouble import Failure, Setback, TroublePlace, TroubleScope, is_trouble, named_moment, scope_of
from shunpike.types import Block, Cause
from shunpike.types.trouble import Troubles

_TWICE = 2
"""So many models of an account, and failures of each, show that it is the account."""


class Health:
    """What is closed, by scope and name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trouble = Closings(clock)
        """Places that fail."""
        self._shut = Closings(clock)
        """What a limit, a key, an empty account or a missing model closed."""
        self._account_well_at: dict[str, float] = {}
        """Account → when something of it answered last."""
        self._renewed_at: dict[str, float] = {}
        """Account → when its keys were looked at again: what was said of them before is over."""
        self._heard: Troubles | None = None
        self.capacity = Capacity(clock)

    def learn(
        self, where: TroublePlace, error: Failure, begun: float, at_once: int = 0, began_mono: float = 0.0
    ) -> Setback:
        """Take in the failure of an attempt that began at ``begun``, epoch seconds; return what it closes.

        Args:
            at_once: How many attempts ran at the account when it began, itself counted; 0 = it is not known.
            began_mono: When it began, on the monotonic clock.

        """
        scope = scope_of(error)
        told = Setback(scope, error.kind, f"{error.kind}: {error.message}", hint=error.hint)
        self.capacity.failed(where, error, at_once, began_mono)
        if is_trouble(error):
            return self._failed(where, told._replace(cause=Cause.TROUBLE), named_moment(error), begun)
        self._well(where, whole=isinstance(error, BadAnswer))
        if is_crowded(error, at_once):
            # It is as open as before, once fewer run.
            until = self._clock.now() + BACK_OFF.first
            return told._replace(closed_until=until, sure=False, cause=Cause.TROUBLE, transient=True)
        growth, cause = growth_of(error)
        if growth is None:
            return told
        told = told._replace(cause=cause)
        known = self._shut.close((scope, where.of(scope)), told, growth, begun)
        known.named_at = named_moment(error) or 0.0
        if not isinstance(error, RateLimited | QuotaExhausted):
            return told
        return told._replace(closed_until=max(known.opens_at, known.named_at), sure=known.failures == 1)

    def _failed(self, where: TroublePlace, told: Setback, named: float | None, begun: float) -> Setback:
        """Count a failure; return what it closes for the request, and whether for others too."""
        known = self._trouble.fail((told.scope, where.of(told.scope)), told, begun, named)
        for book, scope, one in self._at(where):
            if (book is not self._trouble or scope is not told.scope) and begun > one.closed_at:
                # If it was a test of that, it told nothing of it.
                book.untest((scope, where.of(scope)))
        if told.scope is TroubleScope.MODEL:
            self._is_the_accounts(where, told, begun)
        until = known.opens_at if known.shut else self._clock.now() + BACK_OFF.after(known.failures)
        sure = named is not None and known.failures == 1
        shared = told.scope is TroubleScope.MODEL
        return told._replace(closed_until=until, sure=sure, shared=shared, transient=not known.shut)

    def _is_the_accounts(self, where: TroublePlace, told: Setback, begun: float) -> None:
        """Close the account where several of its models fail, and nothing of it answered in between.

        It is closed for times of its own: it is opened by the first of its models that answers, and must not be kept
        from it by how often two others failed.
        """
        prefix, well = f"{where.account}/", self._account_well_at.get(where.account, 0.0)
        failures = [
            one.failures
            for (scope, name), one in self._trouble.known.items()
            if scope is TroubleScope.MODEL and name.startswith(prefix) and one.closed_at > well
        ]
        if sum(failures) >= FAILURES and sum(one >= _TWICE for one in failures) >= _TWICE:
            account = TroubleScope.ACCOUNT
            self._trouble.fail((account, where.account), told._replace(scope=account), begun, None, least=FAILURES)

    def _well(self, where: TroublePlace, *, whole: bool) -> None:
        """What answers is there, whatever it says; the model is as well where it was the ``whole`` of an answer."""
        self._account_well_at[where.account] = self._clock.now()
        for scope in (TroubleScope.ORIGIN, TroubleScope.ACCOUNT, *([TroubleScope.MODEL] if whole else [])):
            self._trouble.open((scope, where.of(scope)))
        self.leave(where)

    def news(self) -> tuple[tuple[Block, ...], tuple[str, ...]]:
        """Return what others are to be told with the next settlement: what is in trouble, and buckets of what is well.

        It is told once; `booked` says that it has arrived.
        """
        (closes, opens), (others, well) = self._trouble.news(), self._shut.news()
        return closes + others, opens + well

    def booked(self, blocks: Sequence[Block]) -> None:
        """Note that the store has what was told of `news`."""
        for block in blocks:
            place = place_of(block.bucket)
            if place is not None:
                self._book_of(place).booked(place, block.at)

    def hear(self, troubles: Troubles) -> None:
        """Take in what the store has: what others found, and that what it had was opened by somebody."""
        if troubles.read_mono is None or troubles is self._heard:
            return
        self._heard = troubles
        found = ((place_of(bucket), block) for bucket, block in troubles.closed.items())
        heard = {place: block for place, block in found if place is not None}
        for book in (self._trouble, self._shut):
            its = {place: block for place, block in heard.items() if self._book_of(place) is book}
            renewed = {place: self._renewed_at.get(_account_of(place[1]), 0.0) for place in its if _is_key(place)}
            book.hear(its, troubles.read_mono, renewed)

    def _book_of(self, place: Place) -> Closings:
        return self._shut if _is_key(place) else self._trouble

    def answers(self, where: TroublePlace, begun: float = inf) -> None:
        """Content arrives: address, account and key are well, whatever becomes of the answer.

        Args:
            where: Where it comes from.
            begun: When its attempt began, epoch seconds: of a key that was refused since then, it tells nothing.

        """
        self._answered(where, (TroubleScope.ORIGIN, TroubleScope.ACCOUNT, TroubleScope.KEY), begun)

    def succeeded(self, where: TroublePlace, at_once: int = 0, begun: float = inf) -> None:
        """A good answer, to one of so many ``at_once`` that began at ``begun``, ends all that was closed there."""
        if any(one.shut for book, _, one in self._at(where) if book is self._trouble):
            self.capacity.recovered(where)
        self._answered(where, TroubleScope, begun)
        self.capacity.answered(where, at_once)

    def _answered(self, where: TroublePlace, scopes: Iterable[TroubleScope], begun: float) -> None:
        self._account_well_at[where.account] = self._clock.now()
        if not self.is_all_well:
            for scope in scopes:
                self._trouble.open((scope, where.of(scope)))
                if scope is not TroubleScope.KEY or not self._shut.is_since((scope, where.key), begun):
                    self._shut.open((scope, where.of(scope)))

    def _at(self, where: TroublePlace) -> Iterator[tuple[Closings, TroubleScope, Closed]]:
        for book in (self._trouble, self._shut):
            for scope in TroubleScope if book.known else ():
                if (one := book.known.get((scope, where.of(scope)))) is not None:
                    yield book, scope, one

    def enter(
        self, where: TroublePlace, among: Callable[[], Iterable[TroublePlace]] = tuple, seed: str | None = None
    ) -> Setback | None:
        """Return why nothing may be sent there, None when it may; the first after the time tests it for all.

        Args:
            among: All that the request could ask, itself among them.
            seed: By what it is drawn whether the request is shed; None = it is not.

        """
        found = [one for one in self._at(where) if one[2].shut]
        if not found:
            return self._shed(where, among, seed)
        now = self._clock.now()
        waiting = [(scope, one) for book, scope, one in found if book.waits(one)]
        if waiting:
            if all(one.is_suspected(now) for _, one in waiting) and self._is_spared(where, among, seed):
                return None
            scope, one = max(waiting, key=lambda pair: pair[1].opening(self._clock))
            return self._setback(scope, one)
        for book, _, one in found:
            book.test(one)
        return None

    def _setback(self, scope: TroubleScope, one: Closed) -> Setback:
        sure = one.cause is Cause.QUOTA and one.failures == 1
        until = max(one.opening(self._clock), one.named_at)
        return Setback(scope, one.kind, one.reason, until, sure=sure, cause=one.cause, hint=one.hint)

    def refusal(self, where: TroublePlace) -> Setback | None:
        """Return by what its key is refused, None where it is not; the same of one that is being tested."""
        known = self._shut.known.get((TroubleScope.KEY, where.key))
        return None if known is None else self._setback(TroubleScope.KEY, known)

    def _shed(
        self, where: TroublePlace, among: Callable[[], Iterable[TroublePlace]], seed: str | None
    ) -> Setback | None:
        """Return that the request is shed, where it is and others answer."""
        if seed is None or not self.capacity.is_shed(where, seed):
            return None
        others = [one for one in among() if one.model != where.model and self.closed_until(one) is None]
        if not any(map(self.capacity.is_answering, others)) or self._is_spared(where, among, seed):
            return None
        until, why = self._clock.now() + BACK_OFF.first, self.capacity.shed(where)
        return Setback(TroubleScope.MODEL, "overloaded", why, until, sure=False, cause=Cause.TROUBLE)

    def _is_spared(self, where: TroublePlace, among: Callable[[], Iterable[TroublePlace]], seed: str | None) -> bool:
        """Return whether it is to be asked though it is suspected: more than half of all are."""
        if not self.capacity.is_anybody_answering:
            return False
        places, now = list(among()), self._clock.now()
        suspected: dict[str, float] = {}
        others_answer = False
        for place in places:
            shut = [one for _, _, one in self._at(place) if one.shut and one.opening(self._clock) > now]
            if shut and all(one.is_suspected(now) for one in shut):
                suspected[place.model] = max(one.opening(self._clock) for one in shut)
            elif not shut and seed is not None and self.capacity.is_shed(place, seed):
                suspected[place.model] = now
            elif not shut:
                others_answer = others_answer or self.capacity.is_answering(place)
        return is_spared(where.model, suspected, of=len(places), others_answer=others_answer)

    def leave(self, where: TroublePlace) -> None:
        """Note that nothing was sent after all, or that it told nothing: another may test it."""
        if self.is_all_well:
            return
        for scope in TroubleScope:
            self._trouble.untest((scope, where.of(scope)))
            self._shut.untest((scope, where.of(scope)))

    @property
    def is_all_well(self) -> bool:
        """Whether nothing at all is closed, or fails."""
        return not (self._trouble.known or self._shut.known)

    def closed_until(self, where: TroublePlace) -> float | None:
        """Return until when nothing is sent there, epoch seconds; None when something may be."""
        moments = [one.opening(self._clock) for _, _, one in self._at(where) if one.shut]
        return max((at for at in moments if at > self._clock.now()), default=None)

    def of(self, where: TroublePlace) -> TargetHealth:
        """Return what is known of failures in a row there: of what closes it for longest."""
        found = [one for _, _, one in self._at(where)]
        worst = max(found, key=lambda one: one.opening(self._clock), default=None)
        return TargetHealth() if worst is None else TargetHealth(failures=worst.failures, error=worst.kind)

    def renew(self, accounts: Collection[str]) -> None:
        """Let the keys of ``accounts`` be asked again that were refused until now, here or elsewhere."""
        for place in list(self._shut.known):
            if _is_key(place) and _account_of(place[1]) in accounts:
                self._shut.open(place)
        self._renewed_at.update(dict.fromkeys(accounts, self._clock.now()))

    @property
    def refused_keys(self) -> frozenset[str]:
        """The fingerprints of the keys that were refused."""
        return frozenset(name for scope, name in self._shut.known if scope is TroubleScope.KEY)


def _is_key(place: Place) -> bool:
    return place[0] is TroubleScope.KEY


def _account_of(key: str) -> str:
    return key.partition(" ")[0]
