from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from shunpike.installation import (
    InstalledBy,
    clone,
    command_for,
    extra_hint,
    install_hint,
    installed_plugins,
    known_plugins,
    way,
)
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import Cli

ROOT = Path(__file__).resolve().parents[3]
READ_ME = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("plugins/*/README.md"), *ROOT.glob("docs/*.md")]
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
    assert way(tmp_path) in (InstalledBy.PIP, InstalledBy.UV)
    (tmp_path / "pipx_metadata.json").write_text("{}")
    assert way(tmp_path) is InstalledBy.PIPX
    (tmp_path / "uv-receipt.toml").write_text("")
    assert way(tmp_path) is InstalledBy.UV_TOOL


def test_an_environment_inside_the_clone_that_it_was_made_from_is_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("")
    assert way(ROOT / ".venv") is InstalledBy.WORKSPACE
    assert way(tmp_path / ".venv") in (InstalledBy.PIP, InstalledBy.UV)


def test_the_clone_is_the_folder_that_the_core_was_installed_from() -> None:
    assert clone() == ROOT


PLACE = Path("/src/shunpike")


@pytest.mark.parametrize(
    ("package", "how", "command"),
    [
        (
            "shunpike-x",
            InstalledBy.UV_TOOL,
            "uv tool install /src/shunpike/core --with /src/shunpike/plugins/x --with acme",
        ),
        ("shunpike[socks]", InstalledBy.UV_TOOL, 'uv tool install "/src/shunpike/core[socks]" --with acme'),
        ("shunpike-x", InstalledBy.PIPX, "pipx runpip shunpike install /src/shunpike/plugins/x"),
        ("shunpike-groq", InstalledBy.WORKSPACE, "uv sync --project /src/shunpike"),
        (
            "shunpike[chat]",
            InstalledBy.WORKSPACE,
            f'uv pip install --python {sys.executable} "/src/shunpike/core[chat]"',
        ),
        ("shunpike-x", InstalledBy.UV, f"uv pip install --python {sys.executable} /src/shunpike/plugins/x"),
    ],
)
def test_each_way_has_its_command_with_the_path_of_the_clone(package: str, how: InstalledBy, command: str) -> None:
    assert command_for(package, ["acme"], how, PLACE).partition("    (")[0] == command


def test_pip_gets_the_path_of_the_clone_in_quotes_where_a_shell_needs_them() -> None:
    assert command_for("shunpike-x", [], InstalledBy.PIP, PLACE).endswith(" -m pip install /src/shunpike/plugins/x")
    spaced = command_for("shunpike-x", [], InstalledBy.PIP, Path("/my src/shunpike"))
    assert spaced.endswith(' -m pip install "/my src/shunpike/plugins/x"')


@pytest.mark.parametrize("how", InstalledBy)
def test_without_a_clone_it_is_said_where_the_command_works_and_no_unpublished_name_is_given(how: InstalledBy) -> None:
    command = command_for("shunpike-x", [], how, None)
    assert command.startswith("in the folder of shunpike's sources (nothing of it is on a package index yet): ")
    assert command.endswith("pip install ./plugins/x")


def test_no_text_tells_to_install_a_name_that_is_not_published() -> None:
    told = re.compile(r"(?<!un)install (?:[^\n&]*\s)?[\"']?shunpike(?!\.)[^\n]*")
    files = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py"), *READ_ME]
    found = {str(file): told.findall(file.read_text(encoding="utf-8")) for file in files}
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_an_extra_is_added_from_the_clone() -> None:
    assert extra_hint("socks").endswith(f'"{ROOT}/core[socks]"')


def test_what_is_installed_or_unknown_needs_no_hint() -> None:
    assert "shunpike-sandbox" in installed_plugins()
    assert install_hint("sandbox") is None
    assert install_hint("no-such-thing") is None


def test_a_known_provider_that_is_not_installed_gets_its_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shunpike.installation.installed_plugins", lambda: ())
    for arguments in (("-p", "sandbox", "Go on"), ("keys", "set", "sandbox"), ("models", "-p", "sandbox")):
        ran = cli(*arguments, providers=(ScriptedProvider("acme"),))
        assert ran.code == 2
        assert "the sandbox provider is not installed" in ran.err
        assert f"hint: uv sync --project {ROOT}" in ran.err
