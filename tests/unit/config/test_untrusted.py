"""A project's file came with a folder: what it may say without trust."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike import Client, ConfigWarning
from shunpike.config import Loaded, load
from shunpike.config.places import trust_folder
from shunpike.types import Budget, Cap, Money, Pace, ProviderSettings, Settings

from ...trusted import trusted  # noqa: TID252 - the tests are no package

HOSTILE = """
strategy_options = { token = "any" }
allow_paid = true
budgets = [{ amount = "1000.00", period = "day" }]
store = "postgresql://thief.example/books"
disabled_plugins = ["audit"]
max_attempts = 1000000
timeout = 86400
pace.smooth = true
order = ["thief", "groq"]
[providers.groq]
base_url = "https://thief.example/v1"
headers = { x-steal = "yes" }
options = { extra = 1 }
key_env = "AWS_SECRET_ACCESS_KEY"
tier = "paid"
account = "another"
limits = [{ unit = "request", amount = 1000000, per = "60s", overrides = true }]
[providers.thief]
plugin = "openai"
base_url = "https://thief.example/v1"
price = "free"
order = 1
"""
IGNORED = [
    "strategy_options.token",
    "allow_paid",
    "budgets",
    "store",
    "disabled_plugins",
    "max_attempts",
    "timeout",
    "providers.groq.base_url",
    "providers.groq.headers.x-steal",
    "providers.groq.options.extra",
    "providers.groq.key_env",
    "providers.groq.tier",
    "providers.groq.account",
    "providers.groq.limits",
    "providers.thief.plugin",
    "providers.thief.base_url",
    "providers.thief.price",
    "providers.thief.order",
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def load_with(project: Path, text: str, user: str = "", environ: dict[str, str] | None = None) -> Loaded:
    (project / "shunpike.toml").write_text(text, encoding="utf-8")
    own = project.parent / "own.toml"
    own.write_text(user, encoding="utf-8")
    return load(cwd=project, environ={"SHUNPIKE_CONFIG": str(own), **(environ or {})})


def ignored(loaded: Loaded) -> list[str]:
    return [] if loaded.ignored is None else [one.key for one in loaded.ignored.settings]


def test_what_costs_redirects_or_loosens_is_ignored_and_named_once(project: Path) -> None:
    with pytest.warns(ConfigWarning) as caught:
        loaded = load_with(project, HOSTILE)
    again = load_with(project, HOSTILE)  # a second warning would be an error
    assert len(caught) == 1
    told = str(caught[0].message)
    assert sorted(ignored(loaded)) == sorted(ignored(again)) == sorted(IGNORED)
    assert str(project / "shunpike.toml") in told
    assert f"shunpike trust {project}" in told
    assert all(name in told for name in IGNORED)
    assert "thief.example" not in told, "no value is repeated"
    expected = Settings(order=("groq",), pace=Pace(smooth=True))
    assert loaded.settings == expected, "a section that nobody stands behind is none"


def test_a_trusted_file_says_all_of_it(project: Path) -> None:
    trusted(project, HOSTILE)
    loaded = load(cwd=project, environ={})
    assert loaded.ignored is None
    assert loaded.settings.providers["thief"].base_url == "https://thief.example/v1"
    assert loaded.settings.allow_paid


@pytest.mark.parametrize(
    "text",
    [
        'strategy = "priority"',
        'order = ["groq", "google"]',
        "allow_paid = false",
        "timeout = 1800",
        "wait = false",
        "min_output = 64",
        "max_attempts = 8",
        "attempt_share = 0.5",
        "pace.smooth = true",
        'pace.interactive_share = "20%"',
        'token_estimate = "worst_case"',
        "[providers.groq.pace]\nsmooth = true",
        "[providers.groq]\nenabled = false",
        "[providers.groq]\norder = 1",
        '[providers.groq]\nmodels = ["a"]',
        "[providers.groq]\ntimeouts = { idle = 90.0 }",
        '[providers.groq]\nlimits = [{ amount = "80%" }, { unit = "request", amount = 5, per = "day UTC" }]',
        "[providers.groq]",
    ],
)
def test_what_does_no_harm_holds_without_trust_and_without_a_word(project: Path, text: str) -> None:
    assert load_with(project, text).ignored is None


LOOSER = [
    ("allow_paid = false", "allow_paid = true", "allow_paid"),
    ('budgets = [{amount = "1", period = "day"}]', 'budgets = [{amount = "2", period = "day"}]', "budgets"),
    ('budgets = [{amount = "1", period = "day"}]', "budgets = []", "budgets"),
    ('budgets = [{amount = "1", period = "day"}]', 'budgets = [{amount = "1", period = "month"}]', "budgets"),
    ("", 'budgets = [{amount = "0.01", period = "day"}]', "budgets"),
    (
        'budgets = [{amount = "1", period = "day"}, {amount = "5", period = "day"}]',
        'budgets = [{amount = "4", period = "day"}]',
        "budgets",
    ),
    ("max_attempts = 2", "max_attempts = 3", "max_attempts"),
    ("timeout = 20", "timeout = 21", "timeout"),
    ("wait = false", "wait = true", "wait"),
    ("min_output = 256", "min_output = 4096", "min_output"),
    ("attempt_share = 0.2", "attempt_share = 1.0", "attempt_share"),
    ("pace.smooth = true", "pace.smooth = false", "pace.smooth"),
    ("pace.smooth = true", "[providers.groq.pace]\nsmooth = false", "providers.groq.pace.smooth"),
    ('pace.interactive_share = "30%"', 'pace.interactive_share = "20%"', "pace.interactive_share"),
    ("pace.curve = 1.5", "pace.curve = 2.0", "pace.curve"),
    ("", 'token_estimate = "learned"', "token_estimate"),
    ('strategy = "my-guard"', 'strategy = "priority"', "strategy"),
    ("", 'strategy = "somebodys"', "strategy"),
    ("allow_paid = true", 'strategy = "latency"', "strategy"),  # it could lead from what is cheap to what is dear
    ('disabled_plugins = ["acme"]', "disabled_plugins = []", "disabled_plugins"),
    ("[providers.groq]\nenabled = false", "[providers.groq]\nenabled = true", "providers.groq.enabled"),
    ('[providers.groq]\nmodels = ["a"]', '[providers.groq]\nmodels = ["b"]', "providers.groq.models"),
    ('[providers.groq]\nmodels = ["a"]', "[providers.groq]\nmodels = []", "providers.groq.models"),
    (
        '[providers.groq]\nlimits = [{ unit = "request", amount = 5, per = "60s" }]',
        '[providers.groq]\nlimits = [{ unit = "request", amount = 9, per = "60s" }]',
        "providers.groq.limits",
    ),
    ("", '[providers.groq]\nlimits = [{ unit = "usd", amount = "5", per = "lifetime" }]', "providers.groq.limits"),
    ("", '[providers.groq]\nprice = "free"', "providers.groq.price"),
    ("", "[providers.groq]\ntimeouts = { total = 86400.0 }", "providers.groq.timeouts.total"),
    (
        "[providers.groq]\ntimeouts = { idle = 5.0 }",
        "[providers.groq]\ntimeouts = { idle = 6.0 }",
        "providers.groq.timeouts.idle",
    ),
]


@pytest.mark.parametrize(("user", "text", "name"), LOOSER, ids=[f"{name} {n}" for n, (_, _, name) in enumerate(LOOSER)])
def test_what_the_user_has_said_is_never_loosened(project: Path, user: str, text: str, name: str) -> None:
    with pytest.warns(ConfigWarning, match="is not trusted"):
        loaded = load_with(project, text, user)
    assert ignored(loaded) == [name]
    assert loaded.settings == load_with(project, "", user).settings


def test_what_the_user_has_said_may_be_tightened(project: Path) -> None:
    user = 'allow_paid = true\nbudgets = [{amount = "5", period = "day"}]'
    text = 'allow_paid = false\nbudgets = [{amount = "0.10", period = "day"}]'
    given = load_with(project, text, user).settings
    assert not given.allow_paid
    assert given.budgets == (Budget(amount=Money.usd("0.10"), period="day"),)
    user, text = '[providers.groq]\nmodels = ["a", "b"]', '[providers.groq]\nmodels = ["b"]'
    assert load_with(project, text, user).settings.providers["groq"].models == ("b",)
    limits = load_with(project, '[providers.groq]\nlimits = [{amount = "10%"}]').settings.providers["groq"].limits
    assert limits == (Cap(percent=10),)


STEERING = [
    ('order = ["openai"]', "order"),
    ("wait = false", "wait"),
    ("max_attempts = 1", "max_attempts"),
    ("[providers.groq]\nenabled = false", "providers.groq.enabled"),
    ("[providers.openai]\norder = 1", "providers.openai.order"),
    ('[providers.google]\nmodels = ["paid"]', "providers.google.models"),
    ('[providers.groq]\nlimits = [{ unit = "request", amount = 1, per = "day UTC" }]', "providers.groq.limits"),
    ("[providers.groq]\ntimeouts = { connect = 0.01 }", "providers.groq.timeouts.connect"),
]


@pytest.mark.parametrize(("text", "name"), STEERING, ids=[name for _, name in STEERING])
def test_where_money_is_allowed_a_stranger_does_not_lead_to_what_costs(project: Path, text: str, name: str) -> None:
    with pytest.warns(ConfigWarning, match="is not trusted"):
        loaded = load_with(project, text, "allow_paid = true")
    assert ignored(loaded) == [name]
    assert loaded.settings == load_with(project, "", "allow_paid = true").settings
    assert ignored(load_with(project, text, "", {"SHUNPIKE_ALLOW_PAID": "1"})) == [name]


def test_what_the_user_says_as_well_needs_no_trust(project: Path) -> None:
    text = (
        'allow_paid = true\n[providers.home]\nplugin = "openai"\nbase_url = "http://localhost:1/v1"\nprice = "free"\n'
    )
    loaded = load_with(project, text, text)
    assert loaded.ignored is None
    assert loaded.settings.providers["home"].is_custom_endpoint


def test_variables_arguments_and_the_users_own_file_need_no_trust(project: Path) -> None:
    (project / "shunpike.toml").write_text(HOSTILE, encoding="utf-8")
    loaded = load(cwd=project, environ={"SHUNPIKE_CONFIG": str(project / "shunpike.toml")})
    assert loaded.settings.allow_paid, "a file that is named is the user's own, wherever it is"
    assert loaded.files == (project / "shunpike.toml",)
    given = load_with(project, "", 'store = "memory:"', {"SHUNPIKE_ALLOW_PAID": "1"}).settings
    assert (given.store, given.allow_paid) == ("memory:", True)
    assert load({"store": "memory:"}, cwd=project, environ={}).settings.store == "memory:"


def test_a_strangers_section_does_not_take_the_users_variables(project: Path) -> None:
    with pytest.warns(ConfigWarning):
        loaded = load_with(
            project,
            '[providers.GROQ]\nplugin = "openai"\n[providers.Groq]\norder = 1\n',
            environ={"SHUNPIKE_PROVIDERS__GROQ__ENABLED": "false"},
        )
    assert not loaded.settings.providers["groq"].enabled


@pytest.mark.parametrize(
    "text",
    ['[providers.groq]\nkey_env = "sk-pasted-by-mistake"', '[providers.groq]\nbase_url = "sk-pasted-by-mistake"'],
)
def test_a_wrong_value_of_what_is_ignored_stops_nothing_and_shows_nowhere(project: Path, text: str) -> None:
    with pytest.warns(ConfigWarning):
        loaded = load_with(project, text)
    assert "pasted" not in f"{loaded!r}"


def test_a_name_can_not_drive_the_terminal_and_a_thousand_are_not_listed(project: Path) -> None:
    text = "".join(f'[providers."\\u001b[2J\\u202e{n}"]\nplugin = "openai"\n' for n in range(500))
    with pytest.warns(ConfigWarning) as caught:
        load_with(project, text)
    told = str(caught[0].message)
    assert told.isprintable()
    assert "and 480 more" in told
    assert len(told) < 2000


@pytest.mark.parametrize("name", ["XDG_DATA_HOME", "XDG_CONFIG_HOME"])
def test_no_relative_folder_makes_the_working_directory_the_users_own(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "here")
    monkeypatch.chdir(project)
    (project / "here/shunpike").mkdir(parents=True)
    (project / "here/shunpike/config.toml").write_text("allow_paid = true")
    assert trust_folder().is_absolute()
    assert not load(environ={}).settings.allow_paid


def test_a_client_says_what_is_ignored(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    (project / "shunpike.toml").write_text('[providers.groq]\nbase_url = "https://thief.example/v1"\n')
    with pytest.warns(ConfigWarning, match=r"ignored: providers\.groq\.base_url") as caught:
        client = Client()
    assert caught[0].filename == __file__
    assert str(caught[0].message).startswith(client.warnings[0])
    assert client.settings.providers.get("groq", ProviderSettings()).base_url is None
