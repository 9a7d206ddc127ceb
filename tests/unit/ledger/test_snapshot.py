"""What a strategy may see of each target, and what observers hear of what is booked."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.ledger.admission import Ledger
from shunpike.types import (
    AttemptSettled,
    BucketBlocked,
    Budget,
    Event,
    Hold,
    Money,
    Outcome,
    Owner,
    Principal,
    Remaining,
    Settings,
    Unit,
    Usage,
)
from shunpike.virtual_clock import VirtualClock
from shunpike_testkit.targets import PRICE, ask, limit, target

USED = Usage(prompt_tokens=80, completion_tokens=5)


class Counting(MemoryStore):
    """Counts how often it is asked what is left."""

    looks = 0

    @override
    async def remaining(self, holds: Sequence[Hold], now: float) -> Sequence[Remaining]:
        self.looks += 1
        return await super().remaining(holds, now)


async def test_what_is_left_of_all_targets_comes_from_one_look() -> None:
    clock, store = VirtualClock(), Counting()
    budget = Budget(amount=Money.usd(1), period="day", counts="list_value")
    books = Ledger(store, clock, Settings(budgets=(budget,)), lambda _: [limit(10), limit(500, Unit.TOTAL_TOKEN)])
    first, second = target(), target(model="m-2")
    await books.admit(first, ask("a"))
    store.looks = 0
    seen = await books.snapshot([first, second])
    assert store.looks == 1
    assert {name: [one.used for one in left] for name, left in seen.items()} == {
        "north/m-1": [1, 150, PRICE.worst(100, 50).pico],
        "north/m-2": [0, 0, PRICE.worst(100, 50).pico],
    }
    assert [one.owner for one in seen["north/m-1"]] == [Owner.PROVIDER, Owner.PROVIDER, Owner.OPERATOR]
    assert await books.snapshot([]) == {}


async def test_what_was_closed_is_seen_until_it_opens() -> None:
    """A model that was refused without a word on why is closed by its gate: each of its limits is seen to be."""
    clock = VirtualClock()
    books = Ledger(MemoryStore(), clock, Settings(), lambda _: [limit(10)])
    first, second = target(), target(model="m-2")
    await books.admit(first, ask("a"))
    refused = Outcome(at=clock.now(), error="rate_limited", status=429, billed=False, closed_until=clock.now() + 36)
    await books.settle(first, ask("a"), refused)
    seen = await books.snapshot([first, second])
    assert [one.blocked_until for one in seen["north/m-1"]] == [clock.now() + 36]
    assert [one.blocked_until for one in seen["north/m-2"]] == [None]
    clock.advance(36)
    assert [one.blocked_until for one in (await books.snapshot([first]))["north/m-1"]] == [None]


async def test_what_is_booked_is_told_once_with_whom_it_is_for() -> None:
    clock, events = VirtualClock(), list[Event]()
    books = Ledger(MemoryStore(), clock, Settings(), lambda _: [limit(10)], emit=events.append)
    request = ask("a", principal=Principal(id="key-1"))
    await books.admit(target(), request)
    outcome = Outcome(at=clock.now(), usage=USED, price=PRICE, seconds=1.5)
    for _ in range(2):
        await books.settle(target(), request, outcome)
    (event,) = events
    assert isinstance(event, AttemptSettled)
    assert (event.attempt_id, event.request_id, event.principal) == ("a", "r", "key-1")
    assert (event.state, event.outcome, event.cost, event.list_value) == ("settled", "ok", Money(), PRICE.of(USED))
    assert (event.usage, event.seconds) == (USED, 1.5)


async def test_what_is_blocked_is_told_after_what_was_settled() -> None:
    clock, events = VirtualClock(), list[Event]()
    books = Ledger(MemoryStore(), clock, Settings(), lambda _: [limit(10)], emit=events.append)
    await books.admit(target(), ask("a"))
    refused = Outcome(at=clock.now(), error="rate_limited", status=429, billed=False, closed_until=clock.now() + 36)
    await books.settle(target(), ask("a"), refused)
    assert [type(event) for event in events] == [AttemptSettled, BucketBlocked]
    assert events[1].model_dump()["until"] == clock.now() + 36
