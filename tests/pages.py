"""Runs what pages show: each block in its language, what is shown under a command must come out."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest

from shunpike.catalog import load_catalog
from shunpike.config import load as load_config

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BIN = Path(sys.executable).parent

FENCE = re.compile(
    r"(?:^<!-- (?P<mark>[^>]+) -->\n)?^```(?P<language>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
SET_UP = "pip install uv && uv run "
KEY = "sandbox-readme-key"


@dataclass
class Desk:
    """Where the blocks of a section are run: a folder, a home, and no key."""

    folder: Path
    variables: dict[str, str]
    site: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        shutil.copy(README, self.folder)
        self.site = self.folder.parent / "site"
        self.site.mkdir()

    @property
    def environ(self) -> dict[str, str]:
        paths = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(self.site)}
        return {**os.environ, **paths, "HOME": str(self.folder.parent), "KEY": KEY, **self.variables}

    def run(self, command: list[str] | str) -> tuple[int, str]:
        """Run a program, or a line in a shell; return its exit code and what a terminal would show."""
        done = subprocess.run(
            command,
            shell=isinstance(command, str),
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout.decode().replace("\r\n", "\n")

    def type_key(self, command: str) -> tuple[int, str]:
        """Run ``command`` on a terminal and type a key when it waits for one: the last blank comes with echo off."""
        script = dedent(f"""
            import os, pty, sys
            seen = bytearray()
            def read(terminal):
                seen.extend(text := os.read(terminal, 4096))
                if seen.endswith(b"hidden): "):
                    os.write(terminal, b"{KEY}\\n")
                return text
            sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))
        """)
        return self.run([sys.executable, "-c", script, "sh", "-c", command])

    def interrupt(self, command: str) -> tuple[int, str]:
        """Run a server until it says that it listens, then press Ctrl-C."""
        line = ["sh", "-c", f"exec {command}"]
        with subprocess.Popen(line, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            said = process.stdout.readline().decode()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) in (0, 130)
        return (0 if "listen" in said else 1), said

    def install(self, folder: Path) -> None:
        """Do what pip does with a package of pure Python: put it on the path, with its entry points."""
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        shutil.copytree(folder / "src", self.site, dirs_exist_ok=True)
        info = self.site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir(exist_ok=True)
        points = "\n".join(f"{name} = {value}" for name, value in project["entry-points"]["shunpike"].items())
        (info / "entry_points.txt").write_text(f"[shunpike]\n{points}\n", encoding="utf-8")
        lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}"]
        lines += [f"Requires-Dist: {one}" for one in project["dependencies"]]
        (info / "METADATA").write_text("\n".join([*lines, ""]), encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def console(desk: Desk, text: str, _mark: str) -> None:
    """Run each line after a ``$``; what is shown under it must come out."""
    assert text.startswith("$ "), "a console block begins with a command"
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        status, output = _run(desk, command)
        assert status == 0, f"$ {command}\n{output}"
        if shown.strip():
            assert _pattern(shown).fullmatch(_trimmed(output)), f"$ {command}\nshows:\n{output}\nnot:\n{shown}"


def _run(desk: Desk, command: str) -> tuple[int, str]:
    command = command.removeprefix(SET_UP)
    if command == "pytest":
        return (0 if shutil.which("pytest", path=str(BIN)) else 1), ""
    if command.startswith("pip install ./"):
        for name in command.split()[2:]:
            if (desk.folder / name).exists():
                desk.install(desk.folder / name)
            else:  # of this repository; tests/fresh installs them
                assert (ROOT / name / "pyproject.toml").is_file(), name
        return 0, ""
    if command.startswith("shunpike keys set ") and "--key-stdin" not in command:
        return desk.type_key(command)
    if command.startswith("shunpike sandbox serve"):
        return desk.interrupt(re.sub(r"--port \d+", "--port 0", command))
    return desk.run(command)


def _pattern(shown: str) -> re.Pattern[str]:
    """``…`` stands for anything in a line, alone for any lines; a time in seconds for any time."""
    lines = []
    for line in _trimmed(shown).splitlines():
        exact = re.sub(r"\d+\\\.\d\\? s\b", r"\\d+(?:\\.\\d)? s", re.escape(line)).replace("…", "[^\n]*")
        lines.append("(?:[^\n]*\n)*?" if line == "…" else f"{exact}\n")
    return re.compile("".join(lines))


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def python(desk: Desk, text: str, mark: str) -> None:
    """Run the block in an interpreter of its own, or keep it as the file that it is."""
    if mark.startswith("file: "):
        desk.write(mark.removeprefix("file: "), text)
        return
    status, output = desk.run([sys.executable, "-c", text])
    assert status == 0, output
    assert output.strip(), "it shows nothing"


def toml(desk: Desk, text: str, mark: str) -> None:
    """Load the block as what it is said to be."""
    name = mark.removeprefix("file: ")
    desk.write(name, text)
    match Path(name).name:
        case "shunpike.toml":
            assert desk.run(["shunpike", "trust"])[0] == 0
            assert any(one.origin.endswith(name) for one in load_config(cwd=desk.folder, environ={}).origins)
        case "provider.toml":
            assert load_catalog(text, name).models
        case "pyproject.toml":
            assert tomllib.loads(text)["project"]["entry-points"]["shunpike"]
        case _:
            pytest.fail(f"a TOML block must be marked with the file that it is, not with {mark!r}")


def diagram(_desk: Desk, text: str, _mark: str) -> None:
    """Nothing to run; commands belong into a console block."""
    assert not re.search(r"^\s*\$ ", text, re.MULTILINE)


RUNNERS = {"console": console, "python": python, "toml": toml, "text": diagram}


def run_blocks(text: str, folder: Path, variables: dict[str, str]) -> None:
    """Run the blocks of ``text`` in their order, in one ``folder``."""
    blocks = list(FENCE.finditer(text))
    assert text.count("```") == 2 * len(blocks), "a fence that this test does not see"
    desk = Desk(folder, variables)
    for mark, language, block in (one.groups("") for one in blocks):
        assert language in RUNNERS, f"nobody knows how to run a block of {language or 'no language'!r}"
        RUNNERS[language](desk, block, mark)
