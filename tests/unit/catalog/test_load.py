"""A provider's file is read whole, or refused with the place and what was expected there."""

from __future__ import annotations

from datetime import date

import pytest

from shunpike.catalog import load_catalog
from shunpike.errors import ConfigError
from shunpike.types import Billing, Calendar, Confidence, Held, Lifetime, Rolling, Scope, Unit
from shunpike.types.base import epoch

GOOD = """
as_of = 2026-11-22
source = "docs.example.com"

[provider]
id = "example"
title = "Example"
env_key = "EXAMPLE_API_KEY"
base_url = "https://api.example.com/v1"
order = 15
default_tier = "free"

[tiers.free]
billing = "none"
limits = [{ unit = "request", amount = 100, per = "60s", scope = "account" }]

[tiers.trial]
billing = "credit"
credit_usd = "1.00"

[tiers.paid]
billing = "card"

[limit_sets]
small = [{ unit = "request", amount = 5, per = "60s" }]

[limit_sets.big]
confidence = "reported"
source = "a blog"
as_of = 2026-01-02
limits = [{ unit = "request", amount = 20, per = "day America/Los_Angeles" }]

[[models]]
id = "small-1"
aliases = ["small"]
context = 1000
features = ["tools", "json"]
prices = [{ prompt = "0.10", completion = "0.20", effective_until = 2026-12-31 }]
limits.free = "small"
limits.trial = "big"
limits.paid = []
as_of = 2026-11-01
source = "a page"

[[models]]
id = "small-0"
status = "retired"
retired_on = 2026-05-01
successor = "small"

[dialect]
max_tokens_name = "max_tokens"
"""


def test_a_file_becomes_provider_models_and_the_rest():
    catalog = load_catalog(GOOD, "provider.toml")

    assert catalog.info.id == "example"
    assert [tier.name for tier in catalog.info.tiers] == ["free", "trial", "paid"]
    assert catalog.info.tier("trial").billing is Billing.CREDIT
    assert catalog.info.as_of == date(2026, 11, 22)
    assert [model.id for model in catalog.models] == ["small-1", "small-0"]
    assert catalog.extra == {"dialect": {"max_tokens_name": "max_tokens"}}


def test_a_model_is_offered_on_the_tiers_it_lists_and_no_other():
    small, old = load_catalog(GOOD, "provider.toml").models

    assert set(small.limits) == {"free", "trial", "paid"}
    assert small.limits["paid"] == ()
    assert old.limits == {}


def test_a_row_keeps_its_own_provenance_and_inherits_what_it_does_not_state():
    small, old = load_catalog(GOOD, "provider.toml").models

    assert (small.as_of, small.source, small.prices[0].source) == (date(2026, 11, 1), "a page", "a page")
    assert (old.as_of, old.source) == (date(2026, 11, 22), "docs.example.com")


def test_a_limit_takes_its_provenance_from_its_set_else_from_its_row():
    small = load_catalog(GOOD, "provider.toml").models[0]

    inherited, own = small.limits["free"][0], small.limits["trial"][0]
    assert (inherited.source, inherited.observed_at, inherited.confidence) == (
        "a page",
        epoch("2026-11-01"),
        Confidence.PUBLISHED,
    )
    assert (own.source, own.observed_at, own.confidence) == ("a blog", epoch("2026-01-02"), Confidence.REPORTED)


