"""Tiers of service as data: the worst case is the dearest that can be, the bill goes by what the answer names."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.catalog import load_catalog
from shunpike.catalog.service import served_price, worst_price
from shunpike.client import Client
from shunpike.errors import ConfigError, Exhausted
from shunpike.plugins import Host
from shunpike.runtime.prices import PriceBook
from shunpike.types import Budget, Money, Price, Usage
from shunpike.types.price import per_token
from shunpike.wire import OpenAICompatible
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.upstream import Upstream, events, reply, stream

from .conftest import KEY, MakeClient, plugin_of

FACTORS = {"default": Decimal(1), "flex": Decimal("0.5"), "priority": Decimal("1.8"), "auto": Decimal("1.8")}
LIST = Price(prompt=per_token("1"), completion=per_token("10"), cached=per_token("0.1"), cache_write=per_token("1.25"))
CATALOG = """
as_of = 2026-11-22
source = "x"
[provider]
id = "acme"
title = "Acme"
env_key = "ACME_API_KEY"
base_url = "https://api.example.com/v1"
default_tier = "paid"
[tiers.paid]
billing = "card"
[service_tiers]
default = "1"
flex = "0.5"
priority = "2"
[[models]]
id = "m"
context = 100000
max_output = 1000
prices = [
  { prompt = "1", completion = "1" },
  { prompt = "3", completion = "3", hours_utc = [[1, 4]] },
]
limits.paid = []
"""
BEFORE_PEAK = datetime(2026, 11, 23, 0, 58, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("asked", "factor"), [(None, "1.8"), ("auto", "1.8"), ("default", "1"), ("flex", "1"), ("Priority", "1.8")]
)
def test_a_cheaper_tier_takes_nothing_off_the_worst_case(asked: str | None, factor: str) -> None:
    assert worst_price(LIST, FACTORS, asked) == LIST.times(Decimal(factor))


@pytest.mark.parametrize(
    ("asked", "named", "factor"),
    [
        (None, None, "1"),
        (None, "default", "1"),
        ("priority", None, "1.8"),
        ("priority", "default", "1"),
        ("auto", "FLEX", "0.5"),
        ("auto", None, "1.8"),
    ],
)
def test_the_bill_goes_by_the_named_tier_else_by_the_one_asked_for(
    asked: str | None, named: str | None, factor: str
) -> None:
    assert served_price(LIST, FACTORS, asked, named) == LIST.times(Decimal(factor))


def test_what_is_not_in_the_table_is_unknown_never_one() -> None:
    assert worst_price(LIST, FACTORS, "scale") is None
    assert served_price(LIST, FACTORS, None, "scale") is None
    assert worst_price(None, FACTORS, None) is None


def test_without_a_table_there_is_one_price() -> None:
    assert worst_price(LIST, {}, "priority") == served_price(LIST, {}, "x", "y") == LIST


def test_a_part_is_rounded_up_and_an_unknown_part_stays_unknown() -> None:
    assert Price(prompt=3, completion=1).times(Decimal("0.5")) == Price(prompt=2, completion=1)


PRICES = st.builds(
    Price,
    prompt=st.integers(0, 10**9),
    completion=st.integers(0, 10**9),
    cached=st.none() | st.integers(0, 10**9),
    cache_write=st.none() | st.integers(0, 10**9),
    request=st.integers(0, 10**9),
)
USAGES = st.builds(
    lambda prompt, cached, written, completion: Usage(
        prompt_tokens=prompt + cached + written,
        cached_tokens=cached,
        cache_write_tokens=written,
        completion_tokens=completion,
    ),
    *[st.integers(0, 10**6)] * 4,
)


@given(PRICES, PRICES, USAGES)
def test_the_dearer_of_two_prices_is_never_under_either(one: Price, other: Price, usage: Usage) -> None:
    both = one.dearer(other)
    assert both.of(usage) >= one.of(usage)
    assert both.of(usage) >= other.of(usage)
    assert both == other.dearer(one)


@pytest.mark.parametrize("value", ["2.0", '"x"', '"-1"', '"NaN"', '"101"', "[]"])
def test_a_factor_is_a_number_in_quotes(value: str) -> None:
    with pytest.raises(ConfigError, match=r"\[service_tiers\] key 'flex': expected a factor"):
        load_catalog(CATALOG.replace('flex = "0.5"', f"flex = {value}"), "provider.toml")


@pytest.mark.parametrize(
    ("provider", "tiers"),
    [
        ("openai", {"default": "1", "flex": "0.5", "batch": "0.5", "priority": "2", "fast": "2", "auto": "2"}),
        ("google", {"standard": "1", "flex": "0.5", "batch": "0.5", "priority": "1.8"}),
        ("deepseek", {}),
    ],
)
def test_the_published_factors_are_data(provider: str, tiers: dict[str, str]) -> None:
    told = plugin_of(provider).info.service_tiers
    assert {name: told[name] for name in tiers} == {name: Decimal(factor) for name, factor in tiers.items()}


def book(clock: VirtualClock) -> tuple[PriceBook, Any]:
    plugin = OpenAICompatible.of_text(CATALOG, "provider.toml")
    host = Host()
    host.register(plugin, "acme")
    return PriceBook(host, clock, plugin.models), plugin


def test_a_price_that_may_rise_before_the_end_is_reserved_at_its_height() -> None:
    """Whether the begin or the end of a request counts is not known: 00:58 may be billed at 01:00's price."""
    prices, plugin = book(VirtualClock(BEFORE_PEAK))
    (model,) = plugin.models
    assert prices.price(model, 10) == Price.per_million("1", "1").model_copy(update={"valid_until": BEFORE_PEAK + 120})
    near = prices.worst(plugin.info, model, 10, "default", within=300)
    far = prices.worst(plugin.info, model, 10, "default", within=50)
    assert near is not None
    assert far is not None
    assert (near.prompt, far.prompt) == (3_000_000, 1_000_000)


