"""Laws of money: exact, additive, never under."""

from __future__ import annotations

import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shunpike.types import Money, Price, Usage

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
    with pytest.raises(TypeError, match="0.1 is not exact"):
        Money.usd(0.1)  # type: ignore[arg-type]


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
