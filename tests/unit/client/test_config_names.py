"""Names in the configuration that exist nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.client import Client
from shunpike.config import load
from shunpike.errors import ConfigError, ConfigWarning, UsageError
from shunpike.runtime.names import doubts
from shunpike.types import Settings
from shunpike.validation import near
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import MakeClient


def budget(provider: str) -> dict[str, object]:
    return {"amount": {"pico": 10**12}, "period": "day", "provider": provider}


@pytest.mark.parametrize(("name", "guess"), [("Acme", "'acme'"), ("acne", "'acme'"), ("hom", "'home'")])
def test_a_budget_of_nobody_bounds_nothing_and_is_an_error(make_client: MakeClient, name: str, guess: str) -> None:
    acme = ScriptedProvider("acme")
    with pytest.raises(ConfigError, match=rf"no provider '{name}'.* Did you mean {guess}\?") as caught:
        make_client(acme, budgets=[budget(name)], providers={"home": {"plugin": "acme"}})
    assert caught.value.hint


@pytest.mark.filterwarnings("ignore::shunpike.errors.ConfigWarning")
def test_a_budget_may_be_of_a_provider_a_section_or_what_is_only_not_here(make_client: MakeClient) -> None:
    """Files are shared: what can be installed, is switched off or has a section elsewhere breaks nothing."""
    make_client(
        ScriptedProvider("acme"),
        budgets=[budget(name) for name in ("acme", "home", "elsewhere", "off", "sandbox")],
        providers={"home": {"plugin": "acme"}, "elsewhere": {}},
        disabled_plugins=["off"],
    )


@pytest.mark.filterwarnings("ignore::shunpike.errors.ConfigWarning")
def test_every_other_name_is_a_doubt_with_the_nearest_one(make_client: MakeClient) -> None:
    client = make_client(
        ScriptedProvider("acme"),
        order=["acne", "acme"],
        strategy="priorty",
        providers={"acmee": {}, "home": {"plugin": "acm"}, "well": {"plugin": "acme"}},
        disabled_plugins=["acmes", "builtin"],
    )
    found = {one.name: one for one in doubts(client.settings, client.host)}
    assert set(found) == {"acne", "priorty", "acmee", "acm", "acmes"}
    assert all("Did you mean" in one.text for one in found.values())
    assert [one.name for one in found.values() if one.fatal] == ["priorty"]
    assert doubts(Settings(), client.host) == ()


async def test_a_wrong_strategy_is_the_configurations_mistake_or_the_calls(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("acme"), strategy="x") as client:
        with pytest.raises(ConfigError, match='a strategy called "x"'):
            await client.complete("hi")
        with pytest.raises(UsageError, match='a strategy called "y"'):
            await client.complete("hi", strategy="y")


def test_what_is_like_nothing_gets_no_guess() -> None:
    assert near("zzz", ["acme"]) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('\norder = ["acne"]', "line 2: order: there is no provider 'acne'. Did you mean 'acme'?"),
        ("[providers.acme]\norder = 1\n[providers.acmee]\norder = 2", "line 3: providers.acmee: no installed plugin"),
        ('[providers.home]\nplugin = "acne"', "line 2: providers.home.plugin: no installed plugin brings 'acne'"),
        ('disabled_plugins = ["acmes"]', "line 1: disabled_plugins: there is no plugin 'acmes'. Did you mean 'acme'?"),
        ('[providers.acme]\nmodels = ["m", "n"]', "line 2: providers.acme.models: acme has no model 'n'"),
        ("timeou = 5", "line 1: there is no setting 'timeou'. Did you mean 'timeout'? It is ignored"),
    ],
)
async def test_a_name_of_nothing_is_warned_of_once_with_its_line(
    make_client: MakeClient, tmp_path: Path, text: str, said: str
) -> None:
    host = make_client(ScriptedProvider("acme")).host
    (tmp_path / "config.toml").write_text(f"{text}\n", encoding="utf-8")
    loaded = load(cwd=tmp_path, environ={"SHUNPIKE_CONFIG": str(tmp_path / "config.toml")})
    with pytest.warns(ConfigWarning) as seen:
        twice = [Client(loaded, host=host, store=MemoryStore(), environ={}) for _ in range(2)]
    async with twice[0], twice[1] as client:
        done = await client.complete("hi")
    assert [said in str(one.message) for one in seen] == [True]
    assert str(tmp_path / "config.toml") in str(seen[0].message)
    assert done.provider == "acme", "the rest goes on"


async def test_where_none_of_its_models_exists_a_provider_is_left_out_not_opened(make_client: MakeClient) -> None:
    with pytest.warns(ConfigWarning, match="has no model 'n'"):
        client = make_client(ScriptedProvider("acme"), ScriptedProvider("other"), providers={"acme": {"models": ["n"]}})
    async with client:
        done = await client.complete("hi")
    assert done.provider == "other"
    reasons = {one.provider: one.reason for one in done.decision.candidates}
    assert reasons["acme"] == "none of the models that its section names is offered"


def test_what_can_be_installed_is_told_by_doctor_alone(make_client: MakeClient) -> None:
    """A file of the user's is read by several environments: not each of them holds every provider."""
    client = make_client(ScriptedProvider("acme"), order=["sandbox"])
    assert [(one.name, one.loud) for one in doubts(client.settings, client.host)] == [("sandbox", False)]
