"""``shunpike trust``, and what the other commands show of a file that has none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shunpike.config.warned import forget
from shunpike_testkit.scripted import ScriptedProvider

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli

TEXT = """order = ["acme"]
allow_paid = true
[providers.acme]
base_url = "https://elsewhere.example/v1"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "shunpike.toml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_trust_shows_what_needs_it_and_remembers_the_file(cli: Cli, file: Path) -> None:
    ran = cli("trust")
    assert ran.code == 0
    assert [line.split() for line in ran.out.splitlines()] == [
        ["setting", "value"],
        ["allow_paid", "true"],
        ["providers.acme.base_url", "https://elsewhere.example/v1"],
    ]
    assert "trusted, until it changes" in ran.err
    assert "warning" not in cli("config", "show").err
    assert cli("trust", "--list").out.split() == ["file", "state", str(file), "trusted"]
    file.write_text(TEXT + "\n")
    assert cli("trust", "--list").out.split()[-1] == "changed"
    assert "has changed since it was trusted" in cli("config", "show").err
    file.unlink()
    (row,) = json.loads(cli("trust", "--list", "--json").out)["data"]
    assert (row["path"], row["state"]) == (str(file), "gone")


def test_trust_is_taken_back(cli: Cli, file: Path) -> None:
    assert cli("trust", str(file)).code == 0
    assert cli("trust", str(file.parent), "--remove").code == 0
    ran = cli("trust", "--remove")
    assert (ran.code, f"{file} is not trusted" in ran.err) == (2, True)
    assert "is not trusted" in cli("config", "show").err


def test_trust_speaks_json(cli: Cli, file: Path) -> None:
    told = json.loads(cli("trust", "--json").out)
    assert (told["path"], len(told["sha256"])) == (str(file), 64)
    assert told["settings"][0] == {"key": "allow_paid", "value": True}
    assert json.loads(cli("trust", "--remove", "--json").out) == {"path": str(file), "removed": True}


def test_a_file_that_needs_no_trust_says_so(cli: Cli, file: Path) -> None:
    file.write_text('order = ["acme"]\n')
    assert "says nothing that needs trust" in cli("trust").err


@pytest.mark.parametrize(
    ("arguments", "text", "code", "said"),
    [
        (("nowhere",), TEXT, 2, "there is no"),
        (("other.txt",), TEXT, 2, "is not a shunpike.toml"),
        (("--list", "--remove"), TEXT, 2, "--list shows everything"),
        ((), "a = ", 3, "line 1, column 5"),
        ((), '[providers.acme]\nbase_url = "ftp://x"', 3, "should be an address"),
        ((), '[providers.acme]\nkey = "sk-0123456789"', 3, "literal key"),
    ],
)
def test_what_can_not_be_trusted_is_named_and_not_remembered(
    cli: Cli, file: Path, arguments: tuple[str, ...], text: str, code: int, said: str
) -> None:
    file.write_text(text)
    (file.parent / "other.txt").write_text("")
    ran = cli("trust", *arguments)
    assert (ran.code, said in ran.err, "hint: " in ran.err) == (code, True, True)
    assert "nothing is trusted" in cli("trust", "--list").err


def test_what_is_ignored_is_told_once_on_stderr_and_marked_in_what_is_shown(cli: Cli, file: Path) -> None:
    for arguments in (("config", "show"), ("config", "show", "--origin"), ("plugins",), ("providers",), ("limits",)):
        forget()  # as if in another process
        ran = cli(*arguments, providers=(ScriptedProvider("acme"),))
        assert ran.err.count("warning: ") == 1
        assert "ignored: allow_paid, providers.acme.base_url" in ran.err
        assert "shunpike trust" in ran.err
        assert ran.code == 0
    lines = [line for line in cli("config", "show", "--origin").out.splitlines() if "(ignored" in line]
    assert [line.split()[:2] for line in lines] == [
        ["allow_paid", "true"],
        ["providers.acme.base_url", "https://elsewhere.example/v1"],
    ]
    assert all(line.endswith(str(file)) for line in lines)


