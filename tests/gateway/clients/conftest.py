"""Real clients, each in an environment of its own, playing a scenario against a gateway over emulated providers.

What takes long is left out unless ``SHUNPIKE_CLIENTS`` is ``all``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ...environments import modules_of, python_of, run_program  # noqa: TID252 - the tests are no package
from .emulated import emulated

HERE = Path(__file__).parent
ALL = os.environ.get("SHUNPIKE_CLIENTS") == "all"
on_demand = pytest.mark.skipif(not ALL, reason="takes long: set SHUNPIKE_CLIENTS=all")


@dataclass(frozen=True)
class Session:
    """What came of a client's steps, and what the gateway's ledger and the providers' books say differently."""

    steps: dict[str, Any]
    differences: list[str]

    def __getitem__(self, step: str) -> Any:
        """The value that a step returned."""
        assert "value" in self.steps[step], self.steps[step]
        return self.steps[step]["value"]

    @property
    def failed(self) -> dict[str, Any]:
        """Step → the error that it ended with, of those that did."""
        return {name: step["error"] for name, step in self.steps.items() if "error" in step}


Play = Callable[[str, str], Session]


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Plays the scenario of that name in the environment of those requirements; once a session."""

    @cache
    def once(scenario: str, requirements: str) -> Session:
        folder = tmp_path_factory.mktemp(scenario)
        script = HERE / "scenarios" / scenario
        if script.suffix == ".mjs":
            # Node looks for packages beside the program.
            (folder / "node_modules").symlink_to(modules_of(HERE / "requirements" / requirements))
            for file in (script.with_name("harness.mjs"), script):
                shutil.copy(file, folder)
            command: list[str | Path] = ["node", folder / scenario]
        else:
            command = [python_of(HERE / "requirements" / f"{requirements}.txt"), script]
        with emulated(folder) as gateway:
            done = run_program([*command, gateway.url, gateway.world_url], environ={"HOME": str(folder)}, folder=folder)
            assert done.returncode == 0, done.stderr
            return Session(json.loads(done.stdout), gateway.differences())

    return once
