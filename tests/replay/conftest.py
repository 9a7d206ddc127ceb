"""The folders that are replayed, and the replay itself: once for all tests of a session."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"
PLACES = [os.environ.get("SHUNPIKE_RECORDINGS"), HERE.parents[2] / "shared" / "recordings"]
RECORDINGS = next((Path(place) for place in PLACES if place and Path(place).is_dir()), None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test one recording, or one fixture of our own, after the other."""
    if "recorded_file" in metafunc.fixturenames:
        found = sorted(RECORDINGS.rglob("*.json")) if RECORDINGS else []
        names = [str(path.relative_to(RECORDINGS)) for path in found if RECORDINGS]
        missing = pytest.param("", marks=pytest.mark.skip(reason="no recordings: set SHUNPIKE_RECORDINGS"))
        metafunc.parametrize("recorded_file", names or [missing])
    if "own_file" in metafunc.fixturenames:
        metafunc.parametrize("own_file", [path.name for path in sorted(FIXTURES.glob("*.json"))])


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of the recordings; without it, what needs them is skipped."""
    if RECORDINGS is None:
        pytest.skip("no recordings: set SHUNPIKE_RECORDINGS")
    return RECORDINGS


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of our own answers."""
    return FIXTURES


def read(folder: Path, name: str) -> dict[str, Any]:
    """Return what a file holds."""
    data: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return data


@pytest.fixture(scope="session")
def read_file() -> Any:
    """The function that reads a file of a folder."""
    return read
