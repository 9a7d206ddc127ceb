"""The vendors' own SDKs, each in an environment of its own, playing a scenario against a sandbox on a loopback port.

The environments are made once and kept in the user's cache, under a name that follows from the pinned versions.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from shunpike_sandbox.server import Running
from shunpike_sandbox.world import SimulatedWorld

HERE = Path(__file__).parent
# As they were before any test's own: the cache is the user's, and so is uv's.
_HOME = platformdirs.user_cache_path("shunpike") / "sdk-tests"
_ENVIRON = dict(os.environ)
_UNREACHABLE = ("error sending request", "failed to fetch", "dns error", "connection", "timed out", "network")
_KEPT = ("SYSTEMROOT", "TMPDIR", "TEMP", "TMP")


@dataclass(frozen=True)
class Played:
    """What came of a scenario's steps, and the sandbox's books about them."""

    steps: dict[str, Any]
    world: SimulatedWorld

    def __getitem__(self, step: str) -> Any:
        """The value that a step returned."""
        assert "value" in self.steps[step], self.steps[step]
        return self.steps[step]["value"]

    def books(self, provider: str, step: str, *, free: bool = False) -> dict[str, Any]:
        """What the provider recorded about the account of one step."""
        key = f"sandbox-{step}" if free else f"sandbox-paid-{step}"
        return dict(self.world.books(key)[provider])


Play = Callable[[str, str], Played]


@pytest.fixture(scope="session")
def play() -> Play:
    """Plays the scenario of that name with the SDK of those requirements; once a session, however often it is asked."""

    @cache
    def once(scenario: str, requirements: str) -> Played:
        python = _environment(requirements)
        with Running(SimulatedWorld()) as server:
            done = subprocess.run(
                [python, HERE / "scenarios" / f"{scenario}.py", server.url],
                env={**{name: _ENVIRON[name] for name in _KEPT if name in _ENVIRON}, "PYTHONUTF8": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            return Played(json.loads(done.stdout), server.world)

    return once


def _environment(requirements: str) -> Path:
    """Return the Python of an environment with exactly these packages; make it where it is not there yet."""
    pins = HERE / "requirements" / f"{requirements}.txt"
    digest = hashlib.sha256(f"{sys.version}\n{pins.read_text(encoding='utf-8')}".encode()).hexdigest()[:16]
    place = _HOME / f"{requirements}-{digest}"
    inside = Path("Scripts/python.exe") if os.name == "nt" else Path("bin/python")
    if (place / inside).exists():
        return place / inside
    _HOME.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_HOME) as fresh:
        made = Path(fresh) / "environment"
        _uv("venv", "--quiet", "--relocatable", "--python", sys.executable, made)
        _uv("pip", "install", "--quiet", "--python", made / inside, "--requirements", pins)
        shutil.rmtree(place, ignore_errors=True)
        # Whoever comes second throws the own work away; an environment is there whole or not at all.
        if not place.exists():
            made.rename(place)
    return place / inside


def _uv(*arguments: str | Path) -> None:
    """Run uv, and once more from its cache alone where the package index can't be reached; skip if that fails too."""
    found = os.environ.get("UV") or shutil.which("uv")
    command = [found] if found else [sys.executable, "-m", "uv"]
    told = ""
    for offline in ([], ["--offline"]):
        # Not from inside the workspace, whose constraints are its own.
        done = subprocess.run(
            [*command, *arguments, *offline], capture_output=True, text=True, cwd=_HOME, env=_ENVIRON, check=False
        )
        if done.returncode == 0:
            return
        told = told or done.stderr
    if any(word in told.lower() for word in _UNREACHABLE):
        pytest.skip(f"the package index can't be reached, and uv's cache lacks this SDK: {told.strip()[-300:]}")
    pytest.fail(f"uv {' '.join(map(str, arguments))}\n{told}")
