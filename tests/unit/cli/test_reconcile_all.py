"""Settling all at once: what is listed is settled, once a person has said so, and only that."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shunpike.errors import Overloaded
from shunpike.types import Billing, Price
from shunpike_testkit.scripted import ScriptedProvider, answer

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli, Ran

LOST = 2


class Books:
    """The command line over a ledger in which ends are unknown: at two paid providers, and at a free one."""

    def __init__(self, cli: Cli, tmp_path: Path) -> None:
        money = 'allow_paid = true\nbudgets = [{amount = "1.00", period = "day"}]\n'
        trusted(tmp_path, money)
        self._cli = cli
        self._paid = lossy("acme", billing=Billing.CARD, price=Price.per_million("1", "1"))
        self._other = lossy("zeta", billing=Billing.CARD, price=Price.per_million("2", "2"))
        self._free = lossy("gratis")
        for number in range(LOST):
            self("-p", "acme", f"Go on {number}")
        self("-p", "zeta", "Go on")
        self("-p", "gratis", "Go on")

    def __call__(self, *arguments: str, typed: str = "", stdin: str | None = None) -> Ran:
        return self._cli(*arguments, providers=(self._paid, self._other, self._free), typed=typed, stdin=stdin)

    def json(self, *arguments: str) -> Any:
        ran = self(*arguments, "--json")
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    @property
    def open(self) -> list[dict[str, Any]]:
        return list(self.json("usage", "reconcile")["data"])

    @property
    def spent(self) -> Decimal:
        return sum((Decimal(row["cost"]) for row in self.json("usage")["data"]), Decimal(0))


def lossy(name: str, **money: Any) -> ScriptedProvider:
    return ScriptedProvider(name, Overloaded("lost", provider=name, status=502), answer(), **money)


@pytest.fixture
def books(cli: Cli, tmp_path: Path) -> Books:
    return Books(cli, tmp_path)


def test_what_can_have_cost_nothing_is_not_listed(books: Books) -> None:
    """Every lost attempt at a free provider waited for a person to settle it at $0.00."""
    assert {row["provider"] for row in books.open} == {"acme", "zeta"}
    rows = {row["provider"]: row for row in books.json("usage")["data"]}
    assert (rows["gratis"]["unconfirmed"], rows["gratis"]["exact"]) == (0, True)
    assert rows["gratis"]["requests"] > 0
    assert rows["gratis"]["completion_tokens"] > 0, "what it may have used counts on"


def test_all_are_settled_at_their_worst_case(books: Books) -> None:
    worst = {row["attempt_id"]: row["cost"] for row in books.open}
    before = books.json("usage")["data"]
    done = books.json("usage", "reconcile", "--all", "--at-worst", "--yes", "--note", "no bill yet")
    assert (done["settled"], set(done["attempts"])) == (len(worst), set(worst))
    assert books.open == []
    after = books.json("usage")["data"]
    assert [row["cost"] for row in after] == [row["cost"] for row in before]
    assert all(row["exact"] for row in after)


def test_all_are_settled_at_nothing(books: Books) -> None:
    before = books.spent
    ran = books("usage", "reconcile", "--all", "--free", "--yes")
    assert (ran.code, "settled at $0.00 in all" in ran.err) == (0, True)
    assert books.open == []
    assert 0 <= books.spent < before


def test_a_filter_bounds_what_is_listed_and_what_is_settled(books: Books) -> None:
    listed = books.json("usage", "reconcile", "--provider", "acme")["data"]
    assert {row["provider"] for row in listed} == {"acme"}
    done = books.json("usage", "reconcile", "--all", "--free", "-p", "acme", "--yes")
    assert done["settled"] == len(listed) > 0
    assert {row["provider"] for row in books.open} == {"zeta"}


def test_what_is_younger_is_left_alone(books: Books) -> None:
    assert books.json("usage", "reconcile", "--all", "--free", "--older-than", "1h", "--yes")["settled"] == 0
    assert books("usage", "reconcile", "--all", "--free", "--older-than", "soon", "--yes").code == 2


@pytest.mark.parametrize(("typed", "settled"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_a_person_is_asked_and_told_what_for(books: Books, typed: str, settled: bool) -> None:
    count = len(books.open)
    ran = books("usage", "reconcile", "--all", "--at-worst", typed=typed)
    assert f"{count} attempts to be settled at $" in ran.err
    assert "each at its worst case" in ran.err
    assert (books.open == []) is settled


@pytest.mark.parametrize("stdin", ["", "y\n"])
def test_where_no_person_sits_nothing_is_settled_without_a_word(books: Books, stdin: str) -> None:
    ran = books("usage", "reconcile", "--all", "--at-worst", "--provider", "acme", stdin=stdin)
    assert ran.code == 2
    assert "shunpike usage reconcile --all --at-worst --provider acme --yes" in ran.err
    assert books("usage", "reconcile", "--all", "--at-worst", "--json").code == 2
    assert len(books.open) > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--all"], "--at-worst or --free"),
        (["--all", "--at-worst", "--free"], "--at-worst or --free"),
        (["--all", "--cost", "1"], "can't be settled at 1 each"),
        (["--at-worst"], "go with --all"),
        (["req_1", "--all", "--free"], "req_1 alone"),
        (["req_1", "--cost", "0", "--provider", "acme"], "--provider acme goes without an attempt"),
        (["--provider", "nobody"], 'no provider called "nobody"'),
    ],
)
def test_options_that_do_not_go_together_are_named(books: Books, arguments: list[str], said: str) -> None:
    ran = books("usage", "reconcile", *arguments, "--yes")
    assert (ran.code, said in ran.err) == (2, True), ran.err


def test_what_is_known_already_is_no_error(cli: Cli) -> None:
    ran = cli("usage", "reconcile", "--all", "--free", "--yes", providers=(ScriptedProvider("acme"),))
    assert (ran.code, ran.out) == (0, "")
    assert "the end of every attempt is known" in ran.err


def test_a_note_is_kept_for_each(books: Books, tmp_path: Path) -> None:
    count = len(books.open)
    books.json("usage", "reconcile", "--all", "--free", "--yes", "--note", "invoice 7")
    (found,) = tmp_path.rglob("ledger.db")
    with sqlite3.connect(found) as file:
        notes = file.execute("SELECT count(*), min(note), max(note) FROM reconciled").fetchone()
    assert notes == (count, "invoice 7", "invoice 7")
