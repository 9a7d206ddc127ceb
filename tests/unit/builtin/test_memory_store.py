"""The store in memory forgets: what it keeps does not grow with the number of attempts, and no total is lost."""

from __future__ import annotations

import random

import pytest

from shunpike.builtin import memory_attempts
from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.memory_books import SWEEP_EVERY
from shunpike.builtin.memory_slots import SLOTS, Slots
from shunpike.ledger.windows import GUARD
from shunpike.types import Calendar, Grant, Lifetime, Money, Rolling, Settlement, State, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.stores import CENT, hold, reservation, settled

HOUR = Rolling(seconds=3_600)
MONEY = hold(CENT, 10**6 * CENT, Unit.USD, Lifetime())


def test_many_expiries_are_kept_as_few_and_none_counts_for_less_time() -> None:
    """Each counts a little longer at most: by a part of the window."""
    slots, dice = Slots(), random.Random(7)
    expiries = sorted(dice.uniform(0.0, 3_600.0) for _ in range(50_000))
    for expires in expiries:
        slots.add(expires, 1)
        assert len(slots) <= 2 * SLOTS
    longest = 4 * 3_600 / SLOTS
    for now in range(0, 3_600 + int(longest), 60):
        slots.drop(now)
        counting = sum(one > now for one in expiries)
        at_most = sum(one > now - longest for one in expiries)
        assert counting <= slots.total <= at_most
    assert not len(slots)


def test_what_is_in_doubt_stays_apart_until_somebody_says_what_it_was() -> None:
    slots = Slots()
    for number in range(3 * SLOTS):
        slots.add(100.0 + number / 50, 1, f"doubtful-{number}")
        slots.add(100.0 + number / 50, 1)
    assert slots.correct("doubtful-7", 5) == 4
    assert slots.correct("doubtful-8", 0) == -1
    slots.believe("doubtful-9")
    assert slots.correct("doubtful-9", 100) == 0
    assert slots.correct("never heard of", 100) == 0
    assert slots.total == 6 * SLOTS + 4 - 1
    assert slots.drop(1_000.0) == 6 * SLOTS + 4 - 1
    assert not len(slots)
    assert slots.span == (None, None)


async def test_a_limit_that_nothing_counts_in_any_more_is_forgotten() -> None:
    clock = VirtualClock()
    store = MemoryStore(clock=clock)
    for number in range(2 * SWEEP_EVERY):
        limit = hold(1, 10, window=HOUR, bucket=f"user-{number}")
        assert isinstance(await store.admit(reservation(f"a{number}", clock.now(), limit)), Grant)
        assert await store.settle(f"a{number}", settled(clock.now()))
        clock.advance(3_600 + GUARD)
    await store.check()
    assert len(store._books) < 10


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_attempts, "KEPT", 10)
    monkeypatch.setattr(memory_attempts, "DOUBTFUL", 10)


@pytest.mark.usefixtures("few")
async def test_what_is_folded_is_still_in_the_totals_of_its_days_and_hours() -> None:
    """An attempt that never ends keeps nothing else from being folded."""
    clock = VirtualClock()
    store, begun = MemoryStore(clock=clock), clock.now()
    await store.admit(reservation("held", clock.now(), MONEY))
    for number in range(4 * 96):
        await store.admit(reservation(f"a{number}", clock.now(), MONEY, tag="night" if number % 2 else None))
        await store.settle(f"a{number}", settled(clock.now(), pico=3, prompt=2))
        clock.advance(900)
    assert len(store._books.attempts) <= 11
    (whole,) = await store.usage(begun, clock.now())
    assert (whole.requests, whole.answered, whole.held, whole.prompt_tokens) == (385, 384, 1, 768)
    assert whole.cost.pico == CENT + 384 * 3
    days = await store.usage_by(begun, clock.now(), day=True, tag=False)
    assert sum(row.requests for row in days) == 385
    assert {row.requests for row in days[1:-1]} == {96}
    late = await store.usage_by(clock.now() - 86_400, clock.now(), day=False, tag=True)
    assert {row.tag: row.requests for row in late} == {"": 48, "night": 48}
    assert len(store._books.attempts._periods) < 3 * 96, "after two days, days are enough"


@pytest.mark.usefixtures("few")
async def test_only_so_many_in_doubt_are_kept_by_name_and_all_of_them_count() -> None:
    clock = VirtualClock()
    day = hold(CENT, 10**6 * CENT, Unit.USD, Calendar(period="day"))
    store = MemoryStore(clock=clock)
    for number in range(30):
        await store.admit(reservation(f"a{number}", clock.now(), MONEY, day))
        await store.settle(f"a{number}", Settlement(state=State.UNCONFIRMED, at=clock.now(), cost=Money(pico=CENT)))
        clock.advance(1)
    assert [one.attempt_id for one in await store.unconfirmed()] == [f"a{number}" for number in range(20, 30)]
    assert not await store.reconcile("a3", Money(), clock.now(), "too late")
    assert await store.reconcile("a23", Money(), clock.now(), "free")
    (row,) = await store.usage(0.0, 1e12)
    assert (row.requests, row.unconfirmed, row.cost.pico) == (30, 29, 29 * CENT)
    assert [one.used for one in await store.remaining([MONEY, day], clock.now())] == [29 * CENT, 29 * CENT]
    await store.check()
