from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from shunpike.config import Loaded, default_store, load
from shunpike.errors import ConfigError
from shunpike.types import (
    Budget,
    Calendar,
    Confidence,
    Held,
    Limit,
    Money,
    ProviderSettings,
    Rolling,
    Scope,
    Timeouts,
    Unit,
)

from ...trusted import trusted  # noqa: TID252 - the tests are no package


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def load_text(
    project: Path, text: str, environ: dict[str, str] | None = None, arguments: dict[str, Any] | None = None
) -> Loaded:
    trusted(project, text)
    return load(arguments, cwd=project, environ=environ or {})


def origin_of(loaded: Loaded, key: str) -> str:
    return next(one.origin for one in loaded.origins if one.key == key)


def test_without_any_file_everything_is_a_default(project: Path) -> None:
    loaded = load(cwd=project, environ={})
    assert loaded.settings.strategy == "priority"
    assert next(one.value for one in loaded.origins if one.key == "store") == default_store()
    assert loaded.files == ()
    assert {one.origin for one in loaded.origins} == {"default"}


def test_the_default_ledger_is_in_the_users_data_folder() -> None:
    folder = Path(os.environ["XDG_DATA_HOME"]) / "shunpike"
    load(environ={})
    assert not folder.exists(), "loading the settings makes nothing"
    assert default_store() == f"sqlite:{folder}/ledger.db"
    assert folder.is_dir()


def test_a_data_folder_that_can_not_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="can't be made"):
        default_store()


def test_the_users_file_is_read_below_the_projects(project: Path) -> None:
    user = Path(os.environ["XDG_CONFIG_HOME"]) / "shunpike" / "config.toml"
    user.parent.mkdir(parents=True)
    user.write_text('strategy = "users"\nmax_attempts = 3\n', encoding="utf-8")
    loaded = load_text(project, 'strategy = "projects"\n')
    assert (loaded.settings.strategy, loaded.settings.max_attempts) == ("projects", 3)
    assert origin_of(loaded, "strategy") == str(project / "shunpike.toml")
    assert origin_of(loaded, "max_attempts") == str(user)
    assert loaded.files == (project / "shunpike.toml", user)


