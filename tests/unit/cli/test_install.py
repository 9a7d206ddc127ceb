from __future__ import annotations

from pathlib import Path

import pytest

from shunpike.cli.install import Way, command_for, install_hint, installed_plugins, known_plugins, way
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import Cli

REQUIRES = [
    "anyio>=4",
    "shunpike-acme; extra == 'acme'",
    'shunpike-other>=0.1; python_version > "3" and extra == "other"',
    "tiktoken>=0.9; extra == 'tiktoken'",
    "shunpike-acme; extra == 'all'",
]


def test_plugins_are_known_from_the_extras_of_the_distribution() -> None:
    assert known_plugins(REQUIRES) == {"acme": "shunpike-acme", "other": "shunpike-other"}
    assert known_plugins()["sandbox"] == "shunpike-sandbox"


def test_the_way_of_installation_is_told_by_receipts(tmp_path: Path) -> None:
    assert way(tmp_path) is Way.PIP
    (tmp_path / "pipx_metadata.json").write_text("{}")
    assert way(tmp_path) is Way.PIPX
    (tmp_path / "uv-receipt.toml").write_text("")
    assert way(tmp_path) is Way.UV_TOOL


def test_an_editable_checkout_beside_a_lock_file_is_a_workspace(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / "uv.lock").write_text("")
    assert way(tmp_path / ".venv") is Way.WORKSPACE


def test_each_way_has_its_command() -> None:
    tool = command_for("shunpike-x", ["shunpike-a", "shunpike-b"], Way.UV_TOOL)
    assert tool.startswith("uv tool install shunpike --with shunpike-x --with shunpike-a --with shunpike-b")
    assert command_for("shunpike-x", [], Way.PIPX).startswith("pipx inject shunpike shunpike-x")
    assert command_for("shunpike-x", [], Way.WORKSPACE).startswith("uv sync")
    assert command_for("shunpike-x", [], Way.PIP).endswith("-m pip install shunpike-x")


def test_what_is_installed_or_unknown_needs_no_hint() -> None:
    assert "shunpike-sandbox" in installed_plugins()
    assert install_hint("sandbox") is None
    assert install_hint("no-such-thing") is None


def test_a_known_provider_that_is_not_installed_gets_its_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shunpike.cli.install.installed_plugins", lambda: ())
    for arguments in (("-p", "sandbox", "Go on"), ("keys", "set", "sandbox"), ("models", "-p", "sandbox")):
        ran = cli(*arguments, providers=(ScriptedProvider("acme"),))
        assert ran.code == 2
        assert "the sandbox provider is not installed" in ran.err
        assert "hint: " in ran.err