@pytest.mark.parametrize(
    ("row", "unit", "amount", "window"),
    [
        ('{ unit = "request", amount = 5, per = "60s" }', Unit.REQUEST, 5, Rolling(seconds=60)),
        ('{ unit = "request", amount = 5, per = "0.5s" }', Unit.REQUEST, 5, Rolling(seconds=0.5)),
        (
            '{ unit = "total_token", amount = 9, per = "day UTC" }',
            Unit.TOTAL_TOKEN,
            9,
            Calendar(period="day", zone="UTC"),
        ),
        (
            '{ unit = "usd", amount = "1.50", per = "month Europe/Berlin" }',
            Unit.USD,
            1_500_000_000_000,
            Calendar(period="month", zone="Europe/Berlin"),
        ),
        ('{ unit = "usd", amount = "5", per = "lifetime" }', Unit.USD, 5 * 10**12, Lifetime()),
        ('{ unit = "concurrent", amount = 8 }', Unit.CONCURRENT, 8, Held()),
    ],
)
def test_windows_are_written_as_text(row, unit, amount, window):
    text = GOOD.replace('limits.free = "small"', f"limits.free = [{row}]")

    limit = load_catalog(text, "provider.toml").models[0].limits["free"][0]

    assert (limit.unit, limit.amount, limit.window, limit.scope) == (unit, amount, window, Scope.MODEL)


def test_a_pool_is_named():
    row = '[{ unit = "request", amount = 5, per = "60s", scope = "pool", pool = "all-small" }]'
    limit = load_catalog(GOOD.replace('"small"\nlimits.trial', f"{row}\nlimits.trial"), "f").models[0].limits["free"][0]

    assert (limit.scope, limit.pool) == (Scope.POOL, "all-small")


