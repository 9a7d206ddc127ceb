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
from .emulated import EmulatedGateway, emulated

HERE = Path(__file__).parent
ALL = os.environ.get("SHUNPIKE_CLIENTS") == "all"
SHUNPIKE = "A shunpike is a side road that drivers use to avoid the toll gate of a main road."
"""What the emulated models answer to ``harness.QUESTION``."""
ROME = {"city": "Rome", "days": 3}
"""And to ``harness.CITY_QUESTION``."""
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


def command_of(folder: Path, scenario: str, requirements: str) -> list[str | Path]:
    """Return what starts a scenario; what it needs beside it is put into ``folder``."""
    script = HERE / "scenarios" / scenario
    if script.suffix != ".mjs":
        return [python_of(HERE / "requirements" / f"{requirements}.txt"), script]
    # Node looks for packages beside the program.
    (folder / "node_modules").symlink_to(modules_of(HERE / "requirements" / requirements))
    for file in (script.with_name("harness.mjs"), script):
        shutil.copy(file, folder)
    return ["node", folder / scenario]


def session_over(gateway: EmulatedGateway, folder: Path, command: list[str | Path]) -> Session:
    """Play a scenario against ``gateway``."""
    environ = {"HOME": str(folder)}
    done = run_program([*command, gateway.url, gateway.world_url], environ=environ, folder=folder)
    assert done.returncode == 0, done.stderr
    return Session(json.loads(done.stdout), gateway.differences())


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Plays the scenario of that name in the environment of those requirements; once a session."""

    @cache
    def once(scenario: str, requirements: str) -> Session:
        folder = tmp_path_factory.mktemp(Path(scenario).stem)
        command = command_of(folder, scenario, requirements)
        with emulated(folder) as gateway:
            return session_over(gateway, folder, command)

    return once
