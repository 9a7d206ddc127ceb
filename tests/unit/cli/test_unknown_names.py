"""What stands in the configuration and is of nothing: one warning on stderr, and all of it in ``doctor``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shunpike.config import KeyStore
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import Cli

USER = 'foo = 1\norder = ["acne"]\n[providers.acmee]\norder = 3\n'


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(USER, encoding="utf-8")
    monkeypatch.setenv("SHUNPIKE_CONFIG", str(file))
    monkeypatch.setenv("SHUNPIKE_FOO", "1")
    return file


def test_each_is_one_line_on_stderr_and_the_answer_comes(cli: Cli, user: Path) -> None:
    ran = cli("ask", "hi", "-q", providers=(ScriptedProvider("acme"),))
    assert ran.code == 0
    assert ran.out
    told = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
    assert len(told) == 4
    assert f"{user}, line 1: there is no setting 'foo'" in told[0]
    assert "SHUNPIKE_FOO: there is no setting 'foo'" in told[1]
    assert f"{user}, line 3: providers.acmee: no installed plugin brings 'acmee'" in told[2]
    assert f"{user}, line 2: order: there is no provider 'acne'. Did you mean 'acme'?" in told[3]


def test_beside_json_each_is_a_line_of_json(cli: Cli, user: Path) -> None:
    ran = cli("ask", "hi", "--json", providers=(ScriptedProvider("acme"),))
    assert json.loads(ran.out)["text"]
    assert [json.loads(line)["warning"]["type"] for line in ran.err.splitlines()] == ["configuration_warning"] * 4


def test_doctor_lists_them_all_and_warns_of_nothing_beside(cli: Cli, user: Path) -> None:
    KeyStore().set("gruq", "a-key-of-nobody-1234")
    ran = cli("doctor", providers=(ScriptedProvider("acme"),))
    for said in ("setting 'foo'", "SHUNPIKE_FOO", "'acmee'", "'acne'", "there is no provider 'gruq'"):
        assert said in ran.out, said
    assert "shunpike keys rm gruq" in ran.out
    assert "warning: " not in ran.err


def test_a_stored_key_of_nobody_and_what_is_no_key_are_warned_of(cli: Cli) -> None:
    store = KeyStore()
    store.path.parent.mkdir(parents=True)
    store.path.write_text('acmme = "a-key-of-nobody-1234"\n[acme]\nkey = "another-key-1234"\n', encoding="utf-8")
    ran = cli("ask", "hi", "-q", providers=(ScriptedProvider("acme"),))
    assert ran.code == 0
    assert "there is no provider 'acmme'. Did you mean 'acme'?" in ran.err
    assert "acme is no text in quotes" in ran.err
    assert "1234" not in ran.err


@pytest.mark.parametrize("line", ["allowpaid = true", "budget = 1", "[provider.acme]\nenabled = false"])
def test_a_slip_in_a_bound_stops_the_command(cli: Cli, user: Path, line: str) -> None:
    user.write_text(line, encoding="utf-8")
    ran = cli("ask", "hi", providers=(ScriptedProvider("acme"),))
    assert ran.code == 3
    assert "line 1: there is no setting" in ran.err


def test_config_check_lists_them_and_fails_without_a_ledger(cli: Cli, user: Path) -> None:
    ran = cli("config", "check", providers=(ScriptedProvider("acme"),))
    assert ran.code == 1
    for said in ("setting 'foo'", "SHUNPIKE_FOO", "'acmee'", "'acne'"):
        assert said in ran.out, said
    assert not list(user.parent.rglob("ledger.db"))
    rows = json.loads(cli("config", "check", "--json", providers=(ScriptedProvider("acme"),)).out)["data"]
    assert len(rows) == 4
    assert all(row["ignored"] and row["hint"] for row in rows)


def test_config_check_of_what_is_right_or_impossible(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = cli("config", "check", providers=(ScriptedProvider("acme"),))
    assert (ran.code, ran.out) == (0, "the configuration is valid (no file, which is fine)\n")
    monkeypatch.setenv("SHUNPIKE_TIMEOUT", "soon")
    assert cli("config", "check", providers=(ScriptedProvider("acme"),)).code == 3


def test_config_show_takes_a_name_and_warns_of_what_is_no_setting(cli: Cli, user: Path) -> None:
    ran = cli("config", "show", "order", "--origin")
    assert [line.split()[0] for line in ran.out.splitlines()] == ["setting", "order", "providers.acmee.order"]
    assert "line 1: there is no setting 'foo'" in ran.err
    assert cli("config", "show", "ordre").code == 2


def test_config_reference_explains_one_setting_or_all(cli: Cli) -> None:
    ran = cli("config", "reference", "timeout")
    assert ran.out.splitlines()[0] == "timeout"
    for said in (
        "unit: seconds",
        "timeout = 120",
        "SHUNPIKE_TIMEOUT=120",
        "shunpike ask --timeout",
        "up to an hour",
    ):
        assert said in ran.out
    assert "only once that is trusted" in cli("config", "reference", "base_url").out
    names = [row["name"] for row in json.loads(cli("config", "reference", "--json").out)["data"]]
    assert {"allow_paid", "providers.NAME.base_url", "budgets[].amount", "limits[].overrides"} <= set(names)
    wrong = cli("config", "reference", "timout")
    assert wrong.code == 2
    assert "Did you mean 'timeout'?" in wrong.err
