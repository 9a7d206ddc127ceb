"""What holds of every provider's catalog, whatever its figures."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files

import pytest

from shunpike.catalog import CatalogPlugin, find, price_at, successor_of
from shunpike.types import Billing, Confidence, ModelInfo, ProviderSettings

ORDER = ["google", "together", "openrouter", "groq", "hyperbolic", "openai", "deepseek"]
NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)


def plugin_of(provider: str) -> CatalogPlugin:
    return import_module(f"shunpike_{provider}").plugin


@pytest.fixture(params=ORDER)
def plugin(request: pytest.FixtureRequest) -> CatalogPlugin:
    return plugin_of(request.param)


def offered(plugin: CatalogPlugin) -> list[ModelInfo]:
    return [model for model in plugin.models if model.limits]


def test_the_entry_point_is_the_plugin(plugin):
    (point,) = entry_points(group="shunpike", name=plugin.info.id)

    assert point.load() is plugin


def test_the_file_is_inside_the_package_and_typed(plugin):
    package = files(f"shunpike_{plugin.info.id}")

    assert package.joinpath("provider.toml").is_file()
    assert package.joinpath("py.typed").is_file()


def test_the_fall_over_order_is_the_order_of_the_seven():
    infos = [plugin_of(provider).info for provider in ORDER]

    assert [info.id for info in sorted(infos, key=lambda info: info.order)] == ORDER
    assert len({info.env_key for info in infos}) == len(infos)


def test_every_figure_has_a_day_and_a_source(plugin):
    for model in plugin.models:
        assert model.source, model.id
        assert date(2024, 1, 1) < model.as_of <= plugin.info.as_of, model.id
        for limit in (limit for limits in model.limits.values() for limit in limits):
            assert limit.source, model.id
            assert date.fromisoformat(limit.seen_on) <= plugin.info.as_of


def test_every_published_price_can_be_asked_for_at_any_size_and_hour(plugin):
    for model in plugin.models:
        for hours in range(0, 24 * 8, 3):
            for prompt in (0, 250_000, 10**6):
                price = price_at(model, NOW + timedelta(hours=hours), prompt)
                in_force = any(row.effective_until is None for row in model.prices)
                assert price is not None or not in_force, (model.id, hours)


def test_a_model_on_a_tier_that_can_be_billed_has_a_price_today(plugin):
    unknown = {"Qwen/Qwen3-Coder-480B-A35B-Instruct"}
    for model in offered(plugin):
        billed = [tier for tier in model.limits if plugin.info.tier(tier).billing is not Billing.NONE]
        if billed and model.id not in unknown:
            assert price_at(model, NOW, 1000) is not None, model.id


def test_a_model_on_an_unbilled_tier_has_a_limit_there(plugin):
    for model in offered(plugin):
        for tier in model.limits:
            if plugin.info.tier(tier).billing is Billing.NONE:
                assert plugin.shunpike_limits(plugin.info.id, model, tier), model.id


def test_a_retired_model_is_offered_nowhere_and_its_successor_answers(plugin):
    for model in plugin.models:
        if model.status == "retired":
            assert not model.limits, model.id
        if model.successor:
            assert successor_of(plugin.models, model).status in ("active", "deprecated"), model.id


def test_a_day_of_retirement_agrees_with_the_status(plugin):
    for model in plugin.models:
        if model.retired_on:
            assert (model.retired_on <= plugin.info.as_of) == (model.status == "retired"), model.id
        assert model.status != "deprecated" or model.retired_on, model.id


def test_every_chat_model_on_offer_tells_its_context(plugin):
    unknown = {"Qwen/Qwen3-Coder-480B-A35B-Instruct", "meta-llama/Meta-Llama-3.1-405B-Instruct-Turbo"}
    for model in offered(plugin):
        assert model.context or model.id in unknown, model.id


def test_whoever_takes_a_schema_takes_plain_json(plugin):
    for model in plugin.models:
        assert "json" in model.features or "json_schema" not in model.features, model.id


def test_a_backend_can_be_made_and_never_shows_its_key(plugin):
    settings = ProviderSettings.model_validate({"key": "sk-very-secret-1234567890"})

    backend = plugin.shunpike_completion(plugin.info.id, settings)

    assert "very-secret" not in repr(backend) + repr(vars(backend)) + repr(settings)
    assert plugin.shunpike_completion("another", settings) is None
    assert plugin.shunpike_health("another", settings) is None


def test_what_the_free_first_order_rests_on():
    google, openrouter = plugin_of("google"), plugin_of("openrouter")

    flash = {limit.text for limit in find(google.models, "gemini-3.8-flash").limits["free"]}
    assert flash == {
        "5 requests / 60 s",
        "20 requests / day (America/Los_Angeles)",
        "250,000 input tokens / 60 s",
    }
    pools = {
        limit.pool
        for model in openrouter.models
        for limit in model.limits.get("free", ())
        if limit.confidence is Confidence.PUBLISHED
    }
    assert pools == {"free-models"}
    assert all(price_at(model, NOW, 1).is_zero for model in openrouter.models if "free" in model.limits)


def test_a_promotion_that_ends_is_not_believed_longer():
    argon = find(plugin_of("google").models, "gemini-4-argon")

    assert price_at(argon, datetime(2026, 11, 30, 23, tzinfo=UTC), 1).prompt == 2 * 10**6
    assert price_at(argon, datetime(2026, 12, 1, tzinfo=UTC), 1).prompt == 4 * 10**6


def test_a_model_that_google_answers_with_another_one_has_no_price_from_then_on():
    flash = find(plugin_of("google").models, "gemini-2.5-flash")

    assert price_at(flash, datetime(2026, 12, 1, tzinfo=UTC), 1) is None


def test_a_peak_is_the_dearer_half_of_a_working_day():
    flash = find(plugin_of("deepseek").models, "deepseek-flash")

    assert price_at(flash, datetime(2026, 11, 23, 6, tzinfo=UTC), 1).completion == 1_200_000
    assert price_at(flash, datetime(2026, 11, 22, 6, tzinfo=UTC), 1).completion == 600_000
