"""Settling by hand: a slip of the pen does not get into the books."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shunpike.errors import Overloaded
from shunpike.types import Billing, Price
from shunpike_testkit.scripted import ScriptedProvider

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli


@pytest.fixture
def lost(cli: Cli, tmp_path: Path) -> tuple[ScriptedProvider, str]:
    """Return a paid provider and an attempt there whose end is not known."""
    trusted(tmp_path, 'allow_paid = true\nbudgets = [{amount = "1.00", period = "day"}]\n')
    provider = ScriptedProvider(
        "acme",
        Overloaded("lost", provider="acme", status=502),
        billing=Billing.CARD,
        price=Price.per_million("1", "1"),
    )
    cli("Go on", providers=(provider,))
    (row,) = json.loads(cli("usage", "--json", "reconcile", providers=(provider,)).out)["data"]
    return provider, row["attempt_id"]


@pytest.mark.parametrize("cost", ["10000000", "1e400", "1e999999999", "nan", "-1", "much"])
def test_an_impossible_cost_is_refused_by_name(cli: Cli, lost: tuple[ScriptedProvider, str], cost: str) -> None:
    provider, attempt = lost
    ran = cli("usage", "reconcile", attempt, "--cost", cost, "--over", providers=(provider,))
    assert ran.code == 2
    assert f"--cost '{cost}'" in ran.err


def test_more_than_was_listed_as_at_most_takes_a_word(cli: Cli, lost: tuple[ScriptedProvider, str]) -> None:
    provider, attempt = lost
    ran = cli("usage", "reconcile", attempt, "--cost", "42", providers=(provider,))
    assert ran.code == 2
    assert "at most" in ran.err
    assert f"shunpike usage reconcile {attempt} --cost 42 --over" in ran.err
    done = cli("usage", "--json", "reconcile", attempt, "--cost", "42", "--over", providers=(provider,))
    assert done.code == 0
    assert json.loads(done.out)["cost"] == "42"


def test_a_cost_without_an_attempt_is_not_ignored(cli: Cli, lost: tuple[ScriptedProvider, str]) -> None:
    ran = cli("usage", "reconcile", "--cost", "5", providers=(lost[0],))
    assert (ran.code, ran.out) == (2, "")
    assert "of which attempt?" in ran.err


def test_a_note_is_one_line(cli: Cli, lost: tuple[ScriptedProvider, str]) -> None:
    provider, attempt = lost
    ran = cli("usage", "reconcile", attempt, "--cost", "0", "--note", "a\nb", providers=(provider,))
    assert ran.code == 2
    assert "--note may not hold" in ran.err


@pytest.mark.parametrize(
    ("tag", "said"), [("a\nb", r"the character '\n'"), ("x" * 65, "64 characters, got 65"), ("\x1b[2J", "\\x1b")]
)
def test_a_tag_that_would_break_a_table_is_refused(cli: Cli, tag: str, said: str) -> None:
    provider = ScriptedProvider("acme")
    ran = cli("ask", "hi", "--tag", tag, providers=(provider,))
    assert ran.code == 2
    assert said in ran.err
    assert provider.backend.calls == []
    assert cli("ask", "hi", "--tag", "Zoë's task 1", providers=(provider,)).code == 0
