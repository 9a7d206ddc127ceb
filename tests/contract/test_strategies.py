"""The built-in strategies keep the contract of all strategies; the contract finds those that do not."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given

from shunpike.builtin.balanced import Balanced
from shunpike.builtin.cost import Cheapest
from shunpike.builtin.latency import Fastest
from shunpike.builtin.priority import Priority
from shunpike.builtin.quality import Quality
from shunpike.builtin.spread import EvenUse
from shunpike.builtin.strategies import OWN_STRATEGIES
from shunpike.protocols import Ranked, RoutableRequest, Strategy, Target, View
from shunpike.routing.blaming import NamedStrategy
from shunpike.types import ChatRequest
from shunpike_testkit.strategies import CANDIDATES, LAW, REQUESTS, VIEWS, StrategyContract

Order = Callable[[Sequence[Target]], Sequence[Target]]


class TestPriority(StrategyContract):
    def strategy(self) -> Strategy:
        return Priority()


class TestQuality(StrategyContract):
    def strategy(self) -> Strategy:
        return Quality()


class TestQualityWithOptions(StrategyContract):
    def strategy(self) -> Strategy:
        return Quality({"strong_share": 0.5, "strong": ["north/*", "c/d"]})


class TestCheapest(StrategyContract):
    def strategy(self) -> Strategy:
        return Cheapest()


class TestFastest(StrategyContract):
    def strategy(self) -> Strategy:
        return Fastest()


class TestBalanced(StrategyContract):
    def strategy(self) -> Strategy:
        return Balanced()


class TestBalancedByOptions(StrategyContract):
    def strategy(self) -> Strategy:
        return Balanced({"cost": 3, "latency": 0, "spread": 0.5})


class TestEvenUse(StrategyContract):
    def strategy(self) -> Strategy:
        return EvenUse()


@pytest.mark.parametrize("name", OWN_STRATEGIES)
def test_every_strategy_of_the_core_is_made_by_its_name(name: str) -> None:
    assert OWN_STRATEGIES[name]({}).name == name


@pytest.mark.parametrize("name", OWN_STRATEGIES)
def test_what_is_free_comes_first_in_every_one_of_them(name: str) -> None:
    strategy = NamedStrategy(OWN_STRATEGIES[name]({}), "builtin")

    @LAW
    @given(CANDIDATES, REQUESTS, VIEWS)
    def law(candidates: list[Target], request: ChatRequest, view: View) -> None:
        ranked = strategy.rank(tuple(candidates), request, view)
        assert [one.target.paid for one in ranked] == sorted(one.target.paid for one in ranked)
        # Not even by being put back: whoever reads why sees the strategy's own order.
        assert not [one for one in ranked if "all that is free comes first" in one.why]

    law()


class Made:
    """A strategy made of one function."""

    name = "made"

    def __init__(self, order: Order) -> None:
        self._order = order

    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        return [Ranked(one) for one in self._order(candidates)]


def contract(order: Order) -> StrategyContract:
    class Held(StrategyContract):
        def strategy(self) -> Strategy:
            return Made(order)

    return Held()


def drops_the_last(candidates: Sequence[Target]) -> Sequence[Target]:
    return candidates[:-1]


def repeats_the_first(candidates: Sequence[Target]) -> Sequence[Target]:
    return [*candidates, *candidates[:1]]


def rewrites(candidates: Sequence[Target]) -> Sequence[Target]:
    return [target.model_copy(update={"paid": False}) for target in candidates]


def needs_a_price(candidates: Sequence[Target]) -> Sequence[Target]:
    return sorted(candidates, key=lambda target: target.price.prompt)  # type: ignore[union-attr]  # the mistake itself


def needs_one(candidates: Sequence[Target]) -> Sequence[Target]:
    return [candidates[0], *candidates[1:]]


@pytest.mark.parametrize("order", [drops_the_last, repeats_the_first, rewrites, needs_a_price, needs_one])
def test_what_is_no_permutation_is_found(order: Order) -> None:
    with pytest.raises(AssertionError, match=r"rank (must|raised)"):
        contract(order).test_it_answers_with_a_permutation()


@pytest.mark.parametrize(
    ("groups", "wrong"), [(itertools.cycle((1, 2)), "each group must be of neighbours"), (itertools.repeat(1), "money")]
)
def test_equals_that_are_none_are_found(groups: Iterator[int], wrong: str) -> None:
    class Grouped(Made):
        def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
            return [one._replace(group=next(groups)) for one in super().rank(candidates, request, view)]

    class Held(StrategyContract):
        def strategy(self) -> Strategy:
            return Grouped(lambda candidates: sorted(candidates, key=lambda one: one.label))

    with pytest.raises(AssertionError, match=wrong):
        Held().test_equals_stand_together()


def test_chance_is_found() -> None:
    with pytest.raises(AssertionError, match="no other chance"):
        contract(lambda candidates: random.sample(candidates, len(candidates))).test_it_is_deterministic()


def test_memory_is_found() -> None:
    turns = itertools.count()

    def in_turn(candidates: Sequence[Target]) -> Sequence[Target]:
        at = next(turns) % max(1, len(candidates))
        return [*candidates[at:], *candidates[:at]]

    with pytest.raises(AssertionError, match="clock or memory"):
        contract(in_turn).test_it_is_deterministic()


def test_ties_that_nothing_breaks_are_found() -> None:
    with pytest.raises(AssertionError, match="break ties"):
        contract(lambda candidates: sorted(candidates, key=lambda target: target.order)).test_it_is_total()


def test_the_order_given_may_count_where_it_is_said_so() -> None:
    held = contract(list)
    type(held).order_counts = True

    held.test_it_is_total()
