"""The observation of "zero unexpected cost", attacked: a provider that bills what it likes and a process that dies at
will.

The provider is bound by one promise only: a bill is at most the worst case of the cap that it was sent. Whatever it
does within that, whoever crashes and whenever, however the owner moves the cap and the clock jumps:

* I1  spent and held together are at no moment above the cap that admitted them;
* I2  nothing is sent without a row that was durable before;
* I3  what is held for an attempt is at least any bill of it;
* I4  a hold is only given back on observation that nothing is billed;
* I5  an attempt settles once, and a second callback changes nothing;
* I6  a lowered cap takes nothing away, it stops admission;
* I7  no minute, wherever it starts and whatever the wall clock shows, has more requests than the provider allows.

A crash is played by leaving a store as it stands and opening it again under a new owner; a file lies in memory where
there is such a folder.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shunpike.builtin.sqlite import SqliteStore
from shunpike.ledger import Ledger
from shunpike.protocols import AdmissionRequest
from shunpike.types import (
    ABSENT,
    Budget,
    Calendar,
    Denial,
    Grant,
    Limit,
    Money,
    Outcome,
    Price,
    Rolling,
    Scope,
    Settings,
    Unit,
    Usage,
)
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, target

START = 1_772_900_000.0
"""2026-03-07: the first days of a run cross a change of the clocks in California."""
PRICE = Price(prompt=3, completion=7, cached=1, request=11)
PAID = target("card", price=PRICE)
DAY = Calendar(period="day", zone="America/Los_Angeles")
SECONDS, PER_MINUTE = 60.0, 5
LIMITS = (
    Limit(unit=Unit.REQUEST, amount=12, window=DAY, scope=Scope.MODEL),
    Limit(unit=Unit.REQUEST, amount=PER_MINUTE, window=Rolling(seconds=SECONDS), scope=Scope.MODEL),
)
POINTS = (
    "before reserve commit",
    "after reserve commit",
    "after connect",
    "mid request body",
    "after send",
    "after headers",
    "mid stream",
    "after last chunk",
    "before settle commit",
    "during settle commit",
    "after settle commit",
    "during checkpoint",
)
UNSENT = POINTS[1:4]
"""Where the provider does not have the whole request yet, and bills nothing."""
SHARED = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a parent for temporary folders only


@dataclass
class Sent:
    """One attempt as the world knows it."""

    ask: AdmissionRequest
    worst: int
    sent: bool = False
    bill: int | None = None
    """What the provider has billed; None = nothing so far."""
    booked: int | None = None
    """What the ledger said when it was settled; None = still held."""
    begun: float = 0.0
    """By the provider's own clock, which nobody sets."""
    ended: float | None = None


def worst_of(one: AdmissionRequest) -> int:
    """The most that it can cost, computed apart from the ledger: its dearest prompt, all of its output, the request."""
    return one.prompt_tokens * 3 + one.max_output * one.choices * 7 + 11


