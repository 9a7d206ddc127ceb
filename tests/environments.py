"""Environments in which tests run other people's programs: exact versions, made once and kept in the user's cache.

A test is skipped where the package index can't be reached and the cache lacks what is needed, or where Node is not
installed; whatever else keeps an environment from being made fails it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import platformdirs
import pytest

HARNESS = Path(__file__).parent / "harness"
"""Where the programs find ``harness``: it needs nothing but what Python brings."""
# As they were before any test's own: the cache is the user's, and so are uv's and npm's.
_HOME = platformdirs.user_cache_path("shunpike") / "sdk-tests"
_ENVIRON = dict(os.environ)
_UNREACHABLE = (
    "error sending request",
    "failed to fetch",
    "dns error",
    "connection",
    "timed out",
    "network",
    "enotfound",
    "eai_again",
    "enotcached",
)
_KEPT = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
_PATIENCE = 300.0
"""Seconds after which a program is taken to hang."""


def run_program(
    command: Sequence[str | Path], *, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program with nothing of the machine's own settings in its environment."""
    kept = {name: _ENVIRON[name] for name in _KEPT if name in _ENVIRON}
    return subprocess.run(
        list(command),
        env={**kept, "PYTHONUTF8": "1", "PYTHONPATH": str(HARNESS), **(environ or {})},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )


def python_of(pins: Path) -> Path:
    """Return the Python of an environment with exactly the packages of a requirements file."""
    inside = Path("Scripts/python.exe") if os.name == "nt" else Path("bin/python")

    def make(made: Path) -> None:
        _uv("venv", "--quiet", "--relocatable", "--python", sys.executable, made)
        _uv("pip", "install", "--quiet", "--python", made / inside, "--requirements", pins)

    return _environment(pins.stem, f"{sys.version}\n{pins.read_text(encoding='utf-8')}", inside, make) / inside


def modules_of(pins: Path) -> Path:
    """Return the folder ``node_modules`` of a folder with ``package.json`` and ``package-lock.json``."""
    if shutil.which("npm") is None:
        pytest.skip("Node and its npm are not installed")
    files = [pins / "package.json", pins / "package-lock.json"]

    def make(made: Path) -> None:
        made.mkdir()
        for file in files:
            shutil.copy(file, made)
        _made("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline", "--prefix", made)

    inside = Path("node_modules")
    return _environment(pins.name, "\n".join(file.read_text("utf-8") for file in files), inside, make) / inside


def _environment(name: str, content: str, inside: Path, make: Callable[[Path], None]) -> Path:
    """Return the folder of that content; make it where it is not there yet, or lacks what must be ``inside``."""
    place = _HOME / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    if (place / inside).exists():
        return place
    _HOME.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_HOME) as fresh:
        made = Path(fresh) / "environment"
        make(made)
        if not (place / inside).exists():
            shutil.rmtree(place, ignore_errors=True)
        # Whoever comes second throws the own work away; an environment is there whole or not at all.
        if not place.exists():
            made.rename(place)
    return place


def _uv(*arguments: str | Path) -> None:
    found = os.environ.get("UV") or shutil.which("uv")
    command = (found,) if found else (sys.executable, "-m", "uv")
    _made(*command, *arguments)


def _made(*command: str | Path) -> None:
    """Run what makes an environment, and once more from its cache alone if that fails.

    Skip the test where the package index can't be reached and the cache lacks what is needed.
    """
    told = ""
    for more in ([], ["--offline"]):
        # Not from inside the workspace, whose constraints are its own.
        done = subprocess.run([*command, *more], capture_output=True, text=True, cwd=_HOME, env=_ENVIRON, check=False)
        if done.returncode == 0:
            return
        told = told or done.stderr
    if any(word in told.lower() for word in _UNREACHABLE):
        pytest.skip(f"the package index can't be reached, and the cache lacks what this needs: {told.strip()[-300:]}")
    pytest.fail(f"{' '.join(map(str, command))}\n{told}")