def test_a_variable_names_another_user_file(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("max_attempts = 2\n", encoding="utf-8")
    assert load(cwd=project, environ={"SHUNPIKE_CONFIG": str(other)}).settings.max_attempts == 2


def test_a_user_file_that_is_named_must_exist(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml does not exist"):
        load(cwd=project, environ={"SHUNPIKE_CONFIG": "/nowhere.toml"})


def test_budgets_and_limits_are_written_for_people(project: Path) -> None:
    loaded = load_text(
        project,
        """
        [[budgets]]
        amount = "1.00"
        period = "day"
        zone = "Europe/Berlin"
        provider = "acme"
        [providers.acme]
        limits = [
          {unit = "request", amount = 5, per = "60s"},
          {unit = "usd", amount = "0.50", per = "month America/Los_Angeles", scope = "key"},
          {unit = "concurrent", amount = 2},
        ]
        timeouts = {connect = 5}
        options = {vendor = {nested = true}}
        """,
    )
    assert loaded.settings.budgets == (
        Budget(amount=Money.usd("1.00"), period="day", zone="Europe/Berlin", provider="acme"),
    )
    section = loaded.settings.providers["acme"]
    requests, dollars, calls = (one for one in section.limits if isinstance(one, Limit))
    assert (requests.unit, requests.amount, requests.window) == (Unit.REQUEST, 5, Rolling(seconds=60))
    assert (requests.scope, requests.confidence) == (Scope.ACCOUNT, Confidence.OPERATOR)
    assert (dollars.amount, dollars.scope) == (Money.usd("0.50").pico, Scope.KEY)
    assert dollars.window == Calendar(period="month", zone="America/Los_Angeles")
    assert calls.window == Held()
    assert section.timeouts == Timeouts(connect=5)
    assert section.options == {"vendor": {"nested": True}}


def test_variables_reach_every_setting(project: Path) -> None:
    loaded = load_text(
        project,
        "[providers.my-llm]\norder = 1\n",
        {
            "SHUNPIKE_ALLOW_PAID": "yes",
            "SHUNPIKE_ORDER": "a, b,",
            "SHUNPIKE_TIMEOUT": "12.5",
            "SHUNPIKE_STRATEGY": "",
            "SHUNPIKE_BUDGETS": '[{amount = "2", period = "month"}]',
            "SHUNPIKE_STRATEGY_OPTIONS__WEIGHT": "1.5",
            "SHUNPIKE_PROVIDERS__MY_LLM__BASE_URL": "http://127.0.0.1:9/v1/",
            "SHUNPIKE_PROVIDERS__ACME__TIMEOUTS__IDLE": "7",
            "SHUNPIKE_PROVIDERS__ACME__OPTIONS__FLAG": "on",
            "SHUNPIKE_PROVIDERS__ACME__MODELS": '["x", "y"]',
            "SHUNPIKE_SOMETHING_ELSE": "not ours",
        },
    )
    settings = loaded.settings
    assert (settings.allow_paid, settings.order, settings.timeout) == (True, ("a", "b"), 12.5)
    assert settings.strategy == "priority", "an empty variable counts as not set"
    assert settings.budgets[0].period == "month"
    assert settings.strategy_options == {"weight": 1.5}
    assert settings.providers["my-llm"].base_url == "http://127.0.0.1:9/v1"
    assert settings.providers["acme"].timeouts.idle == 7
    assert settings.providers["acme"].options == {"flag": "on"}
    assert settings.providers["acme"].models == ("x", "y")
    assert origin_of(loaded, "order") == "SHUNPIKE_ORDER"


def test_arguments_may_be_ready_records(project: Path) -> None:
    limit = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=1))
    given = {
        "providers": {"acme": ProviderSettings(order=3, limits=(limit,))},
        "budgets": (Budget(amount=Money(), period="day"),),
    }
    loaded = load_text(project, '[providers.acme]\ntier = "paid"\norder = 9\n', arguments=given)
    assert loaded.settings.providers["acme"].order == 3
    assert loaded.settings.providers["acme"].tier == "paid", "what the record leaves at its default does not count"
    assert loaded.settings.providers["acme"].limits == (limit,)
    assert origin_of(loaded, "providers.acme.order") == "argument"


def test_a_key_from_an_argument_is_masked_in_the_origins(project: Path) -> None:
    loaded = load({"providers": {"acme": {"key": "sk-argument-secret"}}}, cwd=project, environ={})
    key = loaded.settings.providers["acme"].key
    assert key is not None
    assert key.get_secret_value() == "sk-argument-secret"
    assert "sk-argument-secret" not in repr(loaded)


def test_an_amount_that_is_set_is_one_setting(project: Path) -> None:
    """`config show` named its picodollars beside it, as a setting that nobody has set."""
    shown = {one.key: one.origin for one in load(cwd=project, environ={"SHUNPIKE_MAX_COST": "0.05"}).origins}
    assert shown["max_cost"] == "SHUNPIKE_MAX_COST"
    assert not [key for key in shown if key.startswith("max_cost.")]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a = \n", 1, 5), ('\nstrategy = "x\n', 2, 14), ("x = [1,", 1, 8), ("[a]\n[a]\n", 2, 3)],
)
def test_invalid_toml_names_file_line_and_column(project: Path, text: str, line: int, column: int) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(project, text)
    assert f"shunpike.toml, line {line}, column {column}: not valid TOML" in caught.value.message
    assert caught.value.hint is not None
    assert f"line {line}" in caught.value.hint


def test_a_file_that_is_not_utf8_is_named(project: Path) -> None:
    (project / "shunpike.toml").write_bytes(b'strategy = "\xff"')
    with pytest.raises(ConfigError, match=r"shunpike\.toml: byte 12 is not UTF-8"):
        load(cwd=project, environ={})


def test_a_file_that_is_a_folder_is_named(project: Path) -> None:
    (project / "shunpike.toml").mkdir()
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        load(cwd=project, environ={})


