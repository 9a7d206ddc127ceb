"""The options of pytest for contracts: which provider to test without a file, and where to write the result.

pytest imports this in every environment that has the kit, so it imports nothing of shunpike's.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "shunpike_conformance"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("shunpike", "contracts of shunpike")
    group.addoption(
        "--provider",
        action="append",
        default=[],
        metavar="NAME",
        help="test this installed provider: pytest --pyargs shunpike_testkit.suite --provider NAME",
    )
    group.addoption(
        "--wire",
        metavar="MODULE:NAME",
        help="the description of how its API talks, where that is not like OpenAI's chat completions",
    )
    group.addoption("--conformance-json", metavar="PATH", help="write the results of provider contracts there")


def pytest_configure(config: pytest.Config) -> None:
    """Collect the results where they are wanted; a worker of xdist leaves that to its controller."""
    path = config.getoption("conformance_json")
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SuiteResults(Path(path)), "shunpike_conformance_results")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Note whom a result is about."""
    subject = getattr(getattr(item, "cls", None), "conformance_subject", None)
    if subject is not None and item.config.getoption("conformance_json"):
        item.user_properties.append((PROPERTY, subject()))


class SuiteResults:
    """What came of each provider's contract; written when the session ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._providers: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in one result."""
        subject = dict(report.user_properties).get(PROPERTY)
        if not isinstance(subject, dict):
            return
        found = self._providers.setdefault(
            subject["provider"], {**subject, "passed": 0, "failed": [], "expected_failures": {}, "skipped": {}}
        )
        test = report.nodeid.rpartition("::")[2]
        if report.failed:
            found["failed"].append(test)
        elif report.skipped and hasattr(report, "wasxfail"):
            found["expected_failures"][test] = str(report.wasxfail).removeprefix("reason: ")
        elif report.skipped:
            found["skipped"][test] = _reason(report.longrepr)
        elif report.when == "call":
            found["passed"] += 1

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        for found in self._providers.values():
            found["conformant"] = found["passed"] > 0 and not found["failed"]
        result = {
            "kit": version("shunpike-testkit"),
            "core": version("shunpike"),
            "providers": [self._providers[name] for name in sorted(self._providers)],
        }
        self._path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _reason(shown: Any) -> str:
    text = shown[2] if isinstance(shown, tuple) else str(shown)
    return str(text).removeprefix("Skipped: ")
