"""Every table at 60, 80 and 120 columns: no line is longer, no word is lost, and a pipe has one line for each row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shunpike.cli import output
from shunpike.cli.tables import aligned
from shunpike.errors import Overloaded
from shunpike.types import Balance, Billing, Calendar, Limit, Price, Rolling, Unit
from shunpike_testkit.scripted import ScriptedProvider, answer

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli
from .test_capabilities import acme

WIDTHS = (60, 80, 120)
COMMANDS = [
    ("providers",),
    ("models",),
    ("models", "--all"),
    ("limits",),
    ("usage",),
    ("usage", "--by", "provider"),
    ("usage", "--by", "day"),
    ("usage", "--by", "tag"),
    ("budget",),
    ("plugins",),
    ("keys", "list"),
    ("config", "show"),
    ("config", "show", "--origin"),
    ("config", "path"),
]


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch) -> tuple[ScriptedProvider, ...]:
    monkeypatch.setenv("ACME_API_KEY", "sk-0123456789abcdef")
    monkeypatch.setenv("SHUNPIKE_ALLOW_PAID", "true")
    monkeypatch.setenv("SHUNPIKE_BUDGETS", '[{amount = "5.00", period = "month"}]')
    monkeypatch.setenv("SHUNPIKE_ORDER", "acme,dear")
    limits = [
        Limit(
            unit=Unit.REQUEST, amount=14_400, window=Calendar(period="day", zone="America/Los_Angeles"), source="page"
        ),
        Limit(unit=Unit.TOTAL_TOKEN, amount=250_000, window=Rolling(seconds=60), source="seen in an answer's header"),
    ]
    acme = ScriptedProvider("acme", answer(), limits=limits)
    acme.env_key = "ACME_API_KEY"
    acme.models = tuple(acme.model(name) for name in ("a-model-with-a-rather-long-name-70b-instruct", "m", "acme/own"))
    return acme, ScriptedProvider("dear", answer(), billing=Billing.CARD, price=Price.per_million("1", "20"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_of_a_table_is_longer_than_the_terminal(
    cli: Cli,
    providers: tuple[ScriptedProvider, ...],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    width: int,
) -> None:
    assert cli("hello", providers=providers).code == 0
    whole = cli(*command, providers=providers)
    monkeypatch.setattr(output, "columns", lambda _: width)
    fitted = cli(*command, providers=providers)
    assert fitted.code == whole.code == 0, fitted.err
    assert max(map(len, fitted.out.splitlines())) <= width, fitted.out
    # Figures change from one look to the next, and what is longer than a line is broken.
    kept = set(re.findall(r"[^\s\d]+", fitted.out))
    lost = {word for word in re.findall(r"[^\s\d]+", whole.out) if len(word) < 20 and "/" not in word} - kept
    assert lost <= {"-"} | set(whole.out.splitlines()[0].split()), fitted.out


@pytest.mark.parametrize("width", WIDTHS)
def test_no_block_account_list_or_trusted_file_is_cut_or_too_broad(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    trusted(tmp_path, "allow_paid = true")
    sick = ScriptedProvider("acme", *[Overloaded("busy", provider="acme", status=503)] * 9)
    sick.models = tuple(sick.model(f"vendor-of-models/a-model-with-a-rather-long-name-{n}b-instruct") for n in (7, 70))
    for _ in range(3):  # Two models each: from five failures in a row on it is closed.
        assert cli("hello", "--no-wait", providers=(sick,)).code == 6
    told = Balance(name="the whole organization", left="12345.678901", used="0.000001", limit="20000", currency="USD")
    able = acme(told=(told, told.model_copy(update={"resets": "on the first day of each month, at midnight UTC"})))
    monkeypatch.setattr(output, "columns", lambda _: width)
    for command, providers, kept in (
        (("limits",), (sick,), "overloaded:"),
        (("balance",), (able,), "12345.67"),
        (("models", "--live"), (able,), "vendor/new:free"),
        (("trust", "--list"), (), "trusted"),
    ):
        ran = cli(*command, providers=providers)
        tables = ran.out.partition("\n\n")[0].splitlines()
        assert tables, f"{command}: {ran.err}"
        assert max(map(len, tables)) <= width, ran.out
        assert kept in ran.out, ran.out


def test_a_pipe_has_one_line_for_each_row(cli: Cli, providers: tuple[ScriptedProvider, ...]) -> None:
    assert len(cli("models", providers=providers).out.splitlines()) == 5


def test_a_column_of_words_is_broken_between_them_and_stays_aligned() -> None:
    rows = [("one", "alpha, beta, gamma, delta, epsilon", "12"), ("three", "alpha", "1")]
    assert aligned(("name", "words", "n"), rows, right=(2,), width=30) == [
        "name   words                 n",
        "one    alpha, beta, gamma,  12",
        "       delta, epsilon",
        "three  alpha                 1",
    ]


def test_where_columns_can_not_fit_each_row_is_lines_of_its_own() -> None:
    rows = [("a-name-that-is-long", "a-word-that-is-long", "-")]
    assert aligned(("name", "word", "n"), rows, width=30) == [
        "name",
        "a-name-that-is-long",
        "  word: a-word-that-is-long",
    ]


def test_the_rest_of_an_id_that_is_longer_than_a_line_is_set_in() -> None:
    assert aligned(("model", "n"), [("acme/a-very-long-name-70b-instruct", "1")], width=20) == [
        "model",
        "acme/a-very-long-nam",
        "    e-70b-instruct",
        "  n: 1",
    ]


@pytest.mark.parametrize(
    "command", [(), ("ask",), ("chat",), ("limits",), ("keys", "set"), ("config", "show"), ("demo",)]
)
def test_h_is_help_everywhere(cli: Cli, command: tuple[str, ...]) -> None:
    short, long = cli(*command, "-h"), cli(*command, "--help")
    assert (short.code, short.err) == (0, "")
    assert short.out == long.out
    assert "Usage: " in short.out


@pytest.mark.parametrize("character", "\u202a\u202e\u2066\u2069\u200e\u200f\u061c\x1b\x9b")
def test_what_turns_the_direction_of_text_is_taken_out_with_the_other_controls(cli: Cli, character: str) -> None:
    acme = ScriptedProvider("acme", RuntimeError(f"moved{character}along"))
    ran = cli("hello", providers=(acme,))
    assert ran.code != 0
    assert character not in ran.err
    (row,) = aligned(("a",), [(f"x{character}y",)])[1:]
    assert row == "xy"


def test_an_id_is_shown_as_it_may_be_typed(cli: Cli, providers: tuple[ScriptedProvider, ...]) -> None:
    shown = cli("models", providers=providers).out
    assert "acme/own " in shown
    assert "acme/acme/own" not in shown + cli("limits", providers=providers).out
    assert cli("-m", "acme/own", "hello", providers=providers).code == 0