WRONG = [
    ('ca_file = "ca.pem"', "should be a whole path"),  # the working directory may be anybody's
    ('ca_file = "~nobody-here/ca.pem"', "names no folder of a user"),
    ("ca_file = 1", "should be the path of a file"),
    ('[providers.groq]\nca_file = "../ca.pem"', "should be a whole path"),
    ("[providers.acme]\nbaseurl = 'http://h'", "no setting 'providers.acme.baseurl'. Did you mean 'base_url'?"),
    ('allow_paid = "yes"', 'allow_paid = "yes": should be true or false'),
    ("max_attempts = 0", "max_attempts = 0: should be at least 1"),
    ('max_attempts = "3"', 'max_attempts = "3": should be a whole number'),
    ('order = "acme"', 'order = "acme": should be a list'),
    ("order = [1]", "order = [1]: should be text"),
    ("timeout = -1", "timeout = -1: should be seconds above 0"),
    ('timeout = "soon"', 'timeout = "soon": should be seconds above 0, or a span such as 90s, 5m, 6h or 2d'),
    ("pace.curve = 9", "pace.curve = 9: should be at most 8"),
    ("strategy = 3", "strategy = 3: should be text"),
    ("providers = 3", "providers = 3: should be a table"),
    ("[providers.acme]\nprice = 'cheap'", "providers.acme.price = \"cheap\": should be 'list' or 'free'"),
    ("[providers.'a/b']\norder = 1", "'a/b' can't name a provider"),
    ("budgets = 1", "budgets = 1: should be a list of tables"),
    ("budgets = [1]", "should be a table such as"),
    ("[[budgets]]\namount = 1.0\nperiod = 'day'", "amount 1.0 should be dollars in quotes"),
    ("[[budgets]]\namount = 'one'\nperiod = 'day'", "amount 'one' should be dollars in quotes"),
    ("[[budgets]]\namount = '-1'\nperiod = 'day'", "amount '-1' should be dollars"),
    ("[[budgets]]\namount = '1e400'\nperiod = 'day'", "amount '1e400' should be at most a million dollars"),
    ("[[budgets]]\namount = '1000000.01'\nperiod = 'day'", "amount '1000000.01' should be at most a million"),
    ("[[budgets]]\namount = '1e999999999'\nperiod = 'day'", "should be at most a million dollars"),
    ("[[budgets]]\namount = '1'\nperiod = 'week'", "period 'week' should be one of day, month, lifetime"),
    ("[[budgets]]\namount = '1'\nperiod = 'day'\nzone = 'Mars'", "zone 'Mars' is not a time zone"),
    ("[[budgets]]\namount = '1'\nperiod = 'day'\nprovider = 1", "provider should be the name of a provider"),
    ("[[budgets]]\namount = '1'\nperoid = 'day'", "there is no 'peroid'; did you mean 'period'?"),
    ("[[budgets]]\nperiod = 'day'", "amount is missing"),
    ("[providers.acme]\nlimits = [{unit = 'request', amount = 5, per = '60x'}]", "got '60x'"),
    ("[providers.acme]\nlimits = [{unit = 'reqests', amount = 5, per = '60s'}]", "got 'reqests'"),
    ("[providers.acme]\nlimits = ['x']", "expected a table, got 'x'"),
    ("[providers.acme]\nkey_env = 'not-a-variable'", "should be the name of an environment variable"),
    ("[providers.acme]\nbase_url = 'ftp://host'", "should be an address such as https://host/v1"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_a_wrong_setting_is_named_with_its_value_its_file_and_the_next_step(
    project: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(project, text)
    assert said in caught.value.message
    assert str(project / "shunpike.toml") in caught.value.message
    if "a/b" not in text:
        assert caught.value.hint


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SHUNPIKE_ALOW_PAID", "1", "Did you mean 'allow_paid'?"),
        ("SHUNPIKE_MAX_ATTEMPTS", "many", 'max_attempts = "many": should be a whole number'),
        ("SHUNPIKE_ALLOW_PAID", "perhaps", "should be true or false"),
        ("SHUNPIKE_PROVIDERS", "acme", "is a table"),
        ("SHUNPIKE_PROVIDERS__ACME", "x", "is a table"),
        ("SHUNPIKE_PROVIDERS__ACME__BASURL", "x", "Did you mean 'base_url'?"),
        ("SHUNPIKE_BUDGETS", "lots", "budgets"),
    ],
)
def test_a_wrong_variable_is_named(project: Path, variable: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(cwd=project, environ={variable: value})
    assert said in caught.value.message
    assert variable in caught.value.message
