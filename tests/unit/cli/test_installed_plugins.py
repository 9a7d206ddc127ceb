"""Installed plugins that misbehave, each with a command in a process of its own: named, left, and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

HEAD = """
import asyncio, sys, time
from shunpike.hookspecs import hookimpl
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

plugin = ScriptedProvider("odd")
plugin.order = -9

def doing(complete):
    class Backend:
        async def complete(self, call):
            return await complete(call)
        async def aclose(self):
            pass
    plugin.backend = Backend()

def hook(name, function):
    setattr(plugin, name, hookimpl(function))
"""
WELL = """
from shunpike_testkit.scripted import ScriptedProvider, answer
plugin = ScriptedProvider("well", answer("all is well"))
plugin.order = -8
"""
LEFT = {
    "its import raises": "raise RuntimeError('cracked')",
    "its import ends the process": "raise SystemExit(7)",
    "its providers are a text": "hook('shunpike_providers', lambda: 'odd')",
    "its providers can not be had": "hook('shunpike_providers', lambda: sys.exit(7))",
    "its models are a number": "hook('shunpike_models', lambda provider: 7 if provider == 'odd' else None)",
    "its models can not be had": "hook('shunpike_models', lambda provider: 1 / 0 if provider == 'odd' else None)",
}
"""Known before anything is asked, so that `doctor` shows it."""
ASKED = {
    "its backend is a text": "hook('shunpike_completion', lambda provider: 'b' if provider == 'odd' else None)",
    "its backend can not be had": "hook('shunpike_completion', lambda provider: 1 / 0 if provider == 'odd' else None)",
    "it ends the process": "async def act(call): sys.exit(7)\ndoing(act)",
    "it cancels": "async def act(call): raise asyncio.CancelledError\ndoing(act)",
    "it gives a text": "async def act(call): return 'fine'\ndoing(act)",
    "its answer has a number for a text": (
        "async def act(call):\n"
        "    message = answer().choices[0].message.model_copy(update={'content': 7})\n"
        "    choice = answer().choices[0].model_copy(update={'message': message})\n"
        "    return answer().model_copy(update={'choices': (choice,)})\n"
        "doing(act)"
    ),
    "its answer has no choices": (
        "async def act(call): return answer().model_copy(update={'choices': None})\ndoing(act)"
    ),
}


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


class Machine:
    """A folder with installed plugins, a home of its own, and the command line over both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.site.mkdir()

    def install(self, name: str, code: str) -> None:
        (self.site / f"a_{name}.py").write_text(code)
        meta = self.site / f"a_{name}-1.0.dist-info"
        meta.mkdir()
        (meta / "METADATA").write_text(f"Metadata-Version: 2.1\nName: a-{name}\nVersion: 1.0\n")
        (meta / "entry_points.txt").write_text(f"[shunpike]\n{name} = a_{name}:plugin\n")

    def run(self, *arguments: str, **environ: str) -> Ran:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "TMPDIR", "LANG")}
        here = {"HOME": str(self.folder), "PYTHONPATH": str(self.site)}
        done = subprocess.run(
            [sys.executable, "-m", "shunpike", *arguments],
            cwd=self.folder,
            env={**kept, **here, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("wrong", [*LEFT, *ASKED])
def test_the_next_provider_answers_and_the_plugin_is_named(machine: Machine, wrong: str) -> None:
    machine.install("odd", f"{HEAD}\n{(LEFT | ASKED)[wrong]}\n")
    machine.install("well", WELL)
    ran = machine.run("hi", "--json")
    assert (ran.code, json.loads(ran.out)["provider"]) == (0, "well"), ran.err
    if wrong in LEFT:
        doctor = machine.run("doctor")
        assert (doctor.code, "odd" in doctor.out, "well 1.0: ready" in doctor.out) == (1, True, True), doctor.out
        assert any("✗" in line and "odd" in line for line in doctor.out.splitlines())
        assert machine.run("providers").code == 0
    else:
        assert "plugin 'odd'" in ran.out


@pytest.mark.parametrize("wrong", ASKED)
def test_alone_its_failure_has_its_exit_code(machine: Machine, wrong: str) -> None:
    machine.install("odd", f"{HEAD}\n{ASKED[wrong]}\n")
    ran = machine.run("ask", "hi", "-m", "odd/m", "--json", "--no-wait")
    error = json.loads(ran.err)["error"]
    assert (ran.code, ran.out) == (error["exit_code"], "")
    assert ran.code in (3, 6)
    assert "plugin 'odd'" in error["message"]


def test_what_a_plugin_prints_does_not_get_into_the_data(machine: Machine) -> None:
    """A script reads stdout: there is the answer, or one object, and nothing else."""
    acts = "async def act(call):\n    print('noise of a call')\n    return answer('fine')\ndoing(act)"
    machine.install("odd", f"{HEAD}\nprint('noise of an import')\n{acts}\n")
    ran = machine.run("hi", "--json")
    assert json.loads(ran.out)["provider"] == "odd"
    assert "noise of a call" in ran.err
    plain = machine.run("ask", "hi")
    assert plain.out == "fine\n"


def test_a_call_that_blocks_everything_ends_with_its_deadline_once_it_gives_way(machine: Machine) -> None:
    acts = "async def act(call):\n    time.sleep(2)\n    return answer('late')\ndoing(act)"
    machine.install("odd", f"{HEAD}\n{acts}\n")
    machine.install("well", WELL)
    ran = machine.run("ask", "hi", "--timeout", "1")
    assert ran.code in (0, 1, 5, 6)


@pytest.mark.parametrize(
    "wrong",
    [
        "raise ValueError('have ' + os.environ['ODD_API_KEY'])",
        "def act(provider): raise ValueError('have ' + os.environ['ODD_API_KEY'])\nhook('shunpike_models', act)",
        "async def act(call): raise ValueError('have ' + os.environ['ODD_API_KEY'])\ndoing(act)",
    ],
    ids=["as it loads", "in a hook", "in a call"],
)
def test_a_key_that_a_plugin_tells_is_shown_and_kept_nowhere(machine: Machine, wrong: str) -> None:
    machine.install("odd", f"{HEAD}\nimport os\n{wrong}\n")
    machine.install("well", WELL)
    key = "wordlike-secret-9"
    ways = (["hi", "--json"], ["ask", "hi", "-m", "odd/m", "--no-wait"], ["limits"], ["doctor"], ["doctor", "--json"])
    said = [machine.run(*way, ODD_API_KEY=key) for way in ways]
    shown = "".join(ran.out + ran.err for ran in said)
    assert key not in shown
    assert "have ***" in shown
    files = [file for file in machine.folder.rglob("*") if file.is_file() and machine.site not in file.parents]
    assert any(file.name.startswith("ledger") for file in files)
    assert not [file for file in files if key.encode() in file.read_bytes()]
