from __future__ import annotations

import json
import stat

import pytest

from shunpike.config import KeyStore
from shunpike.errors import AuthError, Overloaded, ProviderError
from shunpike.hookspecs import hookimpl
from shunpike.types import ProviderSettings
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli

KEY = "sk-0123456789abcd"


class Probe:
    def __init__(self, failure: ProviderError | None, seen: list[str]) -> None:
        self._failure, self._seen = failure, seen

    async def check(self) -> str:
        if self._failure is not None:
            raise self._failure
        return "14 models"

    async def aclose(self) -> None:
        self._seen.append("closed")


class Probed(ScriptedProvider):
    """A provider with a key and a free probe."""

    def __init__(self, failure: ProviderError | None = None) -> None:
        super().__init__("acme", answer())
        self.env_key = "ACME_API_KEY"
        self.failure = failure
        self.keys: list[str] = []

    @hookimpl
    def shunpike_health(self, provider: str, settings: ProviderSettings) -> Probe | None:
        assert settings.key is not None
        self.keys.append(settings.key.get_secret_value())
        return Probe(self.failure, self.keys) if provider == "acme" else None


def test_a_key_is_checked_for_free_and_stored_for_its_owner_only(cli: Cli) -> None:
    acme = Probed()
    ran = cli("keys", "set", "acme", "--key-stdin", providers=(acme,), stdin=f"  {KEY}\n")
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert "✓ key works (14 models in " in ran.err
    assert "✓ stored as ••••abcd in " in ran.err
    assert KEY not in ran.err
    assert acme.keys == [KEY, "closed"]
    assert acme.backend.calls == [], "no request that costs quota was sent"
    assert stat.S_IMODE(KeyStore().path.stat().st_mode) == 0o600
    assert cli("providers", "--json", providers=(acme,)).out.count("••••abcd") == 1


def test_a_refused_key_is_not_stored(cli: Cli) -> None:
    refused = Probed(AuthError("the key was rejected", provider="acme", status=401))
    ran = cli("keys", "set", "acme", "--key-stdin", providers=(refused,), stdin=KEY)
    assert ran.code == 4
    assert "nothing was stored" in ran.err
    assert KeyStore().names() == ()


def test_a_key_that_can_not_be_checked_is_stored_with_a_word_about_it(cli: Cli) -> None:
    offline = Probed(Overloaded("no connection", provider="acme"))
    ran = cli("keys", "set", "acme", "--key-stdin", providers=(offline,), stdin=KEY)
    assert ran.code == 0
    assert "! not checked: no connection" in ran.err
    assert KeyStore().names() == ("acme",)
    unchecked = Probed()
    assert cli("keys", "set", "acme", "--no-check", "--key-stdin", providers=(unchecked,), stdin=KEY).code == 0
    assert unchecked.keys == []


def test_the_environment_wins_and_is_said_to(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-of-the-environment")
    ran = cli("keys", "set", "acme", "--key-stdin", providers=(Probed(),), stdin=KEY)
    assert "note: ACME_API_KEY is set in the environment and wins" in ran.err
    row = json.loads(cli("keys", "list", "--json", providers=(Probed(),)).out)["data"][0]
    assert row == {"name": "acme", "key": "••••ment", "origin": "ACME_API_KEY", "variable": "ACME_API_KEY"}


def test_keys_are_listed_by_their_last_four_characters_and_removed(cli: Cli) -> None:
    KeyStore().set("acme", KEY)
    ran = cli("keys", "list", providers=(Probed(),))
    assert ran.out.splitlines()[1].split() == ["acme", "••••abcd", "keys.toml", "ACME_API_KEY"]
    assert cli("keys", "path").out == f"{KeyStore().path}\n"
    missing = cli("keys", "rm", "acne")
    assert missing.code == 2
    assert 'Did you mean "acme"?' in missing.err
    assert cli("keys", "rm", "acme").code == 0
    assert KeyStore().names() == ()


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("acne", "--key-stdin"), KEY, 'there is no provider called "acne". Did you mean "acme"?'),
        (("acme", "--key-stdin"), " \n", "the key is empty"),
        (("acme",), KEY, "there is no terminal to type the key on"),
        (("acme", KEY), "", "a key is never an argument"),
        (("plain", "--key-stdin"), KEY, "plain needs no key"),
    ],
)
def test_a_wrong_call_stores_nothing(cli: Cli, arguments: tuple[str, ...], stdin: str, said: str) -> None:
    ran = cli("keys", "set", *arguments, providers=(Probed(), ScriptedProvider("plain")), stdin=stdin)
    assert ran.code == 2
    assert said in ran.err
    assert KeyStore().names() == ()


def test_a_key_with_white_space_inside_is_refused_without_being_repeated(cli: Cli) -> None:
    ran = cli("keys", "set", "acme", "--key-stdin", providers=(Probed(),), stdin="sk-secret part two")
    assert ran.code == 3
    assert "secret" not in ran.err


def test_a_key_is_typed_without_being_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def prompt(text: str, **options: object) -> str:
        asked.update(options, text=text)
        return KEY

    monkeypatch.setattr("typer.prompt", prompt)
    assert cli("keys", "set", "acme", providers=(Probed(),)).code == 0
    assert (asked["hide_input"], asked["text"]) == (True, "Paste your Acme key (input hidden)")


def test_a_section_without_a_plugin_gets_no_key(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUNPIKE_PROVIDERS__MINE__ORDER", "1")
    ran = cli("keys", "set", "mine", "--key-stdin", providers=(Probed(),), stdin=KEY)
    assert ran.code == 2
    assert "mine" in ran.err
