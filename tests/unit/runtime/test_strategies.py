"""Strategies by their names: from a variable, a call, with options, and those that nobody has."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.builtin.strategies import OWN_STRATEGIES
from shunpike.client import Client
from shunpike.config import load
from shunpike.errors import ConfigError, UsageError
from shunpike.plugins import Host
from shunpike.runtime.names import strategy_doubts
from shunpike.runtime.strategies import Strategies
from shunpike.types import Billing, Price, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

CHEAP, DEAR = Price.per_million("0.1", "0.2"), Price.per_million("10", "20")
BUDGET = [{"amount": "5.00", "period": "day"}]


def own() -> Host:
    host = Host()
    host.register(builtin, "builtin")
    return host


def client(settings: Settings) -> Client:
    host = own()
    providers = (ScriptedProvider("dear", answer("dear"), price=DEAR, billing=Billing.CARD),)
    providers += (ScriptedProvider("cheap", answer("cheap"), price=CHEAP, billing=Billing.CARD),)
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    return Client(settings, host=host, clock=VirtualClock(), environ={})


@pytest.mark.parametrize("name", OWN_STRATEGIES)
async def test_a_variable_alone_chooses_every_strategy(name: str, tmp_path: Path) -> None:
    variables = {"SHUNPIKE_STRATEGY": name, "SHUNPIKE_STORE": "memory:", "HOME": str(tmp_path)}
    settings = load(environ=variables, cwd=tmp_path).settings
    host = own()
    host.register(ScriptedProvider("only", answer("fine")), "only")
    async with Client(settings, host=host, clock=VirtualClock(), environ={}) as opened:
        done = await opened.complete("hello")

    assert (done.text, done.decision.strategy) == ("fine", name)


async def test_a_call_may_name_another_strategy_than_the_settings() -> None:
    settings = Settings.model_validate({"store": "memory:", "allow_paid": True, "budgets": BUDGET})
    async with client(settings) as opened:
        by_order = await opened.complete("hello")
        by_cost = await opened.complete("hello", strategy="cost")

    assert (by_order.text, by_order.decision.strategy) == ("dear", "priority")
    assert (by_cost.text, by_cost.decision.strategy) == ("cheap", "cost")
    assert [one.why.startswith("about $0.00") for one in by_cost.decision.candidates] == [True, True]


def test_a_name_that_nobody_has_says_which_there_are() -> None:
    strategies = Strategies(own(), Settings())
    with pytest.raises(UsageError, match="called \"costs\". Did you mean 'cost'") as caught:
        strategies.get("costs")
    for name in OWN_STRATEGIES:
        assert name in str(caught.value.hint)


def test_a_name_in_the_settings_is_a_mistake_in_them() -> None:
    settings = Settings(strategy="cheapest")
    with pytest.raises(ConfigError, match='called "cheapest"') as caught:
        Strategies(own(), settings).get("cheapest")
    assert "there are: balanced, cost, latency" in str(caught.value.hint)
    doubt, *others = strategy_doubts(settings, own())
    assert "there are: balanced, cost, latency" in str(doubt.hint)
    assert not others


def test_options_make_a_strategy_of_their_own() -> None:
    strategies = Strategies(own(), Settings(strategy_options={"weights": {"cost": 2}}))
    settings, alias = strategies.get("balanced"), strategies.get("balanced", {"weights": {"cost": 3}})

    assert settings is strategies.get("balanced")
    assert alias is strategies.get("balanced", {"weights": {"cost": 3}}) is not settings


def test_options_that_can_not_be_are_told_by_name() -> None:
    with pytest.raises(ConfigError, match=r"strategy_options\.weights\.cost: expected a number from 0 up, got -2"):
        Strategies(own(), Settings(strategy_options={"weights": {"cost": -2}})).get("balanced")


def test_weights_may_stand_in_variables(tmp_path: Path) -> None:
    variables = {"SHUNPIKE_STRATEGY_OPTIONS__WEIGHTS__COST": "2.5", "HOME": str(tmp_path)}
    settings = load(environ=variables, cwd=tmp_path).settings

    assert settings.strategy_options == {"weights": {"cost": 2.5}}
    assert Strategies(own(), settings).get("balanced").name == "balanced"
