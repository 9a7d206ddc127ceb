"""Laws of money: exact, additive, never under."""

from __future__ import annotations

import operator
import pickle
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shunpike.errors import UsageError
from shunpike.types import ZERO, Budget, Money, Price, Usage

rates = st.integers(0, 10**8)
prices = st.builds(Price, prompt=rates, completion=rates, cached=st.none() | rates, cache_write=st.none() | rates)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    prompt = draw(st.integers(0, 10**7))
    cached = draw(st.integers(0, prompt))
    return Usage(
        prompt_tokens=prompt,
        cached_tokens=cached,
        cache_write_tokens=draw(st.integers(0, prompt - cached)),
        completion_tokens=draw(st.integers(0, 10**6)),
    )


@given(usages(), usages(), prices)
def test_cost_is_additive(a: Usage, b: Usage, price: Price) -> None:
    """Splitting a conversation over two calls never changes what it costs."""
    assert price.of(a) + price.of(b) == price.of(a + b)


@given(usages(), prices)
def test_the_worst_case_covers_every_split_of_the_prompt(usage: Usage, price: Price) -> None:
    """Whatever part of the prompt is cached or written to a cache, the reservation is enough."""
    assert price.of(usage) <= price.worst(usage.prompt_tokens, usage.completion_tokens)


@given(st.decimals(0, 10**6, places=12))
def test_dollars_survive_the_way_through_pico_dollars(amount: Decimal) -> None:
    assert Money.usd(str(amount)).dollars == amount


@given(st.integers(-(10**20), 10**20))
def test_the_text_of_an_amount_never_shows_zero_for_something(pico: int) -> None:
    text = str(Money(pico=pico))
    assert (text.strip("$-0.") == "") == (pico == 0)


def test_a_float_is_no_money() -> None:
    with pytest.raises(UsageError, match="0.1 is not exact"):
        Money.usd(0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", ["", "$", "ten", "nan", "inf", Decimal("-Infinity"), None, True, b"1", [1]])
def test_what_is_no_amount_is_refused_by_value_with_an_example(amount: object) -> None:
    with pytest.raises(UsageError, match=re.escape(repr(amount))) as caught:
        Money.usd(amount)  # type: ignore[arg-type]
    assert caught.value.hint == 'write dollars as text, such as Money.usd("0.10")'


amounts = st.integers(-(10**18), 10**18).map(lambda pico: Money(pico=pico))


@given(amounts, amounts)
def test_money_compares_as_its_dollars_do(a: Money, b: Money) -> None:
    """With money and with exact dollars, in all six ways; what is equal has one hash."""
    for other in (b, b.dollars):
        assert (a < other, a <= other, a == other) == (
            a.dollars < b.dollars, a.dollars <= b.dollars, a.dollars == b.dollars,
        )  # fmt: skip
        assert (a > other, a >= other, a != other) == (
            a.dollars > b.dollars, a.dollars >= b.dollars, a.dollars != b.dollars,
        )  # fmt: skip
    assert (a.dollars < b, a.dollars >= b) == (a < b, a >= b)
    assert len({a, a.dollars, Money.usd(a.dollars)}) == 1


@given(st.lists(amounts))
def test_money_adds_up_with_sum(each: list[Money]) -> None:
    assert sum(each, ZERO) == sum(one.dollars for one in each)
    assert not each or sum(each) == sum(each, ZERO)


@given(amounts)
def test_money_converts_to_every_number_and_its_repr_makes_it_again(money: Money) -> None:
    assert float(money) == float(money.dollars)
    assert f"{money:.4f}" == f"{money.dollars:.4f}"
    assert f"{money}" == str(money)
    assert eval(repr(money), {"Money": Money}) == money  # noqa: S307 - our own repr
    assert -money == ZERO - money
    assert 3 * money == money * 3 == money + money + money
    assert not money or money / money == 1


@pytest.mark.parametrize("other", [0.1, "0.10", None, True, float("nan")])
def test_money_is_not_ordered_with_what_is_not_exact(other: object) -> None:
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        with pytest.raises(UsageError, match=re.escape(repr(other))) as caught:
            compare(Money.usd("0.10"), other)
        assert "Money.usd(" in str(caught.value.hint)


def test_money_equals_a_float_only_where_that_is_exact() -> None:
    assert ZERO == 0.0
    assert Money.usd("0.5") == 0.5
    assert Money.usd("0.1") != 0.1
    assert Money.usd("0.1") != "0.1"


@pytest.mark.parametrize(
    "do",
    [
        lambda money: money + 1,
        lambda money: 1 + money,
        lambda money: money - 0.5,
        lambda money: money * 1.5,
        lambda money: money / 2,
        lambda money: money / ZERO,
    ],
)
def test_money_adds_up_only_with_money(do: Callable[[Any], object]) -> None:
    with pytest.raises(UsageError):
        do(Money.usd(1))


def test_a_field_of_money_takes_dollars() -> None:
    assert Budget.model_validate({"amount": "0.50", "period": "day"}).amount == Money.usd("0.50")
    with pytest.raises(ValidationError, match="not exact"):
        Budget.model_validate({"amount": 0.5, "period": "day"})


@pytest.mark.parametrize("value", ["", "free", "1,5", "nan", "-1"])
def test_what_is_not_a_price_is_refused(value: str) -> None:
    with pytest.raises((ValueError, ValidationError)):
        Price.per_million(value, "1")


def test_the_smallest_published_price_is_exact() -> None:
    """0.003 dollars per million tokens: 3,000 pico-dollars a token."""
    assert Price.per_million("0.003", "0.60").prompt == 3_000


@given(usages())
def test_records_survive_pickling(usage: Usage) -> None:
    assert pickle.loads(pickle.dumps(usage)) == usage
