"""A process may live long: what it and its ledger keep does not grow with the number of requests.

``SHUNPIKE_REQUESTS=100000`` makes so many on every store and both ways; the defaults are what a quick run can afford.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .rig import quick_place

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""

SCRIPT = Path(__file__).with_name("growth.py")
REQUESTS = int(os.environ.get("SHUNPIKE_REQUESTS", "0"))
MOST = 30.0
"""Megabytes by which it may grow between its first five thousand requests and the last."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of a process from /proc")
@pytest.mark.parametrize(("kind", "requests"), [("memory", 100_000), ("sqlite", 30_000), ("postgresql", 30_000)])
def test_a_process_that_makes_many_requests_stays_as_small_as_it_was(
    kind: str, requests: int, request: pytest.FixtureRequest
) -> None:
    """What a database keeps is not in the process, so that fewer do there."""
    late, early, counted = sizes(kind, REQUESTS or requests, "ledger", request)
    assert late - early < MOST, f"from {early} to {late} MB"
    assert counted == (REQUESTS or requests)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of a process from /proc")
@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
def test_so_it_does_through_the_whole_client(kind: str, request: pytest.FixtureRequest) -> None:
    requests = REQUESTS or 10_000
    late, early, counted = sizes(kind, requests, "client", request)
    print(f"{kind}: {requests} requests, {counted} attempts, from {early} to {late} MB")
    assert late - early < MOST, f"from {early} to {late} MB"
    assert counted >= requests


def sizes(kind: str, requests: int, through: str, request: pytest.FixtureRequest) -> tuple[float, float, int]:
    """Return the process's size in MB at the end and after the first five thousand, and how many are in the books."""
    with quick_place() as place:
        url = {"memory": "memory:", "sqlite": f"sqlite:{place / 'ledger.db'}"}.get(kind)
        url = url or str(request.getfixturevalue("postgres_url"))
        command = [sys.executable, str(SCRIPT), url, str(requests), through]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1_200)
    assert done.returncode == 0, done.stderr
    early, late, _, counted = done.stdout.splitlines()
    return float(late), float(early), int(counted)
