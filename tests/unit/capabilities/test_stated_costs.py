"""A cost that OpenRouter states is the bill, however it is written, and also where nothing could cost anything."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import Exhausted, ShunpikeError
from shunpike.types import Budget, Completion, Money
from shunpike_testkit.upstream import Script, Upstream, events, reply, stream

from .conftest import KEY, MakeClient, plugin_of

USAGE = {"prompt_tokens": 41, "completion_tokens": 30, "total_tokens": 71}


def client_of(make_client: MakeClient, upstream: Upstream, tier: str) -> Client:
    section = {"key": KEY, "base_url": upstream.base_url, "tier": tier, "options": {"allow_http": True}}
    budget = Budget(amount=Money.usd("1.00"), period="lifetime")
    providers = {"openrouter": section}
    return make_client({"openrouter": plugin_of("openrouter")}, allow_paid=True, budgets=(budget,), providers=providers)


def answering(upstream: Upstream, model: str, **told: Any) -> None:
    row = {"index": 0, "message": {"role": "assistant", "content": "a short answer"}, "finish_reason": "stop"}
    body = {"id": "c", "model": model, "choices": [row], "usage": {**USAGE, **told}}
    upstream.on("/chat/completions", reply(body))


def priced_model() -> str:
    found = plugin_of("openrouter").shunpike_models("openrouter")
    return next(one.id for one in found if one.kind == "chat" and any(float(row.completion) for row in one.prices))


def free_model() -> str:
    found = plugin_of("openrouter").shunpike_models("openrouter")
    return next(one.id for one in found if one.id.endswith(":free") and one.status == "active")


async def answered_at(make_client: MakeClient, upstream: Upstream, cost: Any) -> Completion:
    """Return an answer whose provider states ``cost``."""
    model = priced_model()
    answering(upstream, model, cost=cost, is_byok=False)
    async with client_of(make_client, upstream, "funded") as client:
        return await client.complete("hi", model=f"openrouter/{model}", max_tokens=40)


@pytest.mark.parametrize("text", ["0.00012", "1.2e-4", " 0.000120 "])
async def test_a_cost_as_text_is_the_cost(make_client: MakeClient, upstream: Upstream, text: str) -> None:
    """It was ignored, and the list price booked as settled."""
    done = await answered_at(make_client, upstream, text)
    assert (done.cost, done.cost_exact) == (Money.usd("0.00012"), True)


@pytest.mark.parametrize("cost", [1_000_001, 2e6, "1e30", 10**25])
async def test_a_cost_beyond_a_million_is_a_breach_not_a_mistake_to_be_ignored(
    make_client: MakeClient, upstream: Upstream, cost: Any
) -> None:
    model = priced_model()
    answering(upstream, model, cost=cost, is_byok=False)
    async with client_of(make_client, upstream, "funded") as client:
        done = await client.complete("hi", model=f"openrouter/{model}", max_tokens=40)
        assert done.cost == Money.usd(10_000)
        assert any("more than the" in warning for warning in done.warnings)
        assert [one.is_freeze for one in (await client.ledger.closed()).values()] == [True]
        with pytest.raises(Exhausted):
            await client.complete("hi", model=f"openrouter/{model}", max_tokens=40)


@pytest.mark.parametrize("cost", [-1, "-0.5", {}, [0.1], True, "free", ""])
async def test_beside_a_cost_that_can_not_be_read_the_list_price_is_a_bound(
    make_client: MakeClient, upstream: Upstream, cost: Any
) -> None:
    """It was booked as exact."""
    done = await answered_at(make_client, upstream, cost)
    assert done.list_price is not None
    assert done.cost.pico >= done.list_price.pico
    assert (done.cost_exact, done.usage.basis) == (False, "estimated")


@pytest.mark.parametrize("tier", ["free", "funded"])
@pytest.mark.parametrize(
    "told",
    [
        {"cost": 0.25, "is_byok": False},
        {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.25}},
        {"cost": "0.05", "is_byok": True, "cost_details": {"upstream_inference_cost": "0.20"}},
        {"cost": 0, "cost_details": {"upstream_inference_cost": "0.25"}},
    ],
    ids=["billed", "own key", "own key and a fee", "nobody says whose key"],
)
async def test_what_a_free_model_was_billed_is_the_same_everywhere_and_stops_the_account(
    make_client: MakeClient, upstream: Upstream, tier: str, told: dict[str, Any]
) -> None:
    """The answer said $0.00, `usage` $0.25, and no budget saw it."""
    model, quarter = free_model(), Money.usd("0.25")
    answering(upstream, model, **told)
    async with client_of(make_client, upstream, tier) as client:
        done = await client.complete("hi", model=f"openrouter/{model}", max_tokens=40)
        (row,) = await client.usage(0, 1e12)
        ((_, left),) = await client.ledger.budgets()
        assert (done.cost, row.cost, Money(pico=left.used)) == (quarter, quarter, quarter)
        assert any("billed $0.25, though it could not cost anything" in warning for warning in done.warnings)
        with pytest.raises(Exhausted, match="limits clear openrouter"):
            await client.complete("hi", model=f"openrouter/{model}", max_tokens=40)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("status", [400, 402, 429, 500, 502])
@pytest.mark.parametrize("figures", [{**USAGE, "cost": 0.0003}, {"cost": 0.0003}], ids=["usage and cost", "cost"])
async def test_what_a_refusal_states_is_booked(
    make_client: MakeClient, upstream: Upstream, status: int, figures: dict[str, Any], *, inside: bool
) -> None:
    """A cost without usage was ignored; whoever states a bill bills."""
    model = priced_model()
    told, error = {"usage": {**figures, "is_byok": False}}, {"code": status, "message": "no"}
    body = {"error": {**error, **told}} if inside else {"error": error, **told}
    upstream.on("/chat/completions", reply(body, status=status))
    async with client_of(make_client, upstream, "funded") as client:
        with pytest.raises(ShunpikeError):
            await client.complete("hi", model=f"openrouter/{model}", max_tokens=40, timeout=5)
        (row,) = await client.usage(0, 1e12)
    assert row.cost.pico >= row.requests * Money.usd("0.0003").pico


def broken(model: str, running: dict[str, Any], last: dict[str, Any]) -> Script:
    """Return a stream that states ``running`` with its text, fails, and states ``last`` with or after the failure."""
    text = {"id": "g", "model": model, "choices": [{"index": 0, "delta": {"content": "some"}}], "usage": running}
    failed = {"id": "g", "error": {"code": 502, "message": "Provider disconnected"}}
    figures = {"id": "g", "model": model, "choices": [], "usage": last}
    return stream([*events(text, failed, done=False), *events(figures)])


@pytest.mark.parametrize(
    ("running", "last", "made", "cost"),
    [
        ({"prompt_tokens": 41, "completion_tokens": 30}, {"prompt_tokens": 41, "completion_tokens": 4}, 30, "0"),
        ({**USAGE, "cost": "0.0003"}, {"prompt_tokens": 41, "completion_tokens": 30, "cost": 0.0001}, 30, "0.0003"),
        ({**USAGE, "cost": "0.0003"}, {"cost": 0.0005}, 30, "0.0005"),
        ({**USAGE, "cost": "0.0003"}, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, 30, "0.0003"),
    ],
)
async def test_what_a_failure_states_takes_nothing_back_of_what_was_stated_before(
    make_client: MakeClient,
    upstream: Upstream,
    running: dict[str, Any],
    last: dict[str, Any],
    made: int,
    cost: str,
) -> None:
    """The smaller one was booked."""
    model = priced_model()
    upstream.on("/chat/completions", broken(model, running, last))
    async with client_of(make_client, upstream, "funded") as client:
        with pytest.raises(ShunpikeError):
            async with client.stream("hi", model=f"openrouter/{model}", max_tokens=40) as opened:
                async for _ in opened:
                    pass
        (row,) = await client.usage(0, 1e12)
    assert row.completion_tokens >= made * row.requests
    assert row.cost.pico >= Money.usd(cost).pico * row.requests
