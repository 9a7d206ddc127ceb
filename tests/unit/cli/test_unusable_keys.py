"""What stands for a key and is none closes one provider, by name; the others answer."""

from __future__ import annotations

import json

import pytest

from shunpike.config import KeyStore
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli

KEY = "sk-test-0123456789abcd"
SPOILT = ["your key here", "changeme", "sk-...", "<key>", "xxx", "a b", "clé-secrète", "sk-1234567890\n1234567890"]


class Keyed(ScriptedProvider):
    """A provider that needs a key."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, answer(text))
        self.env_key = f"{name.upper()}_API_KEY"


@pytest.mark.parametrize("value", SPOILT)
def test_one_placeholder_does_not_stop_the_others(cli: Cli, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ACME_API_KEY", value)
    monkeypatch.setenv("OTHER_API_KEY", KEY)
    acme, other = Keyed("acme", "from acme"), Keyed("other", "from other")
    ran = cli("hello", providers=(acme, other))
    assert (ran.code, ran.out) == (0, "from other\n"), ran.err
    assert acme.backend.calls == []
    assert value not in ran.err


@pytest.mark.parametrize("value", SPOILT)
def test_providers_and_doctor_name_the_variable_and_never_its_value(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ACME_API_KEY", value)
    monkeypatch.setenv("OTHER_API_KEY", KEY)
    both = (Keyed("acme", "x"), Keyed("other", "y"))
    listed, checked = cli("providers", providers=both), cli("doctor", providers=both)
    assert listed.code == 0, listed.err
    assert "unusable key" in listed.out
    assert "acme can't be asked: the variable ACME_API_KEY holds" in listed.err
    assert checked.code == 1
    assert "✗ acme can't be asked: the variable ACME_API_KEY holds" in checked.out
    assert "hint: put a key there, or unset ACME_API_KEY" in checked.out
    for said in (listed.out, listed.err, checked.out, checked.err):
        assert value not in said


def test_a_placeholder_alone_is_no_usable_key(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "your key here")
    ran = cli("hello", "--json", providers=(Keyed("acme", "x"), Keyed("other", "y")))
    error = json.loads(ran.err)["error"]
    assert (ran.code, ran.out) == (4, "")
    assert "acme (the variable ACME_API_KEY holds a placeholder, not a key)" in error["message"]
    assert "other (no key: set OTHER_API_KEY)" in error["message"]
    named = cli("hello", "-p", "acme", providers=(Keyed("acme", "x"), Keyed("other", "y")))
    assert named.code == 4
    assert "ACME_API_KEY holds a placeholder" in named.err


def test_the_sandbox_steps_in_for_a_placeholder_and_not_for_a_damaged_key(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = ScriptedProvider("play", answer("made up"))
    play.simulated = True
    monkeypatch.setenv("ACME_API_KEY", "changeme")
    ran = cli("hello", providers=(Keyed("acme", "x"), play))
    assert ran.code == 0, ran.err
    assert ran.out.endswith("made up\n")
    assert "the variable ACME_API_KEY holds a placeholder" in ran.err
    monkeypatch.setenv("ACME_API_KEY", "sk-1234567890\n1234567890")
    ran = cli("hello", providers=(Keyed("acme", "x"), play))
    assert (ran.code, ran.out) == (4, ""), ran.err
    assert "white space inside" in ran.err


def test_a_placeholder_among_the_stored_keys_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    store = KeyStore()
    store.set("acme", KEY)
    store.path.write_text('acme = "changeme"\n')
    monkeypatch.setenv("OTHER_API_KEY", KEY)
    both = (Keyed("acme", "x"), Keyed("other", "y"))
    assert cli("hello", providers=both).out == "y\n"
    assert "the stored key of acme in" in cli("doctor", providers=both).out


def test_a_placeholder_is_not_stored(cli: Cli) -> None:
    ran = cli(
        "keys", "set", "acme", "--key-stdin", "--no-check", stdin="your-api-key\n", providers=(Keyed("acme", "x"),)
    )
    assert (ran.code, ran.out) == (3, "")
    assert "the input holds a placeholder" in ran.err


def test_quotes_around_a_variable_of_a_setting_are_taken_off(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUNPIKE_ORDER", '"other,acme"')
    monkeypatch.setenv("SHUNPIKE_TIMEOUT", "'30'\r")
    monkeypatch.setenv("SHUNPIKE_PROVIDERS__ACME__KEY", f'"{KEY}"')
    ran = cli("config", "show", "--json", providers=(Keyed("acme", "x"),))
    shown = {one["key"]: one["value"] for one in json.loads(ran.out)["data"]}
    assert "other" in str(shown["order"])
    assert '"' not in str(shown["order"])
    assert float(shown["timeout"]) == 30
    assert "••••abcd" in cli("providers", providers=(Keyed("acme", "x"),)).out
