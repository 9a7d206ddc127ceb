"""Wheels built from this checkout, empty environments to put them into, and a home in which nothing is set up."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN = dict(os.environ)
"""The machine's own environment, which tells how the package index is reached; tests see none of it."""


def _uv(*arguments: str | Path) -> None:
    """Run uv, once more from its cache alone where the package index can't be reached."""
    found = os.environ.get("UV") or shutil.which("uv")
    command = [found] if found else [sys.executable, "-m", "uv"]
    for offline in ([], ["--offline"]):
        done = subprocess.run(
            [*command, *arguments, *offline], capture_output=True, text=True, cwd=ROOT, env=OWN, check=False
        )
        if done.returncode == 0:
            return
    pytest.fail(f"uv {' '.join(map(str, arguments))}\n{done.stderr}")


@dataclass(frozen=True)
class Place:
    """An environment with nothing in it but what a test installed, and a home of its own."""

    prefix: Path
    home: Path
    dist: Path
    constraints: Path

    @property
    def bin(self) -> Path:
        return self.prefix / ("Scripts" if os.name == "nt" else "bin")

    def install(self, *packages: str | Path) -> None:
        """Install packages of ours by name, from the wheels; others by the path of their sources."""
        wanted = [self.wheel(package) if isinstance(package, str) else package for package in packages]
        into = ("--python", self.bin / "python", "--constraints", self.constraints, "--find-links", self.dist)
        _uv("pip", "install", "--quiet", *into, *wanted)

    def uninstall(self, *packages: str) -> None:
        _uv("pip", "uninstall", "--quiet", "--python", self.bin / "python", *packages)

    def wheel(self, package: str) -> Path:
        return next(self.dist.glob(f"{package.replace('-', '_')}-*.whl"))

    def environ(self, **variables: str) -> dict[str, str]:
        """Return the whole environment of a command: no key, no setting, no trace of the machine's own user."""
        folders = {f"XDG_{name}_HOME": str(self.home / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
        kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
        path = os.pathsep.join([str(self.bin), os.defpath])
        return {**kept, **folders, "PATH": path, "HOME": str(self.home), "PYTHONUTF8": "1", **variables}

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment; its standard input is empty."""
        return subprocess.run(
            [self.bin / command[0], *command[1:]],
            env=self.environ(**variables),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def shunpike(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("shunpike", *arguments, **variables)


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of the core and of every plugin."""
    folder = tmp_path_factory.mktemp("dist")
    _uv("build", "--quiet", "--wheel", "--all-packages", "--out-dir", folder)
    return folder


@pytest.fixture(scope="session")
def constraints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The versions that the workspace is tested with, so that the environments hold the same."""
    file = tmp_path_factory.mktemp("constraints") / "constraints.txt"
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    file.write_text("\n".join(tools["uv"]["constraint-dependencies"]), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def environments(
    tmp_path_factory: pytest.TempPathFactory, dist: Path, constraints: Path
) -> Callable[[tuple[str, ...]], Path]:
    """A function that returns an environment with these packages, made once for all tests that do not change it."""
    made: dict[tuple[str, ...], Path] = {}

    def environment(packages: tuple[str, ...]) -> Path:
        if packages not in made:
            made[packages] = tmp_path_factory.mktemp("env") / "venv"
            _uv("venv", "--quiet", "--python", sys.executable, made[packages])
            Place(made[packages], made[packages], dist, constraints).install(*packages)
        return made[packages]

    return environment


@pytest.fixture
def place(
    environments: Callable[[tuple[str, ...]], Path], dist: Path, constraints: Path, tmp_path: Path
) -> Callable[..., Place]:
    """A function that returns a shared environment with these packages; ``own=True`` gives one that may be changed."""

    def at(*packages: str, own: bool = False) -> Place:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        prefix = tmp_path / "venv" if own else environments(packages)
        there = Place(prefix, home, dist, constraints)
        if own:
            _uv("venv", "--quiet", "--python", sys.executable, prefix)
            there.install(*packages)
        return there

    return at


@pytest.fixture
def stranger(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a plugin package as somebody else would: ``stranger("parrot", source)``."""

    def write(name: str, source: str, files: Mapping[str, str] | None = None) -> Path:
        folder = tmp_path / f"shunpike-{name}"
        module = folder / "src" / f"shunpike_{name}"
        module.mkdir(parents=True)
        (module / "__init__.py").write_text(dedent(source), encoding="utf-8")
        for file, text in (files or {}).items():
            (module / file).write_text(dedent(text), encoding="utf-8")
        (folder / "pyproject.toml").write_text(
            dedent(f"""
            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"

            [project]
            name = "shunpike-{name}"
            version = "7.0"
            dependencies = ["shunpike>=0.1"]

            [project.entry-points.shunpike]
            {name} = "shunpike_{name}:plugin"
            """),
            encoding="utf-8",
        )
        return folder

    return write


@pytest.fixture
def serving() -> Iterator[Callable[[Place], str]]:
    """A function that starts ``shunpike sandbox serve`` in a place and returns its address."""
    running: list[subprocess.Popen[str]] = []

    def serve(place: Place) -> str:
        command = [str(place.bin / "shunpike"), "sandbox", "serve", "--port", "0"]
        process = subprocess.Popen(
            command, env=place.environ(), cwd=place.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, f"{line}{process.communicate(timeout=10)[1] if not line else ''}"
        return found[0]

    yield serve
    for process in running:
        process.send_signal(signal.SIGINT)
        _, narration = process.communicate(timeout=20)
        assert "Traceback" not in narration
