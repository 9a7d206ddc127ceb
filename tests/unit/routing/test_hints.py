"""The hint of an error fits what stood in the way, for the request that failed and for those that it keeps away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.config import KeyStore
from shunpike.errors import AuthError, CreditsExhausted, Exhausted, NotHere, Overloaded, RateLimited, RequestError
from shunpike.plugins import Host
from shunpike.routing.hints import hint_for
from shunpike.types import (
    Billing,
    Blocking,
    Candidate,
    Cause,
    DeniedBy,
    Limit,
    Owner,
    Price,
    Rolling,
    Settings,
    Unit,
    Verdict,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider

START = 1_795_300_000.0
KEY = "check the variable ACME_API_KEY   ·   or store another key: shunpike keys set acme"
MINUTE = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=60))


def client(*providers: ScriptedProvider, environ: dict[str, str] | None = None, **settings: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for provider in providers:
        host.register(provider, provider.name)
    made = Settings.model_validate({"store": "memory:", "wait": False, **settings})
    return Client(made, host=host, clock=VirtualClock(START), environ=environ or {})


async def failed(opened: Client) -> Exhausted:
    with pytest.raises(Exhausted) as caught:
        await opened.complete("hello", max_tokens=20)
    return caught.value


@pytest.mark.parametrize(
    ("error", "first", "second"),
    [
        (AuthError("refused", provider="acme", status=401, hint=KEY), KEY, KEY),
        (CreditsExhausted("empty", provider="acme", status=402), "add credit at acme", "add credit at acme"),
        (NotHere("no such model", provider="acme", status=404), "shunpike models --live -p acme", "--live -p acme"),
        (
            NotHere("not yours", provider="acme", status=403, kind="tier"),
            "the account at acme may not use it",
            "may not",
        ),
        (Overloaded("down", provider="acme", status=500), "shunpike doctor --online", "shunpike doctor --online"),
        (Overloaded("none", provider="acme", kind="connection"), "is this machine online", "is this machine online"),
        (Overloaded("late", provider="acme", kind="timeout"), "--timeout 10m", "--timeout 10m"),
    ],
    ids=lambda one: getattr(one, "kind", ""),
)
async def test_a_request_that_is_kept_away_has_the_hint_of_the_one_that_failed(
    error: Exception, first: str, second: str
) -> None:
    async with client(ScriptedProvider("acme", error)) as opened:
        assert first in str((await failed(opened)).hint)
        assert second in str((await failed(opened)).hint)


async def test_a_budget_that_is_too_small_is_to_be_raised() -> None:
    dear = ScriptedProvider("acme", billing=Billing.CARD, price=Price.per_million("1", "2"))
    async with client(dear, allow_paid=True, budgets=[{"amount": {"pico": 1}, "period": "day"}]) as opened:
        hint = (await failed(opened)).hint
    assert str(hint).startswith("raise the budget (where it stands: shunpike config show --origin), lower max_tokens")


@pytest.mark.parametrize(
    ("blocked", "hint"),
    [
        ({"cause": Cause.QUOTA, "retry_at": START + 60}, "ask whoever runs this to allow you more"),
        ({"cause": Cause.TOO_LARGE}, "lower max_tokens or shorten the prompt   ·   or ask whoever runs this"),
    ],
)
def test_who_asks_is_not_told_to_change_settings_against_a_bound_of_its_own(blocked: dict[str, Any], hint: str) -> None:
    evidence = Blocking(limit=MINUTE, owner=Owner.PRINCIPAL)
    one = Candidate(provider="acme", model="m", verdict=Verdict.DENIED, evidence=evidence, **blocked)
    assert hint_for([one], [], "the budget").startswith(hint)


def test_what_the_model_lacks_comes_before_what_is_switched_off_and_after_what_may_cost() -> None:
    blind = Candidate(provider="acme", model="m", verdict=Verdict.DROPPED, cause=Cause.UNABLE)
    off = Candidate(provider="b", model="*", verdict=Verdict.DROPPED, cause=Cause.OFF)
    dear = Candidate(provider="c", model="m", verdict=Verdict.DROPPED, cause=Cause.POLICY, by=DeniedBy.POLICY)
    assert hint_for([off, blind], []).startswith("ask another model")
    assert hint_for([dear, blind], []).startswith("add a free provider")


async def test_refusals_that_open_in_the_same_second_are_one_line() -> None:
    steps = [RateLimited("slow down", provider="acme", status=429) for _ in range(4)]
    for place, step in enumerate(steps):
        step.retry_at = START + 40.1 + place / 10
    acme = ScriptedProvider("acme", *steps)
    acme.models = tuple(acme.model(f"m{number}") for number in range(4))
    async with client(acme) as opened:
        lines = (await failed(opened)).message.splitlines()
    assert len(lines) == 2
    assert lines[1].strip().startswith("acme (4 models)   429 rate_limited: slow down   free again ")


async def test_what_failed_in_this_request_is_told_though_a_limit_keeps_it_from_being_asked_again() -> None:
    acme = ScriptedProvider("acme", Overloaded("no JSON", provider="acme", kind="malformed"), limits=[MINUTE])
    async with client(acme, wait=True, timeout=20.0) as opened:
        error = await failed(opened)
    assert "malformed: no JSON" in error.message
    assert error.retry_at is None


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_request_that_was_refused_is_said_to_have_been_asked_nowhere_else(streamed: bool) -> None:
    async with client(ScriptedProvider("acme", RequestError("no such field", provider="acme", status=400))) as opened:
        with pytest.raises(RequestError) as caught:
            if streamed:
                async with opened.stream("hello") as stream:
                    await anext(stream)
            else:
                await opened.complete("hello")
    assert "nobody else was asked" in str(caught.value.hint)


async def test_a_provider_that_is_switched_off_is_to_be_switched_on() -> None:
    async with client(ScriptedProvider("acme"), providers={"acme": {"enabled": False}}) as opened:
        error = await failed(opened)
    assert (
        error.hint
        == "switch it on (where it stands: shunpike config show --origin): enabled = true in [providers.acme]"
    )


def test_what_an_operator_disabled_is_told_of_before_what_a_file_switches_off() -> None:
    """Who wrote the file meant it; who asks now misses what was there until today."""
    off, disabled = (
        Candidate(provider=name, model="*", verdict=Verdict.DROPPED, cause=cause)
        for name, cause in (("acme", Cause.OFF), ("home", Cause.DISABLED))
    )
    assert hint_for([off, disabled], []).startswith("switch it on by the command above")


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        ("variable", "put another key into the variable ACME_API_KEY, which wins over a stored one"),
        ("store", "store another key: shunpike keys set acme"),
        ("settings", "replace the key that the settings give: providers.acme.key"),
    ],
)
async def test_a_refused_key_is_to_be_replaced_where_it_came_from_in_every_process(
    tmp_path: Path, origin: str, hint: str
) -> None:
    """Another stored key changed nothing while the variable held one, and the variable was not set at all."""
    store = f"sqlite:{tmp_path / 'ledger.db'}"
    acme = ScriptedProvider("acme", AuthError("refused", provider="acme", status=401, hint=KEY))
    acme.env_key = "ACME_API_KEY"
    if origin == "store":
        KeyStore().set("acme", "sk-0123456789")
    environ = {"ACME_API_KEY": "sk-0123456789"} if origin == "variable" else {}
    given = {"providers": {"acme": {"key": "sk-0123456789"}}} if origin == "settings" else {}
    for _ in range(2):
        async with client(acme, store=store, environ=environ, **given) as opened:
            assert (await failed(opened)).hint == hint
    assert len(acme.backend.calls) == 1


@pytest.mark.parametrize("origin", ["variable", "store", "settings"])
async def test_a_refused_key_of_a_section_is_to_be_replaced_under_its_own_names(origin: str) -> None:
    """A section that named its variable was told to store a key under the name of its server, which nobody can."""
    unfit = "check the variable MY_KEY   ·   or store another key: shunpike keys set 127.0.0.1:8080"
    acme = ScriptedProvider("acme", AuthError("refused", provider="127.0.0.1:8080", status=401, hint=unfit))
    section = {"key_env": "MY_KEY"} | ({"key": "sk-0123456789"} if origin == "settings" else {})
    if origin == "store":
        KeyStore().set("acme", "sk-0123456789")
    environ = {"MY_KEY": "sk-0123456789"} if origin == "variable" else {}
    async with client(acme, environ=environ, providers={"acme": section}) as opened:
        assert (await failed(opened)).hint == {
            "variable": "put another key into the variable MY_KEY, which wins over a stored one",
            "store": "store another key: shunpike keys set acme",
            "settings": "replace the key that the settings give: providers.acme.key",
        }[origin]


async def test_who_trains_on_prompts_is_not_to_be_paid() -> None:
    """Where `no_training` left everybody out, the hint was to pay: also of whoever pays already."""
    acme = ScriptedProvider("acme", billing=Billing.CARD, price=Price.per_million("1", "1"))
    budget = [{"amount": {"pico": 10**12}, "period": "day"}]
    async with client(acme, no_training=True, allow_paid=True, budgets=budget) as opened:
        hint = str((await failed(opened)).hint)
    assert hint.startswith("leave no_training out, or where you know better")
    assert hint.endswith("trains_on_prompts = false in [providers.acme]")


async def test_a_price_that_nobody_knows_is_not_got_by_allowing_money() -> None:
    acme = ScriptedProvider("acme", billing=Billing.CARD)
    budget = [{"amount": {"pico": 10**12}, "period": "day"}]
    async with client(acme, allow_paid=True, budgets=budget) as opened:
        hint = str((await failed(opened)).hint)
    assert hint.startswith("ask a model that has a price: shunpike models")
    assert "allow_paid" not in hint
