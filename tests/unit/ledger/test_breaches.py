"""A bill where nothing could cost anything: it is booked, every budget sees it, and the account is frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.sqlite import SqliteStore
from shunpike.ledger import Ledger
from shunpike.protocols import Target
from shunpike.types import FREE, Budget, Denial, Grant, Money, Outcome, Price, Settings, Usage
from shunpike.types.ledger import UNTIL_CLEARED
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, target

PRICE = Price(prompt=10**6, completion=10**6)
UNBILLED, CARD, CARDS_FREE = target("none"), target("card", price=PRICE), target("card", price=FREE, model="m:free")
ELSEWHERE = target("card", price=PRICE, account="other")
HALF = Money.usd("0.5")
USED = Usage(prompt_tokens=100, completion_tokens=50)


class Rig:
    """A ledger with two budgets."""

    def __init__(self, kind: str, place: Path) -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore() if kind == "memory" else SqliteStore(place / "ledger.db", clock=self.clock)
        budgets = (Budget(amount=Money.usd(5), period="day"), Budget(amount=Money.usd(9), period="lifetime"))
        self.books = Ledger(self.store, self.clock, Settings(allow_paid=True, budgets=budgets), lambda _: ())

    async def admits(self, at: Target, name: str = "next") -> bool:
        answer = await self.books.admit(at, ask(name))
        if isinstance(answer, Grant):
            await self.books.settle(at, ask(name), Outcome(at=self.clock.now(), sent=False, error="connection"))
        return isinstance(answer, Grant)

    async def billed(self, at: Target, **outcome: Any) -> None:
        assert isinstance(await self.books.admit(at, ask("bad")), Grant)
        known = {"at": self.clock.now(), "price": at.price, "usage": USED, "stated_cost": HALF}
        await self.books.settle(at, ask("bad"), Outcome.model_validate({**known, **outcome}))

    async def spent(self) -> list[Money]:
        """Return what the totals say, then each budget."""
        rows = await self.books.usage(0.0, 1e12)
        left = [Money(pico=one.used) for _, one in await self.books.budgets()]
        return [Money(pico=sum(row.cost.pico for row in rows)), *left]


@pytest.fixture(params=["memory", "sqlite"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    return Rig(request.param, tmp_path)


@pytest.mark.parametrize("at", [UNBILLED, CARDS_FREE], ids=["unbilled tier", "free model on a card"])
@pytest.mark.parametrize(
    "outcome",
    [
        {},
        {"error": "upstream", "status": 502, "billed": False},
        {"error": "upstream", "status": 502, "billed": False, "usage": Usage()},
        {"error": "stream_interrupted"},
        {"cancelled": True},
    ],
    ids=["answered", "failed", "failed without usage", "broke off", "left"],
)
async def test_what_was_charged_where_nothing_can_cost_anything_is_booked_seen_and_stops_the_account(
    rig: Rig, at: Target, outcome: dict[str, object]
) -> None:
    """It was counted by `usage` alone, no budget saw it, and the next request was sent."""
    await rig.billed(at, **outcome)
    assert await rig.spent() == [HALF, HALF, HALF]
    (frozen,) = (await rig.books.closed()).values()
    assert (frozen.until, frozen.origin) == (UNTIL_CLEARED, "attempt bad")
    assert "billed $0.50, though it could not cost anything" in frozen.reason
    for one in (UNBILLED, CARDS_FREE, CARD):
        rig.clock.advance(1e6)
        denial = await rig.books.admit(one, ask("next"))
        assert isinstance(denial, Denial), "the next one was sent"
        assert denial.retry_at is None
    assert await rig.admits(ELSEWHERE), "another account is another account"
    await rig.books.reopen([frozen.bucket], "ann", "they paid it back")
    for one in (UNBILLED, CARDS_FREE, CARD):
        assert await rig.admits(one, f"open {one.label} {one.tier}")
    await rig.store.check()


async def test_a_bill_that_is_not_certain_is_settled_by_hand_in_the_budgets_too(rig: Rig) -> None:
    await rig.billed(UNBILLED, error="stream_interrupted")
    (doubtful,) = await rig.books.unconfirmed()
    assert doubtful.cost == HALF
    assert await rig.books.reconcile("bad", Money.usd("0.1"), "asked them")
    assert await rig.spent() == [Money.usd("0.1")] * 3
    await rig.store.check()


async def test_a_freeze_of_what_is_paid_leaves_the_free_models_of_a_card_account(rig: Rig) -> None:
    """It goes by what an attempt can cost, not by the tier."""
    await rig.billed(CARD)
    assert not await rig.admits(CARD)
    assert await rig.admits(CARDS_FREE)
    assert await rig.admits(UNBILLED, "unbilled")


async def test_a_bill_of_nothing_where_nothing_costs_anything_is_no_surprise(rig: Rig) -> None:
    for number, stated in enumerate((None, Money())):
        name = f"a{number}"
        await rig.books.admit(UNBILLED, ask(name))
        end = Outcome(at=rig.clock.now(), price=PRICE, usage=USED, stated_cost=stated)
        await rig.books.settle(UNBILLED, ask(name), end)
    assert await rig.spent() == [Money()] * 3
    assert await rig.books.closed() == {}


@pytest.mark.parametrize("dollars", ["20000.01", "1000000"])
async def test_a_bill_above_a_worst_case_of_a_fortune_is_seen_as_one(dollars: str, tmp_path: Path) -> None:
    """What is booked of a bill is bounded; what was bounded looked like the worst case itself."""
    rig = Rig("memory", tmp_path)
    dear = Price(prompt=0, completion=0, request=Money.usd(20_000).pico)
    budgets = (Budget(amount=Money.usd(500_000), period="day"),)
    rig.books = Ledger(rig.store, rig.clock, Settings(allow_paid=True, budgets=budgets), lambda _: ())
    await rig.billed(target("card", price=dear), stated_cost=Money.usd(dollars))
    (frozen,) = (await rig.books.closed()).values()
    assert frozen.is_freeze
