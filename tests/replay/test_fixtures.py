"""Every quirk of the seven wires that is known, in answers of our own: they are read right however they are cut."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import pytest

from shunpike_testkit.replay.__main__ import open_theatre
from shunpike_testkit.replay.lines import line
from shunpike_testkit.replay.recording import read_recording
from shunpike_testkit.replay.summary import summary_differences

ZONES = {"utc": UTC, "pacific": ZoneInfo("America/Los_Angeles")}
SLACK = 60.0
"""Seconds that a replay of all files may take before a moment is checked."""
Row = dict[str, Any]


@cache
def replayed(folder: Path, backend: str) -> dict[str, Row]:
    """The line of each file, all played once on this event loop, cuts included."""
    recordings = [read_recording(path, folder) for path in sorted(folder.glob("*.json"))]

    async def run() -> dict[str, Row]:
        async with open_theatre() as theatre:
            return {one.file: line(await theatre.play(one)) for one in recordings}

    return anyio.run(run, backend=backend)


@pytest.fixture(params=["asyncio", "trio"])
def row(request: pytest.FixtureRequest, fixtures: Path, own_file: str) -> Row:
    return replayed(fixtures, request.param)[own_file]


@pytest.fixture
def wanted(fixtures: Path, own_file: str, read_file: Callable[[Path, str], Row]) -> Row:
    return read_file(fixtures, own_file)


def test_it_is_read_the_same_however_it_is_cut_and_as_it_was_meant(row: Row, wanted: Row) -> None:
    assert row["ok"], (row.get("raised"), row.get("unequal"))
    if "summary" in wanted:
        assert row["error"] is None
        assert summary_differences(wanted["summary"], row) == []
    for name, value in wanted.get("expect", {}).items():
        CHECKS.get(name, _plain)(row, name, value)


def _plain(row: Row, name: str, value: Any) -> None:
    assert row[name] == value


def _error(row: Row, name: str, value: Any) -> None:
    assert row["error"] is not None
    assert row["error"][name] == value


def _count(row: Row, name: str, value: Any) -> None:
    assert row["usage"][name] == value


def _usage(row: Row, name: str, value: Any) -> None:
    got = row["usage"]
    assert value == (got and [got["prompt_tokens"], got["completion_tokens"]]), name


def _warning(row: Row, name: str, value: str) -> None:
    assert any(value in text for text in row["warnings"]), name


def _message(row: Row, name: str, value: str) -> None:
    assert value in row["error"][name]


def _limit(row: Row, name: str, value: str) -> None:
    assert value in row["error"][name]


def _moment(row: Row, name: str, value: float) -> None:
    assert row["error"][name] == pytest.approx(value, abs=1)


def _ahead(row: Row, name: str, value: float | None) -> None:
    moment = row["error"]["retry_at" if name == "retry_in" else "reset_at"]
    if value is None:
        assert moment is None
    else:
        assert moment - time.time() == pytest.approx(value, abs=SLACK)
        assert moment - time.time() <= value


def _midnight(row: Row, name: str, value: str) -> None:
    now = datetime.now(ZONES[value])
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), ZONES[value]).timestamp()
    # The replay may have run before a midnight that has passed since.
    assert row["error"]["reset_at"] in (midnight, midnight - 86_400.0), name


def _evidence(row: Row, name: str, value: list[Row]) -> None:
    found = row[name]
    for want in value:
        assert any(all(have[key] == want[key] for key in want) for have in found), json.dumps(found)


CHECKS: dict[str, Callable[[Row, str, Any], None]] = {
    "kind": _error,
    "status": _error,
    "cause": _error,
    "message": _message,
    "cached_tokens": _count,
    "cache_write_tokens": _count,
    "reasoning_tokens": _count,
    "usage": _usage,
    "warning": _warning,
    "limit": _limit,
    "retry_at": _moment,
    "reset_at": _moment,
    "retry_in": _ahead,
    "reset_in": _ahead,
    "reset": _midnight,
    "evidence": _evidence,
}
