"""The commands that only look: each as a table and as one JSON object."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest

from shunpike.types import Billing, Calendar, Limit, ModelInfo, Price, PriceRow, Rolling, Unit
from shunpike_testkit.scripted import ScriptedProvider, answer

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli

DAILY = Limit(unit=Unit.REQUEST, amount=50, window=Calendar(period="day"))


def provider(name: str = "acme", **fields: object) -> ScriptedProvider:
    made = ScriptedProvider(name, answer(), limits=(DAILY,))
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def model(model_id: str, **fields: object) -> ModelInfo:
    known = {"provider": "acme", "id": model_id, "as_of": date(2026, 11, 22), "source": "s", "limits": {"only": ()}}
    return ModelInfo.model_validate({**known, **fields})


@pytest.mark.parametrize(
    "command", ["providers", "models", "plugins", "usage", "limits", "budget", "keys list", "config show"]
)
def test_json_of_a_list_is_one_object(cli: Cli, command: str) -> None:
    ran = cli(*command.split(), "--json", providers=(provider(env_key="ACME_API_KEY"),))
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    assert set(told) == {"data", "has_more"}
    assert told["has_more"] is False


@pytest.mark.parametrize(
    "command", ["providers", "models", "usage", "limits", "keys list", "config show", "ask x", "budget", "plugins"]
)
def test_errors_in_json_mode_are_json_on_stderr(cli: Cli, tmp_path: Path, command: str) -> None:
    (tmp_path / "shunpike.toml").write_text("a = ")
    ran = cli(*command.split(), "--json")
    assert (ran.code, ran.out) == (3, "")
    error = json.loads(ran.err)["error"]
    assert (error["type"], error["code"]) == ("configuration_error", "config_error")
    assert "shunpike.toml, line 1, column 5" in error["message"]
    assert error["hint"]


def test_providers_shows_the_last_four_characters_and_where_the_key_is_from(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-0123456789abcd")
    ran = cli("providers", providers=(provider(env_key="ACME_API_KEY"), provider("other", env_key="OTHER_API_KEY")))
    lines = [line.split() for line in ran.out.splitlines()]
    assert " ".join(lines[1]) == "acme - ••••abcd ACME_API_KEY only 0 50 of 50 left today ready"
    assert lines[2][-2:] == ["no", "key"]
    assert "0123456789" not in ran.out + ran.err
    assert "hint: add a key: shunpike keys set other" in ran.err


def test_models_hides_retired_ones_and_names_their_successor_on_demand(cli: Cli) -> None:
    row = PriceRow(prompt="0.10", completion="0.40")
    acme = ScriptedProvider(
        "acme",
        models=(
            model("new", context=128_000, features=frozenset({"tools", "json"}), prices=(row,)),
            model("old", status="retired", retired_on=date(2026, 1, 1), successor="new"),
            model("embed", kind="embedding"),
        ),
    )
    ran = cli("models", providers=(acme,))
    assert "acme/new    128,000  json, tools  $0.10 / $0.40" in ran.out
    assert "acme/old" not in ran.out
    assert "1 retired models are not shown" in ran.err
    assert "retired on 2026-01-01, use new" in cli("models", "--all", providers=(acme,)).out
    assert cli("models", "-p", "acne", providers=(acme,)).code == 2


def test_free_models_are_those_of_an_unbilled_tier(cli: Cli) -> None:
    zero = PriceRow(prompt="0", completion="0")
    card = ScriptedProvider("acme", billing=Billing.CARD, models=(model("paid"), model("zero", prices=(zero,))))
    told = json.loads(cli("models", "--free", "--json", providers=(card,)).out)
    assert told["data"] == [], "what an account with a card has is asked only where money is allowed"
    none = ScriptedProvider("acme", models=(model("here"), model("elsewhere", limits={})))
    told = json.loads(cli("models", "--free", "--json", providers=(none,)).out)
    assert [row["id"] for row in told["data"]] == ["here"]


def test_usage_adds_up_what_was_sent(cli: Cli) -> None:
    assert "nothing was sent" in cli("usage").err
    acme = provider(price=Price.per_million("1", "1"))
    cli("Go on", providers=(acme,))
    cli("Go on", providers=(acme,))
    ran = cli("usage", providers=(acme,))
    assert ran.out.splitlines()[1].split()[:5] == ["acme/m", "2", "2", "14", "6"]
    assert "spent in all: $0.00" in ran.err
    row = json.loads(cli("usage", "--days", "2", "--json", providers=(acme,)).out)["data"][0]
    assert (row["requests"], row["cost"], row["exact"]) == (2, "0", True)


def test_limits_shows_what_is_left(cli: Cli) -> None:
    acme = provider()
    cli("Go on", providers=(acme,))
    ran = cli("limits", providers=(acme,))
    assert "acme/m          50 requests / day (UTC)     1    49" in ran.out
    assert "no limit is in force" in cli("limits").err


def test_plugins_tells_what_each_brings(cli: Cli) -> None:
    ran = cli("plugins", providers=(provider(),))
    assert ran.code == 0
    assert any(line.split()[0] == "acme" and line.endswith("loaded") for line in ran.out.splitlines())


def test_config_show_tells_where_each_value_comes_from(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shunpike.toml").write_text('strategy = "priority"\n')
    monkeypatch.setenv("SHUNPIKE_MAX_ATTEMPTS", "3")
    lines = cli("config", "show", "--origin").out.splitlines()
    assert any(line.split() == ["strategy", "priority", str(tmp_path / "shunpike.toml")] for line in lines)
    assert any(line.split() == ["max_attempts", "3", "SHUNPIKE_MAX_ATTEMPTS"] for line in lines)
    assert any(line.split() == ["allow_paid", "false", "default"] for line in lines)
    assert "SHUNPIKE_MAX_ATTEMPTS" not in cli("config", "show").out


def test_config_show_in_json_keeps_the_types_of_the_values(cli: Cli, tmp_path: Path) -> None:
    trusted(
        tmp_path,
        'order = ["acme"]\nbudgets = [{amount = "1.50", period = "day"}]\nstore = "postgresql://me@host/books"\n',
    )
    rows = json.loads(cli("config", "show", "--json").out)["data"]
    found = {row["key"]: row["value"] for row in rows}
    assert (found["max_attempts"], found["timeout"], found["allow_paid"]) == (8, 300.0, False)
    assert (found["order"], found["providers"]) == (["acme"], {})
    assert found["budgets"] == [{"amount": "1.5", "period": "day", "zone": "UTC", "provider": None, "counts": "cost"}]
    assert found["store"] == "postgresql://me@host/books"


def test_a_choice_that_is_none_names_those_that_are(cli: Cli) -> None:
    ran = cli("usage", "--by", "moon")
    assert ran.code == 2
    assert ran.err.startswith("error: --by must be one of 'model', 'provider', 'day', 'tag', got \"moon\"\n")


def test_config_path_tells_the_files_even_when_one_is_broken(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shunpike.toml").write_text("a = ")
    told = json.loads(cli("config", "path", "--json").out)
    assert told["project"] == {"path": str(tmp_path / "shunpike.toml"), "exists": True}
    assert told["keys"]["path"] == f"{os.environ['XDG_CONFIG_HOME']}/shunpike/keys.toml"
    assert "(does not exist)" in cli("config", "path").out


@pytest.mark.parametrize("store", ["sqlite:/proc/nowhere/ledger.db", "nothing://opens/this"])
@pytest.mark.parametrize("command", [("keys", "list"), ("models",), ("models", "--json"), ("models", "--live")])
def test_what_has_nothing_to_do_with_the_books_works_without_them(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, store: str, command: tuple[str, ...]
) -> None:
    acme = ScriptedProvider("acme")
    acme.env_key = "ACME_API_KEY"
    monkeypatch.setenv("SHUNPIKE_STORE", store)
    ran = cli(*command, providers=(acme,))
    assert ran.code == 0
    assert "ledger" not in ran.err


def test_models_and_limits_take_a_provider_and_words(cli: Cli) -> None:
    limit = Limit(unit=Unit.REQUEST, amount=5, window=Rolling(seconds=60))
    acme, other = ScriptedProvider("acme", limits=(limit,)), ScriptedProvider("other", limits=(limit,))
    acme.models = (acme.model("small-7b"), acme.model("large-70b"))
    both = (acme, other)
    for command in ("models", "limits"):
        for words in (("LARGE",), ("-p", "acme", "70b"), ("acme", "large", "-p", "acme")):
            rows = cli(command, *words, providers=both).out.splitlines()[1:]
            assert [row.split()[0] for row in rows] == ["acme/large-70b"], (command, words)
        rows = cli(command, "-p", "other", providers=both).out.splitlines()[1:]
        assert [row.split()[0] for row in rows] == ["other/m"]
        wrong = cli(command, "-p", "nobody", providers=both)
        assert (wrong.code, wrong.out) == (2, "")


def test_words_for_limits_may_stand_among_options_and_look_like_one(cli: Cli) -> None:
    limit = Limit(unit=Unit.REQUEST, amount=5, window=Rolling(seconds=60))
    acme = ScriptedProvider("acme", limits=(limit,))
    told = json.loads(cli("limits", "acme", "--json", "requests", providers=(acme,)).out)
    assert [row["provider"] for row in told["data"]] == ["acme"]
    ran = cli("limits", "--", "-x", providers=(acme,))
    assert (ran.code, ran.out) == (0, "")
    assert "Usage: shunpike limits [OPTIONS] [WORD...] | COMMAND" in cli("limits", "acme", "-h").out
    assert cli("limits", "acme", "--bogus").code == 2


def test_a_price_of_zero_behind_a_card_is_not_listed_as_free(cli: Cli) -> None:
    row = PriceRow(prompt="0", completion="0")
    dear = ScriptedProvider("dear", billing=Billing.CARD)
    dear.models = (dear.model("zero").model_copy(update={"prices": (row,)}),)
    assert cli("hello", "-m", "dear/zero", providers=(dear,)).code == 3
    assert "dear/zero" in cli("models", providers=(dear,)).out
    assert "dear/zero" not in cli("models", "--free", providers=(dear,)).out


def test_providers_are_in_the_order_of_routing_and_say_what_is_kept_out(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shunpike.toml").write_text('order = ["third", "first"]\n')
    names = ("first", "dear", "third")
    three = tuple(ScriptedProvider(name, billing=Billing.CARD if name == "dear" else Billing.NONE) for name in names)
    ran = cli("providers", providers=three)
    assert [line.split()[0] for line in ran.out.splitlines()[1:]] == ["third", "first", "dear"]
    assert "dear costs money and is not asked without allow_paid and a budget" in ran.err