class Adversary(RuleBasedStateMachine):
    """However it is played, no bill surprises the owner."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()
        self._folder = tempfile.TemporaryDirectory(dir=SHARED)
        self._context = start_blocking_portal()
        self.portal = self._context.__enter__()
        self.clock = VirtualClock(START)
        self.attempts: list[Sent] = []
        self.cap = 3_000
        self.high = self.cap
        self.open()

    def begin(self) -> None:
        """Prepare an empty place."""

    def open_store(self) -> SqliteStore | PostgresStore:
        """Return the store at that place, of a new owner."""
        return SqliteStore(Path(self._folder.name) / "ledger.db", clock=self.clock)

    def open(self) -> None:
        """Open the books as a new owner."""
        self.store = self.open_store()
        self.set_ledger()

    def set_ledger(self) -> None:
        """Give the ledger the owner's cap."""
        budget = Budget(amount=Money(pico=self.cap), period="lifetime")
        self.ledger = Ledger(self.store, self.clock, Settings(allow_paid=True, budgets=(budget,)), lambda _: LIMITS)

    def teardown(self) -> None:
        """Idle, nothing is held: what nobody settled is unconfirmed once its owner has gone."""
        try:
            self.crash_now()
            (row,) = self.portal.call(self.store.usage, 0.0, 1e12) or (None,)
            assert row is None or row.held == 0, "idle, and still something is held"
            self.portal.call(self.store.check)
            self.portal.call(self.store.aclose)
        finally:
            self._context.__exit__(None, None, None)
            self._folder.cleanup()

    @property
    def flying(self) -> list[Sent]:
        """What is held."""
        return [one for one in self.attempts if one.booked is None]

    def reserve(self, tokens: int, output: int, choices: int) -> Sent | None:
        """Ask the ledger; None = refused."""
        # The bound is the prompt itself: what was learned of a model's counts may hold more tokens, and no more money.
        one = ask(
            f"a{len(self.attempts)}", prompt_tokens=tokens, prompt_bound=tokens, max_output=output, choices=choices
        )
        before = sum(held.worst if held.booked is None else held.booked for held in self.attempts)
        answer: Grant | Denial = self.portal.call(self.ledger.admit, PAID, one)
        if isinstance(answer, Denial):
            return None
        assert before + worst_of(one) <= self.cap, "I6: it was admitted above the cap"
        self.attempts.append(Sent(one, worst_of(one), begun=self.clock.monotonic()))
        return self.attempts[-1]

    def settle(self, one: Sent, **outcome: Any) -> None:
        """Tell the ledger how it ended."""
        fields: dict[str, Any] = {"at": self.clock.now(), "price": PRICE, **outcome}
        done = self.portal.call(self.ledger.settle, PAID, one.ask, Outcome(**fields))
        if one.booked is None:
            one.ended = self.clock.monotonic()
            one.booked = 0 if done.state == "released" else done.cost.pico

    def crash_now(self) -> None:
        """The owner dies: its lock is free and its list of what it holds stays. The next one recovers it."""
        self.portal.call(self.store.aclose)
        self.open()
        self.portal.call(self.store.recover, self.clock.now())
        for one in self.flying:
            one.booked, one.ended = one.worst, self.clock.monotonic()

    @rule(tokens=st.integers(1, 60), output=st.integers(0, 40), choices=st.integers(1, 3))
    def send(self, tokens: int, output: int, choices: int) -> None:
        """Reserve, then send; the provider starts to work."""
        one = self.reserve(tokens, output, choices)
        if one is not None:
            one.sent = True

    @precondition(lambda self: any(one.sent for one in self.flying))
    @rule(pick=st.integers(0, 99), share=st.floats(0, 1), cached=st.floats(0, 1), stated=st.booleans())
    def answer(self, pick: int, share: float, cached: float, stated: bool) -> None:
        """An answer whose usage makes any bill up to the worst case, or whose bill is stated by the provider."""
        flying = [one for one in self.flying if one.sent]
        one = flying[pick % len(flying)]
        prompt = max(int(one.ask.prompt_tokens * share), 1)  # none at all would not be believed
        output = int(one.ask.max_output * one.ask.choices * share)
        usage = Usage(prompt_tokens=prompt, completion_tokens=output, cached_tokens=int(prompt * cached))
        bill = PRICE.of(usage)
        if stated:
            bill = Money(pico=int(one.worst * share))
        one.bill = bill.pico
        self.settle(one, usage=usage, stated_cost=bill if stated else None)
        assert one.booked == one.bill, "the books are not what was billed"

    @precondition(lambda self: any(one.sent for one in self.flying))
    @rule(
        pick=st.integers(0, 99), share=st.floats(0, 1), kind=st.sampled_from(["timeout", "stream", "cancelled", "5xx"])
    )
    def lose_the_answer(self, pick: int, share: float, kind: str) -> None:
        """The provider has done the work, or a part of it, and bills it; we never learn how much."""
        flying = [one for one in self.flying if one.sent]
        one = flying[pick % len(flying)]
        one.bill = int(one.worst * share)
        error = {"timeout": "timeout", "stream": "stream_interrupted", "5xx": "overloaded"}.get(kind)
        self.settle(one, usage=ABSENT, error=error, cancelled=kind == "cancelled", delivered_tokens=1)
        assert one.booked == one.worst, "I4: it was given back without evidence"

    @precondition(lambda self: self.flying)
    @rule(pick=st.integers(0, 99), sent=st.booleans())
    def fail_unbilled(self, pick: int, sent: bool) -> None:
        """A refusal that the provider does not bill, or no connection at all: the observation that a hold may go."""
        one = self.flying[pick % len(self.flying)]
        one.bill = 0
        # What was never sent, no provider has counted.
        one.sent = sent
        self.settle(one, error="rate_limited" if sent else "connection", billed=False, sent=sent)
        assert one.booked == 0

    @precondition(lambda self: len(self.flying) < len(self.attempts))
    @rule(pick=st.integers(0, 99), again=st.sampled_from(["answer", "release", "lost"]))
    def call_back_again(self, pick: int, again: str) -> None:
        """A late or duplicated callback tells another story; the books do not change."""
        ended = [one for one in self.attempts if one.booked is not None]
        one = ended[pick % len(ended)]
        before = self.spent()
        usage = Usage(prompt_tokens=one.ask.prompt_tokens) if again == "answer" else ABSENT
        self.settle(one, usage=usage, sent=again != "release", error=None if again == "answer" else "timeout")
        assert self.spent() == before, "I5: it was settled twice"

    @rule(point=st.sampled_from(POINTS), tokens=st.integers(1, 60), share=st.floats(0, 1))
    def crash(self, point: str, tokens: int, share: float) -> None:
        """The process dies at one of the twelve points of an attempt; the next one recovers."""
        if point != POINTS[0]:
            one = self.reserve(tokens, 10, 1)
            if one is not None and point not in UNSENT:
                one.sent, one.bill = True, int(one.worst * share)
                if point in POINTS[10:]:
                    usage = Usage(prompt_tokens=tokens, completion_tokens=int(10 * share))
                    one.bill = PRICE.of(usage).pico
                    self.settle(one, usage=usage)
        self.crash_now()

    @rule(cap=st.integers(0, 6_000))
    def change_the_cap(self, cap: int) -> None:
        """The owner moves the cap, also below what is spent already."""
        self.cap, self.high = cap, max(self.high, cap)
        self.set_ledger()

    @rule(seconds=st.sampled_from([0.5, 20.0, 61.0, 4_000.0, 40_000.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, also over the ends of short and long days."""
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([3_600.0, -3_600.0, 90.0, 86_400.0, -10.0, -61.0, 10.0]))
    def jump(self, seconds: float) -> None:
        """The clock is set, back or forward, also while something runs."""
        self.clock.set_back(seconds)

    @invariant()
    def no_minute_is_over_the_limit(self) -> None:
        """I7, whenever between its admission and its end the provider has counted a request."""
        now = self.clock.monotonic()
        spans = [(one.begun, now if one.ended is None else one.ended) for one in self.attempts if one.sent]
        fullest = max((sum(b <= start + SECONDS and e >= start for b, e in spans) for _, start in spans), default=0)
        assert fullest <= PER_MINUTE, "I7: the clock was set, and a window opened"

    def spent(self) -> int:
        """What the books hold of money, spent and held."""
        return sum(row.cost.pico for row in self.portal.call(self.store.usage, 0.0, 1e12))

    @invariant()
    def no_bill_is_above_the_books(self) -> None:
        """Σ bill ≤ Σ (spent + held) = the model's own sum ≤ the highest cap that ever was."""
        booked = sum(one.worst if one.booked is None else one.booked for one in self.attempts)
        billed = sum(one.bill or 0 for one in self.attempts)
        books = self.spent()
        assert books == booked, "the books and the sum of all attempts differ"
        assert billed <= books, "the provider bills more than the books hold"
        assert books <= self.high, "I1: more is spent and held than any cap allowed"
