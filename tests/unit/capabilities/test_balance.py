"""What is left of an account, by the two providers that tell, and the command that shows it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from shunpike.errors import AuthError, NoCredential, Overloaded, UnknownProvider, UsageError
from shunpike.protocols import CountsTokens, TellsBalance
from shunpike.types import Balance, Basis, Evidence, Unit
from shunpike_testkit.upstream import Upstream, reply

from .conftest import KEY, SEVEN, MakeClient, backend_of, plugin_of

OPENROUTER = """{"data": {"label": "x", "limit": 10, "limit_remaining": 9.99999938, "limit_reset": "monthly",
  "usage": 6.2e-7, "is_free_tier": true, "free_model_daily_requests": {"used": 8, "limit": 50, "remaining": 42}}}"""
DEEPSEEK = {
    "is_available": True,
    "balance_infos": [
        {"currency": "CNY", "total_balance": "110.00", "granted_balance": "10.00", "topped_up_balance": "100.00"},
        {"currency": "USD", "total_balance": "0.10", "granted_balance": "0.00", "topped_up_balance": "0.10"},
    ],
}


@pytest.mark.parametrize("provider", SEVEN)
async def test_exactly_two_providers_tell(upstream: Upstream, provider: str) -> None:
    assert isinstance(backend_of(provider, upstream), TellsBalance) == (provider in {"openrouter", "deepseek"})


@pytest.mark.parametrize("provider", SEVEN)
async def test_only_google_counts_tokens(upstream: Upstream, provider: str) -> None:
    assert isinstance(backend_of(provider, upstream), CountsTokens) == (provider == "google")


async def told(provider: str, path: str, upstream: Upstream, body: Any, status: int = 200) -> list[Balance]:
    upstream.on(path, reply(body, status=status))
    backend = backend_of(provider, upstream)
    try:
        return list(await backend.balance())
    finally:
        await backend.aclose()


async def test_openrouter_tells_the_keys_bound_and_the_days_free_requests(upstream: Upstream) -> None:
    (balance,) = await told("openrouter", "/key", upstream, OPENROUTER)
    (quota,) = balance.evidence
    assert balance.model_copy(update={"evidence": ()}) == Balance(
        name="key",
        currency="USD",
        left=Decimal("9.99999938"),
        used=Decimal("6.2E-7"),
        limit=Decimal(10),
        resets="monthly",
    )
    assert (quota.unit, quota.amount, quota.remaining, quota.window_seconds) == (Unit.REQUEST, 50, 42, 86_400.0)
    assert quota.resets_at is not None
    assert quota.resets_at % 86_400 == 0


@pytest.mark.parametrize("data", [{}, {"limit": None, "free_model_daily_requests": None}, {"limit": "?"}])
async def test_what_openrouter_does_not_tell_is_none(upstream: Upstream, data: dict[str, Any]) -> None:
    (balance,) = await told("openrouter", "/key", upstream, {"data": data})
    assert (balance.left, balance.limit, balance.evidence) == (None, None, ())


async def test_deepseek_tells_each_currency_as_it_is(upstream: Upstream) -> None:
    yuan, dollars = await told("deepseek", "/user/balance", upstream, DEEPSEEK)
    assert (yuan.currency, yuan.left, yuan.granted, yuan.usable) == ("CNY", Decimal("110.00"), Decimal("10.00"), True)
    assert (dollars.currency, str(dollars.left)) == ("USD", "0.10")


async def test_a_bad_key_is_an_auth_error(upstream: Upstream) -> None:
    with pytest.raises(AuthError):
        await told("deepseek", "/user/balance", upstream, {"error": {"type": "authentication_error"}}, 401)


async def test_what_is_no_answer_is_malformed(upstream: Upstream) -> None:
    with pytest.raises(Overloaded):
        await told("openrouter", "/key", upstream, "<html>")


async def test_the_health_probe_notices_a_bad_key_where_models_are_public(upstream: Upstream) -> None:
    upstream.on("/models", reply({"data": [{"id": "a"}]}))
    upstream.on("/key", reply({"error": {"code": 401, "message": "User not found."}}, status=401))
    settings = backend_of("openrouter", upstream).settings
    probe = plugin_of("openrouter").shunpike_health("openrouter", settings)
    with pytest.raises(AuthError):
        await probe.check()
    await probe.aclose()


def sections(upstream: Upstream, *names: str) -> dict[str, Any]:
    return {name: {"base_url": upstream.base_url, "key": KEY} for name in names}


async def test_a_client_asks_all_that_tell_and_one_failure_spoils_nothing(
    upstream: Upstream, make_client: MakeClient
) -> None:
    upstream.on("/key", reply(OPENROUTER)).on("/user/balance", reply({}, status=503))
    plugins = {name: plugin_of(name) for name in ("openrouter", "deepseek", "groq")}
    async with make_client(plugins, providers=sections(upstream, *plugins)) as client:
        found = {one.provider: one for one in await client.balances()}
        with pytest.raises(UsageError, match="groq is not one that tells"):
            await client.balances(["groq"])
        with pytest.raises(UnknownProvider):
            await client.balances(["nobody"])
    assert set(found) == {"openrouter", "deepseek"}
    assert found["openrouter"].balances[0].used == Decimal("6.2E-7")
    assert found["deepseek"].problem is not None
    assert found["deepseek"].problem.startswith("overloaded")


async def test_a_named_provider_needs_a_key(upstream: Upstream, make_client: MakeClient) -> None:
    async with make_client({"openrouter": plugin_of("openrouter")}) as client:
        assert await client.balances() == ()
        with pytest.raises(NoCredential, match="openrouter has no key"):
            await client.balances(["openrouter"])


async def test_asking_uses_no_quota(upstream: Upstream, make_client: MakeClient) -> None:
    upstream.on("/key", reply(OPENROUTER)).on("/models", reply({"data": []}))
    plugins = {"openrouter": plugin_of("openrouter")}
    async with make_client(plugins, providers=sections(upstream, "openrouter")) as client:
        await client.balances()
        await client.live_models()
        assert await client.usage(0, 4e9) == ()


async def test_gemini_counts_a_prompt_with_its_instructions(upstream: Upstream, make_client: MakeClient) -> None:
    upstream.on("/models/gemini-3.8-flash:countTokens", reply({"totalTokens": 7}), reply({"totalTokens": "?"}))
    plugins = {"google": plugin_of("google")}
    async with make_client(plugins, providers=sections(upstream, "google")) as client:
        counted = await client.count_tokens("hi", model="google/gemini-3.8-flash", system="be brief")
        assert (counted.tokens, counted.basis, counted.by) == (7, Basis.MEASURED, "google")
        with pytest.raises(Overloaded, match="no number of tokens"):
            await client.count_tokens("hi", model="google/gemini-3.8-flash")
        assert await client.usage(0, 4e9) == ()
    sent = upstream.requests[0].json["generateContentRequest"]
    assert sent["model"] == "models/gemini-3.8-flash"
    assert json.dumps(sent["systemInstruction"]) == '{"parts": [{"text": "be brief"}]}'


async def test_where_nobody_counts_the_estimate_says_that_it_is_one(
    upstream: Upstream, make_client: MakeClient
) -> None:
    plugins = {"groq": plugin_of("groq")}
    async with make_client(plugins, providers=sections(upstream, "groq")) as client:
        counted = await client.count_tokens("hi there", model="groq/auto")
    assert (counted.basis, counted.by, upstream.requests) == (Basis.ESTIMATED, "estimate", [])


def test_evidence_of_a_quota_is_evidence_like_any_other() -> None:
    assert Balance(name="x", evidence=(Evidence(unit=Unit.REQUEST, origin="GET /key"),)).evidence[0].amount is None
