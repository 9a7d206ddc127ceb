"""A state machine that plays a provider which picks the worst moment, against a store of the ledger.

The model knows nothing of slots and expiries. It keeps for every attempt the span in which the provider may have
counted it (from its admission to its headers, or to now while it is in flight) and what it used in the end; then no
window, wherever it starts, may hold more than its limit.

    TestMyStore = store_machine(lambda place, clock: MyStore(place, clock=clock)).TestCase
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from anyio.from_thread import start_blocking_portal
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from typing_extensions import override

from shunpike.clock import Clock
from shunpike.protocols import Store
from shunpike.types import Calendar, Denial, Grant, Held, Hold, Lifetime, Money, Rolling, Settlement, State, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import hold, reservation, settled

START = 1_772_900_000.0
"""2026-03-07: the first days of a run cross a change of the clocks."""
SECONDS, MINUTE = Rolling(seconds=10), Rolling(seconds=60)
PACIFIC_DAY = Calendar(period="day", zone="America/Los_Angeles")
LIMITS = {
    "seconds": hold(0, 4, window=SECONDS),
    "tokens": hold(0, 200, Unit.TOTAL_TOKEN, MINUTE),
    "day": hold(0, 9, window=PACIFIC_DAY),
    "credit": hold(0, 40, Unit.USD, Lifetime()),
    "calls": hold(0, 3, Unit.CONCURRENT, Held()),
}


@dataclass
class Past:
    """One admitted attempt, as the provider sees it. ``requests`` is 0 once it is proven that nothing was sent."""

    name: str
    begun: float
    tokens: int
    cost: int
    ended: float | None = None
    requests: int = 1

    def span(self, now: float) -> tuple[float, float]:
        """Return from when to when the provider may have counted it."""
        return self.begun, now if self.ended is None else self.ended


def _most_in_a_window(past: Iterable[tuple[float, float, int]], seconds: float) -> int:
    """Return the most that any window can hold: the fullest one starts where some span ends."""
    spans = list(past)
    return max(
        (sum(n for begun, ended, n in spans if begun <= start + seconds and ended >= start) for _, start, _ in spans),
        default=0,
    )


def _most_in_a_day(past: Iterable[tuple[float, float]], zone: ZoneInfo) -> int:
    days: dict[Any, int] = {}
    for begun, ended in past:
        day, last = (datetime.fromtimestamp(moment, zone).date() for moment in (begun, ended))
        while day <= last:
            days[day] = days.get(day, 0) + 1
            day += timedelta(days=1)
    return max(days.values(), default=0)


class LedgerMachine(RuleBasedStateMachine):
    """However admissions, endings, crashes and time interleave, no limit is ever overstepped."""

    open_store: Callable[[Path, Clock], Store]
    persistent = True

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._portal_context = start_blocking_portal()
        self.portal = self._portal_context.__enter__()
        self.clock = VirtualClock(START)
        self.past: list[Past] = []
        self.store = type(self).open_store(Path(self._folder.name), self.clock)

    @override
    def teardown(self) -> None:
        """Audit the books, close everything."""
        try:
            self.portal.call(self.store.check)
            self.portal.call(self.store.aclose)
        finally:
            self._portal_context.__exit__(None, None, None)
            self._folder.cleanup()

    @property
    def flying(self) -> list[Past]:
        """The attempts that are in flight."""
        return [one for one in self.past if one.ended is None]

    def _ask(self, tokens: int, cost: int) -> Grant | Denial:
        amounts = {"seconds": 1, "tokens": tokens, "day": 1, "credit": cost, "calls": 1}
        holds: list[Hold] = [
            one.model_copy(update={"amount": amounts[name]}) for name, one in LIMITS.items() if amounts[name]
        ]
        name = f"a{len(self.past)}"
        answer: Grant | Denial = self.portal.call(self.store.admit, reservation(name, self.clock.now(), *holds))
        if isinstance(answer, Grant):
            self.past.append(Past(name, self.clock.now(), tokens, cost))
        return answer

    @rule(tokens=st.integers(1, 120), cost=st.integers(0, 8))
    def admit(self, tokens: int, cost: int) -> None:
        """Ask; where time alone helps, the moment that is named is the right one."""
        answer = self._ask(tokens, cost)
        if isinstance(answer, Denial) and answer.retry_at is not None and not self.flying:
            assert answer.retry_at > self.clock.now(), "a denial must name a moment in the future"
            self.clock.advance(answer.retry_at - self.clock.now())
            again = self._ask(tokens, cost)
            assert isinstance(again, Grant), f"at the moment that was named it is denied again: {again}"

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(0, 99), used=st.floats(0, 1), cached=st.floats(0, 1), lag=st.floats(0, 1))
    def settle(self, pick: int, used: float, cached: float, lag: float) -> None:
        """An answer arrived, its headers some time before its end, and used a part of the worst case.

        A part of that was in the provider's cache, which does not count it.
        """
        one = self.flying[pick % len(self.flying)]
        now = self.clock.now()
        headers_at = one.begun + (now - one.begun) * lag
        sent = int(one.tokens * used)
        known = int(sent * cached)
        one.tokens, one.cost, one.ended = sent - known, int(one.cost * used), headers_at
        facts: dict[str, Any] = {"headers_at": headers_at, "uncached": (LIMITS["tokens"].bucket,)}
        done = settled(now, prompt=sent, cached=known, pico=one.cost, **facts)
        assert self.portal.call(self.store.settle, one.name, done)

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(0, 99), how=st.sampled_from(["released", "unsent", "unconfirmed"]))
    def fail(self, pick: int, how: str) -> None:
        """An attempt failed in one of the three ways."""
        one = self.flying[pick % len(self.flying)]
        one.ended = self.clock.now()
        state = State.UNCONFIRMED if how == "unconfirmed" else State.RELEASED
        if state is State.RELEASED:
            one.tokens = one.cost = 0
            one.requests = int(how == "released")
        outcome = Settlement(state=state, at=one.ended, cost=Money(pico=one.cost), keeps_request=how != "unsent")
        assert self.portal.call(self.store.settle, one.name, outcome)

    @precondition(lambda self: len(self.flying) < len(self.past))
    @rule(pick=st.integers(0, 99))
    def settle_again(self, pick: int) -> None:
        """A late or duplicated callback changes nothing."""
        ended = [one for one in self.past if one.ended is not None]
        late = settled(self.clock.now(), output=999, pico=999)
        assert not self.portal.call(self.store.settle, ended[pick % len(ended)].name, late)

    @rule(seconds=st.sampled_from([0.5, 3.0, 9.9, 11.0, 61.0, 4_000.0, 40_000.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @precondition(lambda self: self.persistent)
    @rule()
    def crash(self) -> None:
        """The process dies; the next one finds everything, and what was in flight at its worst case."""
        self.portal.call(self.store.aclose)
        self.store = type(self).open_store(Path(self._folder.name), self.clock)
        for one in self.flying:
            one.ended = self.clock.now()
        self.portal.call(self.store.check)

    @invariant()
    def no_window_holds_more_than_its_limit(self) -> None:
        """Whatever moment the provider picked within each attempt's span."""
        now = self.clock.now()
        spans = [(*one.span(now), one) for one in self.past]
        counted = [(begun, ended) for begun, ended, one in spans if one.requests]
        assert _most_in_a_window(((begun, ended, 1) for begun, ended in counted), 10) <= 4
        assert _most_in_a_window(((begun, ended, one.tokens) for begun, ended, one in spans), 60) <= 200
        assert _most_in_a_day(counted, ZoneInfo("America/Los_Angeles")) <= 9

    @invariant()
    def no_budget_is_passed(self) -> None:
        """Spent and held together, at every moment; and no more calls at once than allowed."""
        spent = sum(one.cost for one in self.past)
        assert spent <= 40
        assert len(self.flying) <= 3
        credit, calls = self.portal.call(self.store.remaining, [LIMITS["credit"], LIMITS["calls"]], self.clock.now())
        assert credit.used == spent, "the books and the sum of all attempts differ"
        assert calls.used == len(self.flying)


def store_machine(open_store: Callable[[Path, Clock], Store], *, persistent: bool = True) -> type[LedgerMachine]:
    """Return the state machine for one kind of store; its ``TestCase`` is what pytest collects."""
    return type("StoreMachine", (LedgerMachine,), {"open_store": staticmethod(open_store), "persistent": persistent})