MISTAKES = [
    ('title = "Example"', 'titel = "Example"', r"\[provider\].*'titel' is not known; did you mean 'title'\?"),
    ('title = "Example"', "", r"\[provider\] key 'title' is missing"),
    ('id = "example"', 'id = "Exämple"', r"\[provider\] key 'id'.*Exämple"),
    ("order = 15", 'order = "15"', r"\[provider\] key 'order': should be a whole number, got '15'"),
    ('default_tier = "free"', 'default_tier = "gratis"', r"'default_tier': 'gratis' is not in \[tiers\].*free"),
    ('billing = "none"', 'billing = "nothing"', r"\[tiers.free\] key 'billing'.*'none', 'credit' or 'card'"),
    ('credit_usd = "1.00"', "", r"\[tiers.trial\] key 'credit_usd' goes together with billing"),
    ('credit_usd = "1.00"', 'credit_usd = "one"', r"\[tiers.trial\] key 'credit_usd': expected dollars"),
    ("as_of = 2026-11-22\n", "", r"key 'as_of' is missing"),
    ("[provider]", "[provder]", r"key 'provder' is not known; did you mean 'provider'\?"),
    ("[[models]]", "[[model]]", r"key 'model' is not known; did you mean 'models'\?"),
    ("[dialect]", "surprise = 1", r"provider.toml: \[models.small-0\] key 'surprise' is not known"),
    ("context = 1000", "contxt = 1000", r"\[models.small-1\] key 'contxt' is not known; did you mean 'context'\?"),
    ("context = 1000", 'context = "1000"', r"\[models.small-1\] key 'context'"),
    ("context = 1000", "context = 0", r"\[models.small-1\] key 'context'.*should be at least 1, got 0"),
    ('["tools", "json"]', '["tool"]', r"\[models.small-1\] key 'features.*'tools'"),
    ('status = "retired"', 'status = "gone"', r"\[models.small-0\] key 'status'"),
    ('status = "retired"', 'status = "active"', r"\[models.small-0\] key 'retired_on' is for status deprecated or"),
    ('successor = "small"', 'successor = "large"', r"\[models.small-0\] key 'successor': there is no model 'large'"),
    ('id = "small-0"', 'id = "small"', r"\[models.small\] the name 'small' is already taken by model 'small-1'"),
    ('prompt = "0.10"', 'promt = "0.10"', r"\[models.small-1.prices.0\].*'promt' is not known; did you mean 'prompt'"),
    ('prompt = "0.10"', "prompt = 0.10", r"\[models.small-1.prices.0\] key 'prompt'.*should be text, got 0.1"),
    ('prompt = "0.10"', 'prompt = "-1"', r"\[models.small-1.prices.0\] key 'prompt': expected dollars.*'-1'"),
    ('prompt = "0.10"', 'prompt = "NaN"', r"\[models.small-1.prices.0\] key 'prompt': expected dollars.*'NaN'"),
    ('prompt = "0.10"', 'prompt = "ten"', r"\[models.small-1.prices.0\] key 'prompt': expected dollars.*'ten'"),
    ("effective_until", "effective_from = 2027-01-01, effective_until", r"2026-12-31 is before effective_from 2027-01"),
    ("effective_until", "hours_utc = [[22, 2]], effective_until", r"'hours_utc'.*start < end.*got \[22, 2\]"),
    ("effective_until", "weekdays = [7], effective_until", r"'weekdays': expected 0 \(Monday\) to 6, got \[7\]"),
    ('limits.free = "small"', 'limits.fre = "small"', r"\[models.small-1.limits\] key 'fre'.*did you mean 'free'"),
    ('limits.free = "small"', 'limits.free = "smal"', r"\[models.small-1.limits.free\] there is no limit set 'smal'"),
    ('limits.free = "small"', "limits.free = 5", r"\[models.small-1.limits.free\] expected the name of a limit set or"),
    ('amount = 5, per = "60s"', 'amout = 5, per = "60s"', r"\[limit_sets.small.0\].*did you mean 'amount'"),
    ('amount = 5, per = "60s"', 'amount = -5, per = "60s"', r"\[limit_sets.small.0\] key 'amount': expected a whole"),
    ('amount = 5, per = "60s"', 'amount = "5", per = "60s"', r"\[limit_sets.small.0\] key 'amount': expected a whole"),
    ('amount = 5, per = "60s"', "amount = 5", r"\[limit_sets.small.0\] key 'per' is missing; expected seconds"),
    ('amount = 5, per = "60s"', 'amount = 5, per = "1m"', r"\[limit_sets.small.0\] key 'per': expected.*got '1m'"),
    ('amount = 5, per = "60s"', 'amount = 5, per = "0s"', r"\[limit_sets.small.0\] key 'per': expected.*got '0s'"),
    ("America/Los_Angeles", "America/Los_Angles", r"'America/Los_Angles' is not a time zone; expected an IANA name"),
    ('per = "60s" }]', 'per = "60s", scope = "pool" }]', r"\[limit_sets.small.0\] key 'pool' goes together with scope"),
    ('unit = "request", amount = 20', 'unit = "concurrent", amount = 20', r"\[limit_sets.big.0\].*no window, got 'day"),
    (
        'unit = "request", amount = 20',
        'unit = "usd", amount = 20',
        r"\[limit_sets.big.0\] key 'amount': expected dollars",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES, ids=[wrong or right for right, wrong, _ in MISTAKES])
def test_a_mistake_is_refused_with_file_table_key_and_what_was_expected(right, wrong, message):
    assert right in GOOD

    with pytest.raises(ConfigError, match=message) as caught:
        load_catalog(GOOD.replace(right, wrong, 1), "example/provider.toml")

    assert caught.value.message.startswith("example/provider.toml: ") or "provider.toml: [" in message


def test_what_is_not_toml_is_refused_with_the_line():
    with pytest.raises(ConfigError, match=r"provider.toml is not TOML: .*line 1"):
        load_catalog("as_of = !", "provider.toml")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('models = "all"', "'models': expected an array of tables"),
        ("models = [3]", "expected a table, got 3"),
        ('tiers = "free"', "'tiers': expected a table"),
    ],
)
def test_a_value_where_a_table_belongs_is_refused(line, message):
    head = 'as_of = 2026-11-22\nsource = "x"\n'
    tables = '[provider]\nid = "e"\ntitle = "E"\nbase_url = "https://e.example"\ndefault_tier = "free"\n'
    tiers = "" if line.startswith("tiers") else '[tiers.free]\nbilling = "none"\n'

    with pytest.raises(ConfigError, match=message):
        load_catalog(f"{head}{line}\n{tables}{tiers}", "provider.toml")
