"""The demo over the real packages, small; and what it says when the books differ."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shunpike.cli.demo_requests import samples
from shunpike.cli.demo_run import differences
from shunpike.plugins import Host
from shunpike.protocols import BookRow
from shunpike.types import Money, UsageRow
from shunpike_sandbox.plugin import plugin as sandbox

from .conftest import Cli


def run_demo(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shunpike", "demo", *arguments]
    environ = {**os.environ, "GROQ_API_KEY": "never-used", "SHUNPIKE_STRATEGY": "never-used"}
    return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=120)


def test_every_provider_answers_and_the_ledger_equals_their_books(tmp_path: Path) -> None:
    ran = run_demo(tmp_path, "--requests", "60", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = json.loads(ran.stdout)
    assert told["ledger_equals_books"] is True
    assert told["silent"] == []
    assert len(told["providers"]) == len(told["books"]) >= 7
    assert all(row["answered"] >= 1 and row["equal"] for row in told["providers"])
    assert list(tmp_path.iterdir()) == [] or not (tmp_path / "ledger.db").exists()


def test_the_table_is_on_stdout_and_progress_on_stderr(tmp_path: Path) -> None:
    ran = run_demo(tmp_path, "--requests", "12", "--faults", "0")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("provider ")
    assert ran.stdout.endswith("ledger = books\n")
    assert "12 of 12" in ran.stderr
    assert "\x1b" not in ran.stdout + ran.stderr


def test_without_a_world_the_demo_names_what_is_missing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Host, "world", lambda self: None)
    for command in (("demo",), ("sandbox", "serve")):
        ran = cli(*command)
        assert ran.code == 2
        assert "no installed plugin brings simulated providers" in ran.err


def test_the_same_seed_gives_the_same_requests() -> None:
    assert list(samples(50, 3)) == list(samples(50, 3))
    assert list(samples(50, 3)) != list(samples(50, 4))
    assert {sample.kind for sample in samples(200, 7)} == {"short", "long", "stream", "json", "schema", "tools"}


LEDGER = UsageRow(
    provider="acme",
    model="m",
    requests=3,
    answered=2,
    released=1,
    unconfirmed=0,
    held=0,
    prompt_tokens=20,
    completion_tokens=10,
    cost=Money(pico=5),
    credit=Money(),
    list_value=Money(pico=5),
)
BOOKS = BookRow(
    provider="acme",
    received=6,
    answered=4,
    refused=2,
    prompt_tokens=40,
    completion_tokens=20,
    billed=Money(pico=10),
    credit=Money(),
    overages=0,
)


def test_a_providers_models_are_added_up_before_they_are_compared() -> None:
    assert differences((LEDGER, LEDGER.model_copy(update={"model": "other"})), (BOOKS,)) == []


@pytest.mark.parametrize("field", ["received", "answered", "prompt_tokens", "completion_tokens", "billed", "credit"])
def test_each_figure_that_differs_is_named_with_both_values(field: str) -> None:
    value = getattr(BOOKS, field)
    more = value + (Money(pico=1) if isinstance(value, Money) else 1)
    found = differences((LEDGER, LEDGER), (BOOKS.model_copy(update={field: more}),))
    assert len(found) == 1
    assert found[0].startswith("acme: ")
    assert str(more) in found[0]


def test_without_a_provider_the_demo_says_so_and_fails(cli: Cli) -> None:
    ran = cli("demo", plugins={"sandbox": sandbox})
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: no provider is installed")
    assert "hint: " in ran.err