def test_a_bill_that_spans_a_change_takes_the_dearer_price() -> None:
    clock = VirtualClock(BEFORE_PEAK + 180)
    prices, plugin = book(clock)
    (model,) = plugin.models
    crossing = prices.served(model, "m", 10, BEFORE_PEAK)
    inside = prices.served(model, "m", 10, BEFORE_PEAK + 150)
    assert crossing is not None
    assert inside is not None
    assert (crossing.prompt, inside.prompt) == (3_000_000, 3_000_000)
    assert prices.served(model, "another", 10, BEFORE_PEAK) is None


def chat(tier: str | None) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 999_999, "completion_tokens": 1, "total_tokens": 1_000_000}
    return {"id": "c", "model": "m", "choices": [choice], "usage": usage, "service_tier": tier}


def paying(make_client: MakeClient, upstream: Upstream, budget: str) -> Client:
    plugin = OpenAICompatible.of_text(CATALOG, "provider.toml")
    return make_client(
        {"acme": plugin},
        providers={"acme": {"base_url": upstream.base_url, "key": KEY}},
        allow_paid=True,
        budgets=(Budget(amount=Money.usd(budget), period="day"),),
    )


@pytest.mark.parametrize(
    ("asked", "named", "cost"),
    [("priority", "default", "1"), ("priority", "priority", "2"), ("flex", None, "0.5"), (None, "flex", "0.5")],
)
async def test_the_cost_of_an_answer_is_that_of_its_tier(
    make_client: MakeClient, upstream: Upstream, asked: str | None, named: str | None, cost: str
) -> None:
    upstream.on("/chat/completions", reply(chat(named)))
    extra = {} if asked is None else {"service_tier": asked}
    async with paying(make_client, upstream, "10") as client:
        done = await client.complete("hi", model="acme/m", extra=extra)
    assert done.cost == done.list_price == Money.usd(cost)
    assert upstream.requests[0].json.get("service_tier") == asked


async def test_a_stream_is_billed_by_the_tier_that_its_chunks_name(make_client: MakeClient, upstream: Upstream) -> None:
    whole = chat("priority")
    raw_chunk = {**whole, "choices": [{"index": 0, "delta": {"content": "ok"}, "finish_reason": "stop"}]}
    upstream.on("/chat/completions", stream(events(raw_chunk)))
    async with paying(make_client, upstream, "10") as client, client.stream("hi", model="acme/m") as chunks:
        async for _ in chunks:
            pass
        assert chunks.completion.cost == Money.usd("2")


@pytest.mark.parametrize(("asked", "fits"), [("default", True), ("priority", False), ("scale", False)])
async def test_a_budget_is_held_at_the_tier_that_is_asked_for(
    make_client: MakeClient, upstream: Upstream, asked: str, fits: bool
) -> None:
    """The worst case of the prompt is about $0.0012 at the list price, twice that on priority, unknown on scale."""
    upstream.on("/chat/completions", reply(chat("default")))
    async with paying(make_client, upstream, "0.0015") as client:
        if fits:
            await client.complete("hi", model="acme/m", max_tokens=1000, extra={"service_tier": asked})
        else:
            with pytest.raises(Exhausted):
                await client.complete("hi", model="acme/m", max_tokens=1000, extra={"service_tier": asked})
    assert len(upstream.requests) == fits
