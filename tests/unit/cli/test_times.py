"""Points in time in what ``--json`` writes: ISO 8601 with its zone, never a number."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shunpike.errors import Interrupted, RateLimited
from shunpike.types import Calendar, Chunk, Limit, Rolling, Unit
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import Cli

TIMELY = re.compile(r"(?:.*_)?(?:at|until|since|created|started|expires|resets)")
STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?\+00:00")
EARLIEST, LATEST = datetime(2001, 1, 1, tzinfo=UTC).timestamp(), datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def numbers(told: Any, where: str = "") -> Iterator[tuple[str, float]]:
    """Every number in ``told`` that may be an epoch."""
    if isinstance(told, dict):
        for name, value in told.items():
            yield from numbers(value, f"{where}.{name}")
    elif isinstance(told, list):
        for value in told:
            yield from numbers(value, f"{where}[]")
    elif isinstance(told, int | float) and not isinstance(told, bool) and EARLIEST < told < LATEST:
        yield where, told


def timely(told: Any, where: str = "") -> Iterator[tuple[str, object]]:
    """Every value in ``told`` whose name says that it is a point in time."""
    if isinstance(told, dict):
        for name, value in told.items():
            if TIMELY.fullmatch(name) and value is not None and not isinstance(value, dict | list):
                yield f"{where}.{name}", value
            yield from timely(value, f"{where}.{name}")
    elif isinstance(told, list):
        for value in told:
            yield from timely(value, f"{where}[]")


def limited() -> ScriptedProvider:
    day = Limit(unit=Unit.REQUEST, amount=50, window=Calendar(period="day"), observed_at=EARLIEST)
    minute = Limit(unit=Unit.REQUEST, amount=9, window=Rolling(seconds=60))
    return ScriptedProvider("acme", limits=[day, minute])


@pytest.mark.parametrize(
    ("command", "moments"),
    [
        ("ask hi", ["created", "decision.attempts[].started_at", "decision.remaining[].resets_at"]),
        ("limits", ["data[].resets_at", "data[].limit.observed_at", "closed[].until", "closed[].at"]),
        ("budget", []),
        ("usage reconcile", []),
        ("providers", ["data[].remaining[].resets_at"]),
        ("usage", []),
        ("usage --by day", []),
        ("models", []),
        ("doctor", []),
        ("plugins", []),
        ("balance", []),
        ("keys list", []),
        ("config show", []),
    ],
)
def test_every_point_in_time_is_iso_with_its_zone(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str, moments: list[str]
) -> None:
    monkeypatch.setenv("SHUNPIKE_BUDGETS", '[{amount = "1.00", period = "day"}]')
    late = RateLimited("slow down", provider="slow", status=429)
    late.retry_at = LATEST - 10
    slow = ScriptedProvider("slow", late)
    broken = ScriptedProvider("torn", [Chunk(text="a"), Interrupted("gone", provider="torn")])
    providers = (limited(), slow, broken)
    cli("ask", "hi", providers=providers)
    cli("ask", "hi", "-p", "slow", "--no-wait", providers=providers)
    cli("ask", "hi", "-p", "torn", providers=providers)
    told = json.loads(cli(*command.split(), "--json", providers=providers).out)
    assert list(numbers(told)) == []
    found = dict(timely(told))
    assert {name for name, value in found.items() if not STAMP.fullmatch(str(value))} == set()
    assert set(found) >= {f".{name}" for name in moments}


def test_an_error_tells_when_to_come_again_in_iso(cli: Cli) -> None:
    once = Limit(unit=Unit.REQUEST, amount=1, window=Calendar(period="day"))
    only = ScriptedProvider("only", limits=[once])
    cli("ask", "hi", providers=(only,))
    ran = cli("ask", "hi", "--json", "--no-wait", providers=(only,))
    error = json.loads(ran.err)["error"]
    assert STAMP.fullmatch(error["retry_at"])
    assert list(numbers(error)) == []
