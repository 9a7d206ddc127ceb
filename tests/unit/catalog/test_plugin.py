"""A catalog answers the hooks for its own provider and stays silent for others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pluggy
import pytest

from shunpike import hookspecs
from shunpike.catalog import CatalogPlugin, catalog_age
from shunpike.errors import ConfigError

TEXT = """
as_of = 2026-11-22
source = "docs"
[provider]
id = "example"
title = "Example"
base_url = "https://api.example.com"
default_tier = "free"
[tiers.free]
billing = "none"
limits = [{ unit = "request", amount = 100, per = "60s", scope = "account" }]
[tiers.paid]
billing = "card"
[[models]]
id = "m"
prices = [{ prompt = "1", completion = "2" }]
limits.free = [{ unit = "request", amount = 5, per = "60s" }]
[notes]
seen = true
"""
AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def plugin() -> CatalogPlugin:
    return CatalogPlugin.of_text(TEXT, "example/provider.toml")


@pytest.fixture
def hook(plugin):
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    return manager.hook


def test_the_hooks_answer_for_the_provider(plugin, hook):
    model = plugin.models[0]

    assert hook.shunpike_providers() == [[plugin.info]]
    assert hook.shunpike_models(provider="example") == (model,)
    assert hook.shunpike_cost(provider="example", model=model, at=AT, prompt_tokens=1).prompt == 10**6
    assert plugin.extra == {"notes": {"seen": True}}


def test_the_hooks_are_silent_for_another_provider(plugin, hook):
    model = plugin.models[0]

    assert hook.shunpike_models(provider="other") is None
    assert hook.shunpike_cost(provider="other", model=model, at=AT, prompt_tokens=1) is None
    assert hook.shunpike_limits(provider="other", model=model, tier="free") is None


def test_the_limits_of_the_account_come_before_those_of_the_model(plugin, hook):
    limits = hook.shunpike_limits(provider="example", model=plugin.models[0], tier="free")

    assert [limit.amount for limit in limits] == [100, 5]


@pytest.mark.parametrize("tier", ["paid", "gold"])
def test_on_a_tier_that_does_not_have_the_model_nothing_is_known(plugin, hook, tier):
    assert hook.shunpike_limits(provider="example", model=plugin.models[0], tier=tier) is None


def test_a_file_is_read_at_the_first_question_not_before():
    plugin = CatalogPlugin.of_text("nonsense", "example/provider.toml")

    with pytest.raises(ConfigError, match=r"example/provider\.toml is not TOML"):
        _ = plugin.info


def test_the_age_is_counted_in_days(plugin):
    assert catalog_age(plugin.info, AT) == timedelta(days=1)
    assert catalog_age(plugin.info, AT - timedelta(days=30)) == timedelta(0)
