"""The kit itself: it needs no file, and says what is right where a command line is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shunpike.plugins import Host
from shunpike_testkit.hygiene import imported
from shunpike_testkit.provider_contract import ProviderContract
from shunpike_testkit.provider_contract.bench import TEXTS, answer
from shunpike_testkit.suite import conftest as suite

pytestmark = pytest.mark.slow


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest as anybody would who has the kit, in a folder without any configuration."""
    command = [sys.executable, "-m", "pytest", "-p", "shunpike_testkit.suite_options", "-p", "no:cacheprovider", "-q"]
    return subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_what_an_import_does_and_loads_is_found(tmp_path, monkeypatch):
    (tmp_path / "busy_plugin.py").write_text("import threading, wave, shunpike.client\nopen(__file__[:-3])\n")
    (tmp_path / "busy_plugin").write_text("")
    (tmp_path / "broken_plugin.py").write_text("raise SystemExit('no')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    found = imported("busy_plugin")

    assert [row.split()[0] for row in found["done"]] == ["open"]
    assert {"shunpike.client", "wave"} <= set(found["loaded"])
    with pytest.raises(AssertionError, match=r"importing broken_plugin alone fails:\n\s*Traceback"):
        imported("broken_plugin")


def test_an_installed_provider_is_tested_without_a_file(tmp_path):
    few = "test_the_text_arrives or test_the_entry_point or test_the_package_is_typed"
    done = run(
        tmp_path, "--pyargs", "shunpike_testkit.suite", "--provider", "groq", "-k", few, "--conformance-json", "c.json"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "c.json").read_text())
    (row,) = result["providers"]
    assert result["kit"] == result["core"] == row["version"]
    assert (row["provider"], row["distribution"], row["passed"], row["conformant"]) == (
        "groq",
        "shunpike-groq",
        6,
        True,
    )


def test_a_wire_is_named_on_the_command_line(tmp_path):
    kit = "from shunpike_testkit.provider_contract import ChatCompletions"
    (tmp_path / "wires.py").write_text(f"{kit}\nclass Mine(ChatCompletions): base_path = '/v9'\n")
    several = ["--provider", "openai", "--provider", "deepseek", "--wire", "wires:Mine"]
    done = run(tmp_path, "--pyargs", "shunpike_testkit.suite", *several, "-k", "test_the_text_arrives", "-vv")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Test_openai::test_the_text_arrives[trio-streamed] PASSED" in done.stdout
    assert "Test_deepseek::test_the_text_arrives[trio-streamed] PASSED" in done.stdout


def test_without_a_provider_the_suite_says_what_is_installed(tmp_path):
    done = run(tmp_path, "--pyargs", "shunpike_testkit.suite")

    assert done.returncode != 0
    assert "which provider? pass --provider NAME; installed: google, together" in done.stdout


def test_a_provider_that_nobody_brings_is_named():
    with pytest.raises(pytest.Collector.CollectError, match="brings the provider 'acme'; installed: google, together"):
        suite._plugin(Host.load(), "acme")


@pytest.mark.parametrize("name", ["json:loads", "json:nothing", "no_such_module:Wire", "???"])
def test_what_is_no_wire_is_named(name):
    with pytest.raises(pytest.Collector.CollectError, match=rf"--wire {re.escape(name)}: .*expected"):
        suite._wire(name)


def test_the_guard_itself_can_not_be_replaced():
    with pytest.raises(TypeError, match="Mine replaces test_no_contract_test_is_overridden"):
        type("Mine", (ProviderContract,), {"test_no_contract_test_is_overridden": None})


def test_the_wire_of_the_readme_is_a_wire():
    readme = Path(__file__).resolve().parents[2] / "plugins/testkit/README.md"
    block = next(
        block for block in re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL) if "Wire" in block
    )
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - our own words

    wire, told = names["AcmeWire"](), answer()

    assert wire.path("m", streamed=True) == "/models/m/answer"
    assert wire.whole(told) == {"text": "".join(TEXTS), "ended": "stop"}
    assert len(wire.parts(told, TEXTS)) == len(TEXTS) + 1


def test_the_readme_names_every_knob():
    readme = Path(__file__).resolve().parents[2] / "plugins/testkit/README.md"
    knobs = {knob for base in ProviderContract.__mro__ for knob in vars(base).get("knobs", ())} - {"pytestmark"}

    assert not [knob for knob in sorted(knobs) if f"`{knob}" not in readme.read_text()]
