"""Q3: four hundred days on the provider's own calendar, both changes of the clocks among them: 0 overage."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shunpike.ledger import Ledger
from shunpike.protocols import Store
from shunpike.types import Calendar, Denial, Grant, Limit, Outcome, Settings, Unit, Usage
from shunpike_sandbox.limits import Gate, Lease, Quota, Rule, next_midnight
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, target

from .rig import is_file, open_store

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""

FIRST = datetime(2026, 2, 20, tzinfo=UTC).timestamp()
DAYS, AMOUNT = 400, 3
WHERE = target("none")


class Days:
    """A client that uses up every day, and a provider that counts days by its own calendar."""

    def __init__(self, store: Store, clock: VirtualClock, zone: str) -> None:
        limit = Limit(unit=Unit.REQUEST, amount=AMOUNT, window=Calendar(period="day", zone=zone))
        self.ledger = Ledger(store, clock, Settings(), lambda _: (limit,))
        self.clock, self.zone = clock, zone
        self.choice = random.Random(zone)
        self.gate, self.ahead = Gate(), 0.0
        self.quota = Quota(Rule("rpd", "requests", zone=zone), AMOUNT, "m-1")
        self.sent = self.overages = 0

    async def send(self, lag: float) -> Denial | None:
        """Ask; where it is granted, the provider counts it at the worst moment between sending and headers."""
        one = ask(f"a{self.sent}")
        answer = await self.ledger.admit(WHERE, one)
        if not isinstance(answer, Grant):
            return answer
        self.sent += 1
        before = self.choice.random() * lag
        self.clock.advance(before)
        lease = self.gate.admit([self.quota], {"requests": 1}, self.clock.now() + self.ahead)
        self.overages += not isinstance(lease, Lease)
        self.clock.advance(lag - before)
        now = self.clock.now()
        usage = Usage(prompt_tokens=1, completion_tokens=1)
        await self.ledger.settle(WHERE, one, Outcome(at=now, headers_at=now, usage=usage))
        return None

    async def day(self) -> None:
        """One call at any hour, then as many as fit right before midnight, some of them answered after it."""
        await self.send(self.choice.uniform(0.0, 20.0))
        near = next_midnight(self.clock.now(), self.zone) - self.clock.now() - self.choice.uniform(0.0, 30.0)
        self.clock.advance(max(0.0, near))
        denial = None
        while denial is None:
            denial = await self.send(self.choice.choice([0.0, 3.0, 25.0]))
        assert denial.retry_at is not None
        self.clock.advance(denial.retry_at - self.clock.now())
        if self.choice.random() < 0.5:
            self.clock.advance(self.choice.uniform(0.0, 80_000.0))


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["America/Los_Angeles", "UTC"])
async def test_q3_four_hundred_days_without_one_overage(store_url: str, quick: Path, zone: str) -> None:
    """At the earliest moment of a day as at its last second; a day has 23, 24 or 25 hours."""
    clock = VirtualClock(FIRST)
    where = f"sqlite:{quick / 'ledger.db'}" if is_file(store_url) else store_url
    store = open_store(where, clock=clock, guard=1.0)
    days = Days(store, clock, zone)
    while clock.now() < FIRST + DAYS * 86_400:
        await days.day()
    await store.check()
    await store.aclose()
    assert days.overages == 0
    # A call that is under way at midnight counts in both days, so that not every day can be used up.
    assert days.sent >= 0.7 * AMOUNT * DAYS, "the days were hardly used: the test proves little"


async def test_q3_a_clock_set_back_over_midnight_opens_no_second_day(store_url: str) -> None:
    """Our clock alone loses an hour right after the reset; the provider's own goes on."""
    zone = "America/Los_Angeles"
    clock = VirtualClock(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp())
    store = open_store(store_url, clock=clock, guard=1.0)
    days = Days(store, clock, zone)
    while await days.send(0.0) is None:
        pass
    clock.advance(next_midnight(clock.now(), zone) - clock.now() + 600.0)
    while await days.send(0.0) is None:
        pass
    clock.set_back(3_600.0)
    days.ahead = 3_600.0
    for _ in range(20):
        await days.send(0.0)
        clock.advance(600.0)
    await store.aclose()
    assert days.overages == 0
    assert days.sent == 2 * AMOUNT
