"""The limits of each provider, as its clients meet them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from shunpike_sandbox.names import BASE_PATHS

from .conftest import MODELS, Caller, FakeClock


async def test_groq_names_the_window_in_its_text_and_opens_on_time(caller: Caller, clock: FakeClock) -> None:
    for _ in range(30):
        assert (await caller.ask("groq", "hi", max_completion_tokens=20)).status_code == 200
    clock.time += 20
    reply = await caller.ask("groq", "hi")
    error = reply.json()["error"]
    assert reply.status_code == 429
    assert error["code"] == "rate_limit_exceeded"
    assert "on requests per minute (RPM): Limit 30, Used 30, Requested 1. Please try again in 40s." in error["message"]
    assert reply.headers["retry-after"] == "40"
    assert reply.headers["x-ratelimit-limit-requests"] == "1000"
    clock.time += 39.9
    assert (await caller.ask("groq", "hi")).status_code == 429
    clock.time += 0.1
    assert (await caller.ask("groq", "hi", max_completion_tokens=20)).status_code == 200
    assert caller.books("groq")["overages"] == 2


async def test_groq_counts_the_cap_on_arrival_and_the_truth_afterwards(caller: Caller) -> None:
    first = await caller.ask("groq", max_completion_tokens=7000)
    used = first.json()["usage"]["total_tokens"]
    assert (await caller.ask("groq", max_completion_tokens=100)).status_code == 200
    reply = await caller.ask("groq", max_completion_tokens=7990)
    assert reply.status_code == 413
    assert "Request too large" in reply.json()["error"]["message"]
    assert int(first.headers["x-ratelimit-remaining-tokens"]) == 8000 - first.json()["usage"]["prompt_tokens"] - 7000
    assert used < 100


async def test_groq_refuses_what_can_never_fit_without_a_retry_hint(caller: Caller) -> None:
    reply = await caller.ask("groq", "word " * 9000)
    assert reply.status_code == 413
    assert "retry-after" not in reply.headers


async def test_gemini_lists_its_violations(caller: Caller, clock: FakeClock) -> None:
    for _ in range(5):
        assert (await caller.gemini()).status_code == 200
    clock.time += 12.5
    error = (await caller.gemini()).json()["error"]
    kinds = {detail["@type"].rsplit(".", 1)[-1]: detail for detail in error["details"]}
    (violation,) = kinds["QuotaFailure"]["violations"]
    assert violation["quotaId"] == "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
    assert violation["quotaValue"] == "5"
    assert kinds["RetryInfo"]["retryDelay"] == "48s"
    assert "Please retry in 47.5" in error["message"]


async def test_a_gemini_day_ends_at_midnight_in_california_and_its_delay_misleads(
    caller: Caller, clock: FakeClock
) -> None:
    for _ in range(20):
        assert (await caller.gemini()).status_code == 200
        clock.time += 13
    error = (await caller.gemini()).json()["error"]
    kinds = {detail["@type"].rsplit(".", 1)[-1]: detail for detail in error["details"]}
    assert kinds["QuotaFailure"]["violations"][0]["quotaId"].startswith("GenerateRequestsPerDay")
    assert float(kinds["RetryInfo"]["retryDelay"].rstrip("s")) <= 60
    clock.time = datetime(2026, 11, 23, 7, 59, 59, tzinfo=UTC).timestamp()
    assert (await caller.gemini()).status_code == 429
    clock.time += 1
    assert (await caller.gemini()).status_code == 200


async def test_a_gemini_model_outside_the_tier_has_a_limit_of_zero(caller: Caller) -> None:
    call = "gemini-3.1-pro-preview:generateContent"
    error = (await caller.gemini(call=call)).json()["error"]
    assert "limit: 0" in error["message"]
    assert (await caller.gemini(call=call, key="sandbox-paid")).status_code == 200


async def test_gemini_counts_input_tokens(caller: Caller) -> None:
    reply = await caller.gemini("word " * 260_000)
    ids = str(reply.json()["error"]["details"])
    assert reply.status_code == 429
    assert "GenerateContentInputTokensPerModelPerMinute-FreeTier" in ids


async def test_all_free_openrouter_models_share_one_pool(caller: Caller, clock: FakeClock) -> None:
    free = [model for model in caller.world.catalog.providers["openrouter"].models if model.endswith(":free")]
    live = [model for model in free if model.startswith(("google/", "z-ai/", "minimax/"))]
    messages = [{"role": "user", "content": "hi"}]
    for number in range(20):
        reply = await caller.post("openrouter", {"model": live[number % len(live)], "messages": messages})
        assert reply.status_code == 200
    reply = await caller.post("openrouter", {"model": live[0], "messages": messages})
    error = reply.json()["error"]
    assert error["message"] == "Rate limit exceeded: free-models-per-min"
    limits = error["metadata"]["headers"]
    assert int(limits["X-RateLimit-Reset"]) == math.ceil((clock.time + 60) * 1000)
    assert reply.headers["x-ratelimit-limit"] == "20"


async def test_an_openrouter_day_ends_at_midnight_utc(caller: Caller, clock: FakeClock) -> None:
    for _ in range(50):
        assert (await caller.ask("openrouter")).status_code == 200
        clock.time += 4
    error = (await caller.ask("openrouter")).json()["error"]
    assert error["message"].startswith("Rate limit exceeded: free-models-per-day. Add 10 credits")
    midnight = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    assert int(error["metadata"]["headers"]["X-RateLimit-Reset"]) == midnight * 1000
    key = (await caller.client.get("/openrouter/api/v1/key", headers={"authorization": "Bearer sandbox-1"})).json()
    assert key["data"]["free_model_daily_requests"] == {"used": 50, "limit": 50, "remaining": 0}
    clock.time = midnight
    assert (await caller.ask("openrouter")).status_code == 200


@pytest.mark.parametrize(("provider", "amount"), [("hyperbolic", 60), ("together", 10), ("openai", 500)])
async def test_the_other_rates_are_as_strict(caller: Caller, provider: str, amount: int) -> None:
    for _ in range(amount):
        assert (await caller.ask(provider, "hi", max_tokens=1)).status_code == 200
    reply = await caller.ask(provider, "hi")
    assert reply.status_code == 429
    assert caller.books(provider)["overages"] == 1


async def test_openai_tells_its_limits_on_success(caller: Caller) -> None:
    """What is used comes back evenly: one of 500 in a minute after 120 ms."""
    headers = (await caller.ask("openai", max_tokens=10)).headers
    assert headers["x-ratelimit-limit-requests"] == "500"
    assert headers["x-ratelimit-remaining-requests"] == "499"
    assert headers["x-ratelimit-reset-requests"] == "120ms"


async def test_those_who_tell_no_limits_send_no_such_header(caller: Caller) -> None:
    for provider in ("google", "openrouter", "deepseek", "hyperbolic"):
        headers = (await caller.ask(provider)).headers
        assert not [name for name in headers if "ratelimit" in name or name == "retry-after"]


async def test_every_key_is_an_account_of_its_own(caller: Caller) -> None:
    for _ in range(5):
        await caller.gemini(key="sandbox-a")
    assert (await caller.gemini(key="sandbox-a")).status_code == 429
    assert (await caller.gemini(key="sandbox-b")).status_code == 200
    assert caller.world.books("sandbox-b")["google"]["requests"] == 1


async def test_money_is_exact_to_the_pico_dollar(caller: Caller) -> None:
    usage: dict[str, Any] = (await caller.ask("openai")).json()["usage"]
    assert (
        caller.books("openai")["billed_pico"] == usage["prompt_tokens"] * 150_000 + usage["completion_tokens"] * 600_000
    )
    assert caller.books("groq")["billed_pico"] == 0
    usage = (await caller.ask("hyperbolic")).json()["usage"]
    books = caller.books("hyperbolic")
    assert (books["billed_pico"], books["credit_pico"]) == (0, usage["total_tokens"] * 400_000)


async def test_deepseek_costs_half_outside_its_peak(caller: Caller, clock: FakeClock) -> None:
    for moment, share in ((datetime(2026, 11, 23, 2, tzinfo=UTC), 2), (datetime(2026, 11, 23, 5, tzinfo=UTC), 1)):
        clock.time = moment.timestamp()
        key = f"sandbox-{moment.hour}"
        usage = (await caller.ask("deepseek", key=key)).json()["usage"]
        billed = caller.world.books(key)["deepseek"]["billed_pico"]
        assert billed == share * (usage["prompt_tokens"] * 150_000 + usage["completion_tokens"] * 600_000)


async def test_a_repeated_prompt_hits_deepseeks_cache(caller: Caller) -> None:
    text = "A long beginning that is the same every time. " * 40
    first = (await caller.ask("deepseek", text)).json()["usage"]
    second = (await caller.ask("deepseek", text)).json()["usage"]
    assert first["prompt_cache_hit_tokens"] == 0
    assert second["prompt_cache_hit_tokens"] % 64 == 0
    assert second["prompt_cache_hit_tokens"] > 0
    assert second["prompt_cache_hit_tokens"] + second["prompt_cache_miss_tokens"] == second["prompt_tokens"]


async def test_models_are_listed_in_each_providers_shape(caller: Caller) -> None:
    head = {"authorization": "Bearer sandbox-1"}
    for provider, key in (
        ("groq", "data"),
        ("openrouter", "data"),
        ("hyperbolic", "data"),
        ("openai", "data"),
        ("deepseek", "data"),
    ):
        path = BASE_PATHS[provider]
        rows = (await caller.client.get(f"{path}/models", headers=head)).json()[key]
        assert MODELS[provider] in {row["id"] for row in rows}
    assert isinstance((await caller.client.get("/together/v1/models", headers=head)).json(), list)
