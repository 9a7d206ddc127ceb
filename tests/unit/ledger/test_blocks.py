"""What a refusal closes, how far it is believed, and what a bill above the worst case does."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.sqlite import SqliteStore
from shunpike.ledger import Ledger
from shunpike.ledger.windows import GUARD
from shunpike.protocols import Store
from shunpike.types import (
    AccountFrozen,
    BucketBlocked,
    Budget,
    Calendar,
    Denial,
    Event,
    Grant,
    Limit,
    Money,
    Outcome,
    Price,
    Settings,
    Usage,
)
from shunpike.types.ledger import UNTIL_CLEARED
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, limit, target

from .taught import Rig, seen

DAY = 86_400.0
MINUTE = limit(30)
PER_TOKEN = Price(prompt=10**6, completion=10**6)
CARD = target("card", price=PER_TOKEN)
FREE = target("none")


async def test_a_days_wait_beside_a_minute_limit_is_tested_after_a_minute() -> None:
    """Answered, it is open for all; what a provider says once of one limit is no day without it."""
    rig = Rig([MINUTE])
    await rig.refused(seen(remaining=0, window_seconds=60.0), wait=DAY)
    (block,) = (await rig.books.closed()).values()
    assert (block.at, block.test_at) == (rig.clock.now(), rig.clock.now() + 60 + GUARD)
    assert block.origin == "HTTP 429, header x"
    assert isinstance(await rig.ends(), Denial)
    rig.clock.advance(60 + GUARD)
    assert isinstance(await rig.books.admit(target(), ask("test")), Grant)
    second = await rig.ends()
    assert isinstance(second, Denial), "two attempts test at once"
    await rig.books.settle(target(), ask("test"), Outcome(at=rig.clock.now(), usage=Usage()))
    assert isinstance(await rig.ends(), Grant)
    assert await rig.books.closed() == {}


async def test_a_test_that_is_refused_again_waits_for_another_window() -> None:
    rig = Rig([MINUTE])
    for _ in range(3):
        assert isinstance(await rig.refused(seen(remaining=0, window_seconds=60.0), wait=DAY), Grant)
        rig.clock.advance(59 + GUARD)
        assert isinstance(await rig.ends(), Denial)
        rig.clock.advance(1)


async def test_a_wait_that_names_no_limit_is_tested_after_an_hour() -> None:
    rig = Rig([MINUTE])
    await rig.refused(wait=DAY)
    rig.clock.advance(3_600)
    assert isinstance(await rig.ends(), Denial)
    rig.clock.advance(GUARD)
    assert isinstance(await rig.ends(), Grant)


@pytest.mark.parametrize(
    ("limits", "window"),
    [([limit(9, window=Calendar(period="day"))], DAY), ([], DAY), ([MINUTE], 30 * DAY)],
    ids=["a listed day", "a day that no catalog lists", "a month that no catalog lists"],
)
async def test_a_named_quota_of_a_day_or_a_month_is_believed_until_its_reset(
    limits: list[Limit], window: float
) -> None:
    rig = Rig(limits)
    await rig.refused(seen(remaining=0, window_seconds=window), wait=20 * 3_600.0)
    (block,) = (await rig.books.closed()).values()
    assert block.test_at is None
    rig.clock.advance(19 * 3_600.0)
    assert isinstance(await rig.ends(), Denial)


async def test_a_wait_within_the_window_is_not_in_doubt() -> None:
    rig = Rig([MINUTE])
    await rig.refused(seen(remaining=0, window_seconds=60.0), wait=60.0)
    (block,) = (await rig.books.closed()).values()
    assert block.test_at is None


class Paid:
    """A ledger with money, that keeps the events."""

    def __init__(self, store: Store | None = None, clock: VirtualClock | None = None) -> None:
        self.clock, self.store, self.events = clock or VirtualClock(), store or MemoryStore(), list[Event]()
        settings = Settings(allow_paid=True, budgets=(Budget(amount=Money.usd(5), period="day"),))
        self.books = Ledger(self.store, self.clock, settings, lambda _: (), emit=self.events.append)

    async def billed(self, name: str, **outcome: object) -> None:
        assert isinstance(await self.books.admit(CARD, ask(name)), Grant)
        known = {"at": self.clock.now(), "price": PER_TOKEN, "usage": Usage(prompt_tokens=100, completion_tokens=50)}
        await self.books.settle(CARD, ask(name), Outcome.model_validate({**known, **outcome}))


@pytest.mark.parametrize(
    "outcome",
    [
        {"stated_cost": Money.usd("0.5")},
        {"usage": Usage(prompt_tokens=100, completion_tokens=51)},
        {"price": Price(prompt=10**6, completion=10**7)},
    ],
    ids=["a stated cost", "usage beyond the cap", "a dearer model answered"],
)
async def test_a_bill_above_the_worst_case_freezes_the_account_for_what_is_paid(outcome: dict[str, object]) -> None:
    """Until a person opens it, however long that takes; the truth is booked, and what is free goes on."""
    rig = Paid()
    await rig.billed("fits")
    assert isinstance(await rig.books.admit(CARD, ask("running")), Grant)
    await rig.billed("bad", **outcome)
    for wait in (0.0, DAY, 400 * DAY):
        rig.clock.advance(wait)
        denial = await rig.books.admit(CARD, ask("next"))
        assert isinstance(denial, Denial), "the next one was sent"
        assert (denial.retry_at, denial.impossible) == (None, False)
        assert "more than the" in denial.text
    assert isinstance(await rig.books.admit(FREE, ask("free")), Grant)
    (block,) = (await rig.books.closed()).values()
    assert (block.until, block.origin) == (UNTIL_CLEARED, "attempt bad")


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize(
    "outcome",
    [
        {"stated_cost": Money.usd(999_999)},
        {"usage": Usage(completion_tokens=10**10), "price": Price(prompt=0, completion=10**9)},
    ],
    ids=["stated", "by usage"],
)
async def test_bills_beyond_all_reason_are_booked_and_do_not_overflow_the_books(
    outcome: dict[str, object], kind: str, tmp_path: Path
) -> None:
    """The tenth of those that were under way could not be settled: the sum was more than 63 bits hold."""
    clock = VirtualClock()
    rig = Paid(MemoryStore() if kind == "memory" else SqliteStore(tmp_path / "ledger.db", clock=clock), clock)
    names = [f"a{number}" for number in range(12)]
    for name in names:
        assert isinstance(await rig.books.admit(CARD, ask(name)), Grant)
    for name in names:
        known = {"at": rig.clock.now(), "price": PER_TOKEN, "usage": Usage(prompt_tokens=100, completion_tokens=50)}
        await rig.books.settle(CARD, ask(name), Outcome.model_validate({**known, **outcome}))
    (row,) = await rig.books.usage(0.0, 1e12)
    assert (row.held, row.unconfirmed, row.cost) == (0, 0, Money.usd(12 * 10_000))
    ((_, left),) = await rig.books.budgets()
    assert left.used == row.cost.pico
    assert isinstance(await rig.books.admit(CARD, ask("next")), Denial)
    await rig.store.aclose()


async def test_a_freeze_is_an_event() -> None:
    rig = Paid()
    await rig.billed("bad", stated_cost=Money.usd("0.5"))
    _, event = rig.events
    assert isinstance(event, AccountFrozen)
    assert (event.provider, event.attempt_id) == ("north", "bad")
    assert "$0.50" in event.reason


async def test_a_block_is_an_event_once() -> None:
    """Settling again changes nothing, and tells nothing."""
    events: list[Event] = []
    clock = VirtualClock()
    books = Ledger(MemoryStore(), clock, Settings(), lambda _: [MINUTE], emit=events.append)
    await books.admit(target(), ask("a"))
    for _ in range(2):
        denial = Outcome(at=clock.now(), error="rate_limited", status=429, billed=False, closed_until=clock.now() + 36)
        await books.settle(target(), ask("a"), denial)
    assert [one.until for one in events if isinstance(one, BucketBlocked)] == [clock.now() + 36]


async def test_a_frozen_account_that_a_person_opened_is_asked_again() -> None:
    rig = Paid()
    await rig.billed("bad", stated_cost=Money.usd("0.5"))
    (bucket,) = await rig.books.closed()
    (done,) = await rig.books.reopen([bucket], "ann", "they paid it back")
    assert (done.block.bucket, done.who, done.note) == (bucket, "ann", "they paid it back")
    assert await rig.books.closed() == {}
    await rig.billed("good")
