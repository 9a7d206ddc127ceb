"""A provider is switched off and on at the command line, and who did so is told wherever it is missed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shunpike_testkit.scripted import ScriptedProvider, answer

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli


def two() -> tuple[ScriptedProvider, ScriptedProvider]:
    return ScriptedProvider("acme", answer("from acme")), ScriptedProvider("home", answer("from home"))


def test_what_is_disabled_is_not_asked_and_enable_undoes_it(cli: Cli) -> None:
    providers = two()
    done = cli("providers", "disable", "acme", "--reason", "it bills twice", providers=providers)
    assert done.code == 0
    assert "acme is disabled by " in done.err
    assert "(it bills twice); enable it with: shunpike providers enable acme" in done.err
    assert cli("Hello", providers=providers).out.strip() == "from home"
    assert cli("providers", "enable", "acme", providers=providers).err.strip() == "acme is enabled again"
    assert cli("Hello", providers=providers).out.strip() == "from acme"


def test_where_nobody_else_is_there_the_error_tells_who_did_it_and_how_to_undo_it(cli: Cli) -> None:
    providers = two()[:1]
    cli("providers", "disable", "acme", "--reason", "it bills twice", providers=providers)
    failed = cli("Hello", providers=providers)
    assert failed.code == 3
    assert "disabled by " in failed.err
    assert "it bills twice" in failed.err
    assert "hint: switch it on by the command above" in failed.err
    assert providers[0].backend.calls == []


def test_the_list_of_providers_shows_the_switch(cli: Cli) -> None:
    providers = two()
    cli("providers", "disable", "acme", "--reason", "it bills twice", providers=providers)
    shown = cli("providers", providers=providers)
    assert "disabled" in shown.out
    assert "acme is disabled by " in shown.err
    acme, home = json.loads(cli("providers", "--json", providers=providers).out)["data"]
    assert (acme["state"], home["state"], home["disabled"]) == ("disabled", "ready", None)
    assert acme["disabled"]["signed"]["why"] == "it bills twice"
    assert "@" in acme["disabled"]["signed"]["who"]
    assert acme["disabled"]["signed"]["at"].startswith("20")


def test_the_doctor_tells_what_is_disabled_and_that_nobody_is_left(cli: Cli) -> None:
    providers = two()
    cli("providers", "disable", "acme", "--reason", "it bills twice", providers=providers)
    told = cli("doctor", providers=providers)
    assert told.code == 0
    assert "(it bills twice); enable it with: shunpike providers enable acme" in " ".join(told.out.split())
    cli("providers", "disable", "home", providers=providers)
    told = cli("doctor", providers=providers)
    assert told.code == 1
    assert "nothing can answer: no provider is left that can" in told.out
    assert "shunpike providers enable acme" in told.out


def test_the_same_again_changes_nothing(cli: Cli) -> None:
    providers = two()
    cli("providers", "disable", "acme", "--reason", "first", providers=providers)
    again = cli("providers", "disable", "acme", "--reason", "second", providers=providers)
    assert (again.code, "acme is already disabled by" in again.err, "(first)" in again.err) == (0, True, True)
    told = json.loads(cli("providers", "disable", "acme", "--json", providers=providers).out)
    assert (told["enabled"], told["changed"], told["revision"]) == (False, False, 1)
    assert told["switch"]["signed"]["why"] == "first"
    told = json.loads(cli("providers", "enable", "acme", "--json", providers=providers).out)
    assert told == {"name": "acme", "enabled": True, "changed": True, "revision": 2, "switch": None}
    assert "acme is not disabled" in cli("providers", "enable", "acme", providers=providers).err


def test_one_model_is_switched_off_by_its_name(cli: Cli) -> None:
    providers = two()
    assert cli("providers", "disable", "acme/m", providers=providers).code == 0
    shown = cli("providers", providers=providers)
    assert ("disabled" in shown.out, "acme/m is disabled by " in shown.err) == (False, True)
    acme, home = json.loads(cli("providers", "--json", providers=providers).out)["data"]
    assert [[one["name"] for one in row["disabled_models"]] for row in (acme, home)] == [["acme/m"], []]
    assert cli("Hello", providers=providers).out.strip() == "from home"
    failed = cli("Hello", "-m", "acme/m", providers=providers)
    assert failed.code == 3
    assert "enable it with: shunpike providers enable acme/m" in failed.err
    assert cli("providers", "enable", "acme/m", providers=providers).code == 0
    assert cli("Hello", "-m", "acme/m", providers=providers).out.strip() == "from acme"


@pytest.mark.parametrize("off", [False, True])
def test_of_a_custom_endpoint_that_lists_its_models_no_other_is_switched_off(
    cli: Cli, tmp_path: Path, off: bool
) -> None:
    own = 'plugin = "acme"\nprice = "free"\nbase_url = "http://127.0.0.1:9/v1"\n'
    trusted(tmp_path, f'[providers.one]\n{own}models = ["large", "small"]\n[providers.two]\n{own}')
    if off:
        assert cli("providers", "disable", "one", providers=two()).code == 0
    failed = cli("providers", "disable", "one/smal", providers=two())
    assert (failed.code, "one has no model called \"smal\". Did you mean 'small'?" in failed.err) == (2, True)
    assert cli("providers", "disable", "one/small", providers=two()).code == 0
    assert cli("providers", "disable", "two/any", providers=two()).code == 0, "nobody says what it has"


def test_a_section_of_a_provider_is_switched_off_alone_and_the_provider_with_all_of_them(
    cli: Cli, tmp_path: Path
) -> None:
    trusted(tmp_path, '[providers.work]\nplugin = "acme"\n')
    providers = two()

    def states() -> dict[str, str]:
        rows = json.loads(cli("providers", "--json", providers=providers).out)["data"]
        return {row["name"]: row["state"] for row in rows}

    cli("providers", "disable", "work", providers=providers)
    assert states() == {"work": "disabled", "acme": "ready", "home": "ready"}
    cli("providers", "disable", "acme", providers=providers)
    cli("providers", "enable", "work", providers=providers)
    assert states() == {"work": "disabled", "acme": "disabled", "home": "ready"}
    assert "work is still disabled by" in cli("providers", "enable", "work", providers=providers).err
    cli("providers", "enable", "acme", providers=providers)
    assert states() == {"work": "ready", "acme": "ready", "home": "ready"}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("disable", "acmee"), 2, 'no provider called "acmee". Did you mean "acme"?'),
        (("enable", "nobody"), 2, "installed providers: "),
        (("disable", "acme/n"), 2, 'acme has no model called "n"'),
        (("disable",), 2, "missing argument 'name'"),
        (("disable", "acme", "--reason", "x" * 1001), 2, "--reason"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(cli: Cli, words: tuple[str, ...], code: int, told: str) -> None:
    failed = cli("providers", *words, providers=two())
    assert (failed.code, told in failed.err) == (code, True), failed.err


def test_a_section_that_is_switched_off_in_a_file_is_not_enabled_by_the_command(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shunpike.toml").write_text("[providers.acme]\nenabled = false\n")
    failed = cli("providers", "enable", "acme", providers=two())
    assert failed.code == 3
    assert "acme is switched off by its section of the settings" in failed.err


def test_a_store_that_nobody_else_sees_keeps_no_switches(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUNPIKE_STORE", "memory:")
    failed = cli("providers", "disable", "acme", providers=two())
    assert failed.code == 3
    assert "hint: switch it off in a file: enabled = false in [providers.acme]" in failed.err
    failed = cli("providers", "enable", "acme", providers=two())
    assert "hint: switch it on in a file: enabled = true in [providers.acme]" in failed.err
