"""What a provider states is believed as far as it fits what was seen; what a failure states is booked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import ShunpikeError
from shunpike.types import Basis, Budget, Money, UsageRow
from shunpike_testkit.upstream import Script, Upstream, events, reply, stream

from .conftest import KEY, SEVEN, START, MakeClient, plugin_of

CAP = 40
TEXT = "a short answer"


def usage(prompt: int, made: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made, **more}


def gemini(prompt: int, made: int) -> dict[str, Any]:
    return {"promptTokenCount": prompt, "candidatesTokenCount": made, "totalTokenCount": prompt + made}


def paid(make_client: MakeClient, upstream: Upstream, provider: str) -> Client:
    plugin = plugin_of(provider)
    (info,) = plugin.shunpike_providers()
    tier = next(tier.name for tier in info.tiers if tier.billing == "card")
    section = {"key": KEY, "base_url": upstream.base_url, "tier": tier, "options": {"allow_http": True}}
    budget = Budget(amount=Money.usd("1.00"), period="lifetime")
    return make_client({provider: plugin}, allow_paid=True, budgets=(budget,), providers={provider: section})


def model_of(provider: str) -> Any:
    """Return the first model of ``provider`` that answers for money."""
    plugin = plugin_of(provider)
    (info,) = plugin.shunpike_providers()
    tier = next(tier.name for tier in info.tiers if tier.billing == "card")
    for one in plugin.shunpike_models(provider):
        priced = any(float(row.completion) for row in one.prices)
        if priced and one.kind == "chat" and tier in one.limits and one.status in ("active", "unverified"):
            return one
    raise LookupError(provider)


def answering(
    provider: str, model: str, figures: Any, *, streamed: bool, choice: dict[str, Any] | None = None
) -> Script:
    """Return an answer of ``provider`` with these figures, whole or as a stream."""
    if provider == "google":
        part = {"content": {"parts": [{"text": TEXT}]}, "finishReason": "STOP", **(choice or {})}
        whole = {"candidates": [part], "usageMetadata": figures, "modelVersion": model}
        return stream(events(whole, done=False)) if streamed else reply(whole)
    message = {"message" if not streamed else "delta": {"role": "assistant", "content": TEXT}}
    row = {"index": 0, **message, "finish_reason": "stop", **(choice or {})}
    whole = {"id": "c", "model": model, "choices": [row], "usage": figures}
    return stream(events(whole)) if streamed else reply(whole)


async def ask(client: Client, target: str, *, streamed: bool) -> UsageRow:
    """Ask once, whatever comes of it; return what is booked."""
    try:
        if streamed:
            async with client.stream("hi there", model=target, max_tokens=CAP) as opened:
                async for _ in opened:
                    pass
        else:
            await client.complete("hi there", model=target, max_tokens=CAP)
    except ShunpikeError:
        pass
    rows: Sequence[UsageRow] = await client.usage(0, START * 2)
    return rows[0]


def everywhere(upstream: Upstream, provider: str, model: str, script: Script) -> None:
    paths = ["/chat/completions"]
    if provider == "google":
        paths = [f"/models/{model}:generateContent", f"/models/{model}:streamGenerateContent"]
    for path in paths:
        upstream.on(path, script)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("provider", SEVEN)
async def test_zeros_beside_an_answer_are_no_usage(
    make_client: MakeClient, upstream: Upstream, provider: str, streamed: bool
) -> None:
    """They were booked as $0.00, exact."""
    model = model_of(provider)
    figures = gemini(0, 0) if provider == "google" else usage(0, 0, cost=0)
    everywhere(upstream, provider, model.id, answering(provider, model.id, figures, streamed=streamed))
    async with paid(make_client, upstream, provider) as client:
        row = await ask(client, f"{provider}/{model.id}", streamed=streamed)
    assert (row.requests, row.unconfirmed, row.exact) == (1, 1, False)
    assert row.cost.pico > 0


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("text", ["", TEXT])
@pytest.mark.parametrize("prompt", [0, 41])
@pytest.mark.parametrize("provider", SEVEN)
async def test_an_answer_that_its_output_cap_cut_off_has_some_output(
    make_client: MakeClient, upstream: Upstream, provider: str, text: str, prompt: int, streamed: bool
) -> None:
    """It was all thought, unseen, and none of it is stated: it was booked as a prompt alone, exact."""
    model = model_of(provider)
    if provider == "google":
        figures = gemini(prompt, 0)
        choice = {"content": {"parts": [{"text": text}]} if text else {}, "finishReason": "MAX_TOKENS"}
    else:
        figures = usage(prompt, 0)
        choice = {"delta" if streamed else "message": {"content": text}, "finish_reason": "length"}
    everywhere(upstream, provider, model.id, answering(provider, model.id, figures, streamed=streamed, choice=choice))
    async with paid(make_client, upstream, provider) as client:
        row = await ask(client, f"{provider}/{model.id}", streamed=streamed)
    assert (row.unconfirmed, row.exact) == (row.requests, False)
    assert row.cost.pico >= row.requests * CAP * float(model.prices[0].completion) * 10**6 * 0.5


async def test_the_end_without_a_figure_makes_none_of_geminis_before_it_final(
    make_client: MakeClient, upstream: Upstream
) -> None:
    model = model_of("google")
    text = {"candidates": [{"content": {"parts": [{"text": TEXT}]}}], "usageMetadata": gemini(41, 3)}
    last = {"candidates": [{"content": {}, "finishReason": "STOP"}]}
    everywhere(upstream, "google", model.id, stream(events(text, last, done=False)))
    async with paid(make_client, upstream, "google") as client:
        row = await ask(client, f"google/{model.id}", streamed=True)
    assert (row.answered, row.unconfirmed, row.exact) == (1, 1, False)


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_that_stopped_by_itself_may_have_none(
    make_client: MakeClient, upstream: Upstream, streamed: bool
) -> None:
    model = model_of("openai")
    choice = {"delta" if streamed else "message": {"content": ""}, "finish_reason": "stop"}
    script = answering("openai", model.id, usage(41, 0), streamed=streamed, choice=choice)
    everywhere(upstream, "openai", model.id, script)
    async with paid(make_client, upstream, "openai") as client:
        row = await ask(client, f"openai/{model.id}", streamed=streamed)
    assert (row.prompt_tokens, row.completion_tokens, row.unconfirmed) == (41 * row.requests, 0, 0)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("figures", "prompt", "made"),
    [
        ({"prompt_tokens": 17, "completion_tokens": 492, "total_tokens": 61}, 17, 492),
        ({"prompt_tokens": 17, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 90}}, 17, 94),
        ({"prompt_tokens": 0, "completion_tokens": 12, "total_tokens": 12}, 1, 12),
    ],
)
async def test_figures_that_do_not_fit_are_an_estimate_from_above(
    make_client: MakeClient, upstream: Upstream, figures: dict[str, Any], prompt: int, made: int, streamed: bool
) -> None:
    model = model_of("deepseek")
    everywhere(upstream, "deepseek", model.id, answering("deepseek", model.id, figures, streamed=streamed))
    async with paid(make_client, upstream, "deepseek") as client:
        row = await ask(client, f"deepseek/{model.id}", streamed=streamed)
        price = (await client.status())[0] and model.prices[0]
    assert row.prompt_tokens >= prompt
    assert row.completion_tokens == made
    assert row.cost.pico >= made * float(price.completion) * 10**6 * 0.5  # The half price of the hours off peak.


async def test_what_does_not_fit_is_not_called_exact(make_client: MakeClient, upstream: Upstream) -> None:
    model = model_of("deepseek")
    figures = {"prompt_tokens": 17, "completion_tokens": 30, "total_tokens": 20}
    everywhere(upstream, "deepseek", model.id, answering("deepseek", model.id, figures, streamed=False))
    async with paid(make_client, upstream, "deepseek") as client:
        done = await client.complete("hi there", model=f"deepseek/{model.id}", max_tokens=CAP)
    assert (done.usage.basis, done.cost_exact) == (Basis.ESTIMATED, False)


ERROR = {"error": {"code": 502, "message": "the provider behind failed"}}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("provider", [one for one in SEVEN if one != "google"])
async def test_the_usage_beside_an_error_is_booked(
    make_client: MakeClient, upstream: Upstream, provider: str, streamed: bool
) -> None:
    """A 200 whose choice carries an error was booked as nothing."""
    model = model_of(provider)
    choice = {**ERROR, "finish_reason": "error"}
    script = answering(provider, model.id, usage(41, 30), streamed=streamed, choice=choice)
    everywhere(upstream, provider, model.id, script)
    async with paid(make_client, upstream, provider) as client:
        row = await ask(client, f"{provider}/{model.id}", streamed=streamed)
    assert (row.prompt_tokens, row.completion_tokens, row.unconfirmed) == (41 * row.requests, 30 * row.requests, 0)
    assert row.cost.pico > 0


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "SAFETY", "RECITATION", "OTHER"])
async def test_what_gemini_states_of_a_failed_answer_is_booked(
    make_client: MakeClient, upstream: Upstream, reason: str, streamed: bool
) -> None:
    model = model_of("google")
    choice = {"content": {}, "finishReason": reason}
    script = answering("google", model.id, gemini(41, 30), streamed=streamed, choice=choice)
    everywhere(upstream, "google", model.id, script)
    async with paid(make_client, upstream, "google") as client:
        row = await ask(client, f"google/{model.id}", streamed=streamed)
    assert (row.prompt_tokens, row.completion_tokens, row.unconfirmed) == (41 * row.requests, 30 * row.requests, 0)
    assert row.cost.pico > 0


@pytest.mark.parametrize("begun", [False, True])
async def test_figures_that_follow_an_error_in_a_stream_are_read_and_booked(
    make_client: MakeClient, upstream: Upstream, begun: bool
) -> None:
    model = model_of("openrouter")
    text = {"id": "g", "model": model.id, "choices": [{"index": 0, "delta": {"content": TEXT}}]}
    last = {"id": "g", "model": model.id, "choices": [], "usage": usage(41, 30, cost=0.0001, is_byok=False)}
    script = stream([*events(*([text] if begun else []), {"id": "g", **ERROR}, done=False), *events(last)])
    everywhere(upstream, "openrouter", model.id, script)
    async with paid(make_client, upstream, "openrouter") as client:
        row = await ask(client, f"openrouter/{model.id}", streamed=True)
    assert (row.unconfirmed, row.exact) == (0, True)
    assert row.cost == Money(pico=10**8 * row.requests)


@pytest.mark.parametrize("streamed", [False, True])
async def test_with_a_key_of_ones_own_behind_openrouter_both_bills_are_booked(
    make_client: MakeClient, upstream: Upstream, streamed: bool
) -> None:
    """The fee alone was booked, often $0.00."""
    model = model_of("openrouter")
    own = usage(41, 30, cost=0.00001, is_byok=True, cost_details={"upstream_inference_cost": 0.0002})
    everywhere(upstream, "openrouter", model.id, answering("openrouter", model.id, own, streamed=streamed))
    async with paid(make_client, upstream, "openrouter") as client:
        row = await ask(client, f"openrouter/{model.id}", streamed=streamed)
    assert row.cost == Money.usd("0.00021")


@pytest.mark.parametrize(
    "told",
    [
        {"cost": 0, "is_byok": True},
        {"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}},
        {"cost": 0, "is_byok": False},
        {"cost": 0},
    ],
)
async def test_a_part_of_a_bill_is_not_believed_to_be_all_of_it(
    make_client: MakeClient, upstream: Upstream, told: dict[str, Any]
) -> None:
    model = model_of("openrouter")
    everywhere(
        upstream, "openrouter", model.id, answering("openrouter", model.id, usage(41, 30, **told), streamed=False)
    )
    async with paid(make_client, upstream, "openrouter") as client:
        row = await ask(client, f"openrouter/{model.id}", streamed=False)
    dear = model.prices[0]
    assert row.cost.pico >= (41 * float(dear.prompt) + 30 * float(dear.completion)) * 10**6 * 0.99
