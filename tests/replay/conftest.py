"""The folders that are replayed, and the replay itself: once for all tests of a session."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shunpike_testkit.replay.asking import CHAT, EMBEDDINGS

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"
PLACES = [os.environ.get("SHUNPIKE_RECORDINGS"), HERE.parents[2] / "shared" / "recordings"]
SPOKEN = {*CHAT, *EMBEDDINGS, "models", "countTokens"}
RECORDINGS = next((Path(place) for place in PLACES if place and Path(place).is_dir()), None)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test one recording, or one fixture of our own, after the other; ``…_stream`` = the streams among them."""
    for name, folder in {"recorded": RECORDINGS, "own": FIXTURES}.items():
        for kind in ("file", "stream"):
            if f"{name}_{kind}" in metafunc.fixturenames:
                missing = pytest.param("", marks=pytest.mark.skip(reason="no recordings: set SHUNPIKE_RECORDINGS"))
                metafunc.parametrize(f"{name}_{kind}", spoken(folder, only_streams=kind == "stream") or [missing])


def spoken(folder: Path | None, *, only_streams: bool) -> list[str]:
    """Return the files of the endpoints that are spoken."""
    files = sorted(folder.rglob("*.json")) if folder else []
    found = {path: json.loads(path.read_text(encoding="utf-8")) for path in files}
    return [
        str(path.relative_to(folder))
        for path, data in found.items()
        if folder
        and data["endpoint"] in (*CHAT, *EMBEDDINGS, "models", "countTokens")
        and (data["stream"] or not only_streams)
    ]


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
