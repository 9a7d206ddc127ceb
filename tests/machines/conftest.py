"""The machines run on SQLite, and on PostgreSQL where its plugin is installed."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from .rig import quick_place

KINDS = ["sqlite", *(["postgresql"] if find_spec("shunpike_postgres") else [])]


@pytest.fixture(params=KINDS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store. For PostgreSQL a fixture ``postgres_url`` of its plugin's tests gives it."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'ledger.db'}"
    try:
        return str(request.getfixturevalue("postgres_url"))
    except pytest.FixtureLookupError:
        pytest.skip("no fixture postgres_url starts a server here")


@pytest.fixture
def quick() -> Iterator[Path]:
    """An empty folder in memory where there is one: a killed process loses nothing of it, only a power cut would."""
    with quick_place() as place:
        yield place


@pytest.fixture(params=["asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """One event loop: what is tried here is the store and its processes."""
    return str(request.param)
