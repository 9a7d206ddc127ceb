"""A process may live long: what it and its ledger keep does not grow with the number of requests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .rig import quick_place

SCRIPT = Path(__file__).with_name("growth.py")
MOST = 30.0
"""Megabytes by which it may grow between its first five thousand requests and the last."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the size of a process from /proc")
@pytest.mark.parametrize(("kind", "requests"), [("memory", 100_000), ("sqlite", 30_000), ("postgresql", 30_000)])
def test_a_process_that_makes_many_requests_stays_as_small_as_it_was(
    kind: str, requests: int, request: pytest.FixtureRequest
) -> None:
    """By hand all are tried with a hundred thousand: what a database keeps is not in the process."""
    with quick_place() as place:
        url = {"memory": "memory:", "sqlite": f"sqlite:{place / 'ledger.db'}"}.get(kind)
        url = url or str(request.getfixturevalue("postgres_url"))
        command = [sys.executable, str(SCRIPT), url, str(requests)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    early, late, _, counted = done.stdout.splitlines()
    assert float(late) - float(early) < MOST, f"from {early} to {late} MB"
    assert int(counted) == requests
