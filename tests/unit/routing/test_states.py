"""What a strategy sees of each candidate, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import Overloaded, PluginError
from shunpike.hookspecs import hookimpl
from shunpike.protocols import Ranked, RoutableRequest, Strategy, Target, View
from shunpike.routing.states import opens_at
from shunpike.types import Held, Lifetime, Limit, Price, Remaining, Rolling, Unit
from shunpike_testkit.scripted import ScriptedProvider, answer

from .plugged import client

MINUTE = Limit(unit=Unit.REQUEST, amount=50, window=Rolling(seconds=60))
PRICE = Price(prompt=7, completion=9)


class Watches:
    """A strategy that keeps the views it got."""

    name = "watches"

    def __init__(self, *, needs_states: bool = True) -> None:
        self.needs_states = needs_states
        self.views: list[View] = []

    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        self.views.append(view)
        quality = {one.label: len(view.states[one.label].remaining) for one in candidates}
        return [Ranked(one, float(quality[one.label]), f"{quality[one.label]} limits") for one in candidates]

    @hookimpl
    def shunpike_routing_strategy(self, name: str) -> Strategy | None:
        return self if name == "watches" else None


def watched(strategy: Watches, **settings: Any) -> Client:
    first = ScriptedProvider("first", Overloaded("down", provider="first"), limits=(MINUTE,), price=PRICE)
    second = ScriptedProvider("second", answer("fine"))
    return client(first, second, more={"watcher": strategy}, strategy="watches", **settings)


async def test_a_strategy_sees_price_what_is_left_and_health_of_every_candidate() -> None:
    strategy = Watches()
    async with watched(strategy) as opened:
        for _ in range(7):
            await opened.complete("hello")
    (before, after, *_, closed) = (view.states for view in strategy.views)

    assert before["first/m"].price == PRICE
    assert [(one.limit.amount, one.used) for one in before["first/m"].remaining] == [(50, 0)]
    assert (before["first/m"].blocked_until, before["first/m"].health.failures) == (None, 0)
    assert [one.used for one in after["first/m"].remaining] == [1]
    assert (after["first/m"].health.failures, after["first/m"].health.error) == (1, "overloaded")
    assert (after["first/m"].blocked_until, closed["first/m"].health.failures) == (None, 5)
    assert closed["first/m"].blocked_until == strategy.views[-1].blocked_until["first/m"]
    assert after["second/m"].health.failures == 0


async def test_each_request_has_a_seed_of_its_own() -> None:
    strategy = Watches()
    async with watched(strategy) as opened:
        for _ in range(3):
            await opened.complete("hello")

    assert len({view.seed for view in strategy.views}) == 3


async def test_score_and_reason_stand_in_the_record_of_the_decision() -> None:
    async with watched(Watches()) as opened:
        done = await opened.complete("hello")

    assert {one.provider: (one.score, one.why) for one in done.decision.candidates} == {
        "first": (1.0, "1 limits"),
        "second": (0.0, "0 limits"),
    }


async def test_a_strategy_that_did_not_ask_for_states_is_told_how_to() -> None:
    async with watched(Watches(needs_states=False)) as opened:
        with pytest.raises(PluginError, match="needs_states = True") as caught:
            await opened.complete("hello")
    assert caught.value.plugin == "watcher"


@pytest.mark.parametrize(("strategy", "looks"), [("priority", 0), ("watches", 1)])
async def test_only_a_strategy_that_looks_at_them_pays_for_them(strategy: str, looks: int) -> None:
    async with client(ScriptedProvider("only", limits=(MINUTE,)), more={"watcher": Watches()}) as opened:
        await opened.complete("hello")
        store, seen = opened.ledger._store, []
        remaining = store.remaining

        async def counted(*given: Any) -> Any:
            seen.append(given)
            return await remaining(*given)

        store.remaining = counted  # type: ignore[method-assign]
        await opened.complete("hello", strategy=strategy)
    assert len(seen) == looks


async def test_a_strategy_sees_how_fast_a_target_answers_and_how_long_its_answers_are() -> None:
    strategy = Watches()
    async with client(ScriptedProvider("only"), more={"watcher": strategy}, strategy="watches") as opened:
        await opened.complete("hello")
        await opened.complete("hello")
        async with opened.stream("hello") as stream:
            async for _ in stream:
                pass
    first, second, third = strategy.views
    state = second.states["only/m"]

    assert (first.states["only/m"].speed, first.expected_output, first.stream) == (None, 0, False)
    assert state.speed is not None
    assert (state.speed.samples, state.expected_output) == (1.0, second.expected_output)
    assert second.expected_output > 0
    assert (third.stream, third.states["only/m"].speed) == (True, None)  # streams are judged by streams


async def test_a_strategy_sees_what_runs_there() -> None:
    strategy = Watches()
    async with client(ScriptedProvider("only"), more={"watcher": strategy}, strategy="watches") as opened:
        stream = opened.stream("hello")
        async with stream:
            await opened.complete("hello")
        await opened.complete("hello")

    assert [view.states["only/m"].in_flight for view in strategy.views] == [0, 1, 0]


async def test_a_limit_that_is_used_up_blocks_until_its_window_is_free() -> None:
    strategy = Watches()
    once = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))
    first, second = ScriptedProvider("first", limits=(once,)), ScriptedProvider("second")
    async with client(first, second, more={"watcher": strategy}, strategy="watches") as opened:
        for _ in range(2):
            await opened.complete("hello")
    view = strategy.views[1]
    opens = view.states["first/m"].blocked_until

    assert strategy.views[0].states["first/m"].blocked_until is None
    assert opens is not None
    assert view.now < opens <= view.now + 62
    assert view.states["second/m"].blocked_until is None


NEEDS = {Unit.REQUEST: 1, Unit.TOTAL_TOKEN: 500}


def left(amount: int, left: int, unit: Unit = Unit.REQUEST, **fields: Any) -> Remaining:
    limit = Limit(unit=unit, amount=amount, window=fields.pop("window", Rolling(seconds=60)))
    return Remaining(limit=limit, bucket="b", used=amount - left, left=left, **fields)


@pytest.mark.parametrize(
    ("remaining", "opens"),
    [
        ([], 100.0),
        ([left(5, 1)], 100.0),
        ([left(5, 0, resets_at=130.0)], 130.0),
        ([left(5, 0, resets_at=130.0), left(9, 0, resets_at=170.0)], 170.0),
        ([left(5, 0, window=Lifetime())], math.inf),
        ([left(0, 0)], math.inf),
        ([left(1_000, 499, Unit.TOTAL_TOKEN, resets_at=140.0)], 140.0),
        ([left(400, 400, Unit.TOTAL_TOKEN)], 100.0),  # it holds it as a whole, and is whole
        ([left(3, 0, Unit.CONCURRENT, window=Held())], 100.0),  # no clock knows when calls end
        ([left(5, 5, blocked_until=150.0)], 150.0),
        ([left(5, 5, blocked_until=50.0)], 100.0),
    ],
)
def test_it_opens_when_all_that_the_request_takes_fits_everywhere(remaining: list[Remaining], opens: float) -> None:
    assert opens_at(remaining, NEEDS, 100.0) == opens
