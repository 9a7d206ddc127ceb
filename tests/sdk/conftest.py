"""The vendors' own SDKs, each in an environment of its own, playing a scenario against a sandbox on a loopback port.

The environments are made once and kept in the user's cache, under a name that follows from the pinned versions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shunpike_sandbox.server import Running
from shunpike_sandbox.world import SimulatedWorld

from ..environments import python_of, run_program  # noqa: TID252 - the tests are no package

HERE = Path(__file__).parent


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
        python = python_of(HERE / "requirements" / f"{requirements}.txt")
        with Running(SimulatedWorld()) as server:
            done = run_program([python, HERE / "scenarios" / f"{scenario}.py", server.url])
            assert done.returncode == 0, done.stderr
            return Played(json.loads(done.stdout), server.world)

    return once