def test_beside_json_the_warning_is_json_as_well_and_stdout_is_clean(cli: Cli, file: Path) -> None:
    ran = cli("config", "show", "--json")
    told = json.loads(ran.out)
    assert {"key": "allow_paid", "value": False} in told["data"], "what is in force is what is in the list"
    assert [one["key"] for one in told["ignored"]] == ["allow_paid", "providers.acme.base_url"]
    assert str(file) in json.loads(ran.err)["warning"]["message"]


def test_an_answer_is_the_same_beside_a_warning(cli: Cli, file: Path) -> None:
    assert file.exists()
    ran = cli("ask", "hi", "-q", providers=(ScriptedProvider("acme"),))
    assert (ran.code, ran.out.strip() != "") == (0, True)
    assert ran.err.count("warning: ") == 1
    assert "warning" not in ran.out


def test_doctor_warns_of_what_is_ignored(cli: Cli, file: Path) -> None:
    ran = cli("doctor", providers=(ScriptedProvider("acme"),))
    assert ran.code == 0
    assert f"! {file} is not trusted" in ran.out


def test_doctor_and_providers_show_every_address_that_was_set_and_by_whom(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = trusted(tmp_path, TEXT)
    monkeypatch.setenv("SHUNPIKE_PROVIDERS__BETA__BASE_URL", "http://127.0.0.1:9/v1")
    both = (ScriptedProvider("acme"), ScriptedProvider("beta"))
    for command in ("doctor", "providers"):
        out = cli(command, providers=both).out
        assert f"acme is asked at https://elsewhere.example/v1, not at http://127.0.0.1 (from {file})" in out
        assert "beta is asked at http://127.0.0.1:9/v1" in out
        assert "(from SHUNPIKE_PROVIDERS__BETA__BASE_URL)" in out
    rows = {row["name"]: row for row in json.loads(cli("providers", "--json", providers=both).out)["data"]}
    assert rows["acme"]["overridden"][0]["origin"] == str(file)
    monkeypatch.setenv("SHUNPIKE_PROVIDERS__ACME__PROXY", "http://me:secret@10.0.0.9:3128")
    monkeypatch.setenv("SHUNPIKE_PROVIDERS__BETA__PROXY", "none")
    for command in ("doctor", "providers"):
        out = cli(command, providers=both).out
        assert "acme is asked through http://••••@10.0.0.9:3128 (from SHUNPIKE_PROVIDERS__ACME__PROXY)" in out
        assert "beta is asked without a proxy, whatever the variables say" in out
        assert "secret" not in out
    monkeypatch.delenv("SHUNPIKE_PROVIDERS__ACME__PROXY")
    monkeypatch.setenv("HTTPS_PROXY", "http://10.0.0.9:3128")
    assert "proxy http://10.0.0.9:3128 (the variable HTTPS_PROXY): for acme" in cli("providers", providers=both).out
    monkeypatch.setenv("SHUNPIKE_PROVIDERS__BETA__BASE_URL", "http://127.0.0.1")
    assert "beta is asked at" not in cli("doctor", providers=both).out, "it is the plugin's own"


@pytest.mark.parametrize("command", [("ask", "hi"), ("trust",), ("config", "path")])
def test_a_working_directory_that_was_removed_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    code = "import os, runpy, sys; os.rmdir(os.getcwd()); runpy.run_module('shunpike', run_name='__main__')"
    folder = tmp_path / "gone"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert "error: the working directory can't be had: No such file or directory" in done.stderr
    assert "hint: " in done.stderr


def test_the_module_takes_no_plugin_from_the_working_directory(tmp_path: Path) -> None:
    info = tmp_path / "evil-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[shunpike]\nevil = evil:plugin\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (tmp_path / "evil.py").write_text("open('ran', 'w')\n")
    (tmp_path / "typer.py").write_text("open('ran', 'w')\n")
    done = subprocess.run(
        [sys.executable, "-m", "shunpike", "plugins"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "evil" not in done.stdout
    assert not (tmp_path / "ran").exists()
