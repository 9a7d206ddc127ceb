"""What a request is expected to take at a target: tokens, money, time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.builtin.expectations import (
    FIRST_TOKEN,
    PER_OUTPUT_TOKEN,
    PER_PROMPT_TOKEN,
    PRIOR_WEIGHT,
    expected_cost,
    expected_output,
    expected_seconds,
)
from shunpike.protocols import TargetState, View
from shunpike.routing.answer_lengths import TYPICAL_OUTPUT
from shunpike.types import ChatRequest, EmbedRequest, Held, Limit, Price, Remaining, Speed, Unit
from shunpike_testkit.targets import target

NOW = 1_000.0
REQUEST = ChatRequest(messages="hi")
PRICE = Price(prompt=10, completion=20, cached=1, request=7)


def view(prompt_tokens: int = 0, **fields: Any) -> View:
    return View(now=NOW, prompt_tokens=prompt_tokens, max_output=16, **fields)


@pytest.mark.parametrize(
    ("request_", "of_all", "of_it", "expected"),
    [
        (REQUEST, 0, 0, TYPICAL_OUTPUT),
        (REQUEST, 80, 0, 80),
        (REQUEST, 80, 40, 40),
        (ChatRequest(messages="hi", max_tokens=50), 80, 0, 50),
        (ChatRequest(messages="hi", max_tokens=50), 80, 40, 40),
        (EmbedRequest(input=("hi",), model="m"), 80, 40, 0),
    ],
)
def test_an_answer_is_expected_as_long_as_such_ones_were(
    request_: ChatRequest | EmbedRequest, of_all: int, of_it: int, expected: int
) -> None:
    assert expected_output(request_, view(expected_output=of_all), TargetState(expected_output=of_it)) == expected


@pytest.mark.parametrize(
    ("tier", "paid", "price", "cost"),
    [
        ("none", False, PRICE, 0),  # a list price that nobody is billed
        ("none", False, None, 0),
        ("credit", False, PRICE, 100 * 10 + 40 * 20 + 7),
        ("card", True, PRICE, 100 * 10 + 40 * 20 + 7),
        ("card", True, None, None),
        ("a tier of a custom endpoint", False, None, 0),
    ],
)
def test_a_request_costs_what_its_tier_bills(tier: str, paid: bool, price: Price | None, cost: int | None) -> None:
    state = TargetState(price=price, expected_output=40)

    assert expected_cost(target(tier, paid=paid), REQUEST, view(100), state) == cost


def test_every_choice_costs_and_what_is_cached_costs_less() -> None:
    paid, request = target("card", paid=True), ChatRequest(messages="hi", n=3)
    state = TargetState(price=PRICE, expected_output=40)

    assert expected_cost(paid, request, view(100), state) == 100 * 10 + 3 * 40 * 20 + 7
    cached = state.model_copy(update={"cached_share": 0.75})
    assert expected_cost(paid, REQUEST, view(100), cached) == 25 * 10 + 75 * 1 + 40 * 20 + 7


def test_what_was_never_seen_is_as_fast_as_is_usual() -> None:
    usual = FIRST_TOKEN + 2_000 * PER_PROMPT_TOKEN + 100 * PER_OUTPUT_TOKEN

    assert expected_seconds(REQUEST, view(2_000, expected_output=100), TargetState()) == pytest.approx(usual)


def test_a_few_answers_say_little_and_many_say_all() -> None:
    def seconds(samples: float) -> float:
        speed = Speed(samples=samples, first_token=0.1, tokens_per_second=1_000)
        return expected_seconds(REQUEST, view(expected_output=100), TargetState(speed=speed))

    usual = FIRST_TOKEN + 100 * PER_OUTPUT_TOKEN
    assert seconds(PRIOR_WEIGHT) == pytest.approx((0.2 + usual) / 2)
    assert seconds(10_000) == pytest.approx(0.2, abs=0.01)
    assert seconds(1) > seconds(5) > seconds(40)


@given(st.floats(0, 1e6), st.floats(0, 100), st.none() | st.floats(1e-3, 1e5), st.floats(0, 100))
def test_the_wait_for_a_limit_comes_on_top(samples: float, first: float, rate: float | None, wait: float) -> None:
    speed = Speed(samples=samples, first_token=first, tokens_per_second=rate)
    at_once = expected_seconds(REQUEST, view(9), TargetState(speed=speed))

    later = expected_seconds(REQUEST, view(9), TargetState(speed=speed, blocked_until=NOW + wait))
    assert later == pytest.approx(at_once + wait)
    assert expected_seconds(REQUEST, view(9), TargetState(speed=speed, blocked_until=NOW - wait)) == at_once


def test_where_as_many_run_as_may_one_of_them_is_waited_for() -> None:
    held = Limit(unit=Unit.CONCURRENT, amount=2, window=Held())
    full, free = (Remaining(limit=held, bucket="b", used=2 - left, left=left) for left in (0, 1))
    seconds = expected_seconds(REQUEST, view(), TargetState(remaining=(free,)))

    assert expected_seconds(REQUEST, view(), TargetState(remaining=(full,))) == pytest.approx(2 * seconds)
