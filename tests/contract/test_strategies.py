"""The built-in strategy keeps the contract of all strategies; the contract finds those that do not."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

import pytest

from shunpike.builtin.priority import Priority
from shunpike.protocols import Ranked, RoutableRequest, Strategy, Target, View
from shunpike_testkit.strategies import StrategyContract

Order = Callable[[Sequence[Target]], Sequence[Target]]


class TestPriority(StrategyContract):
    def strategy(self) -> Strategy:
        return Priority()


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
