"""Why nobody was asked is told in a field, and the hint begins with what opens by itself, not with how to pay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shunpike.types import Billing, Limit, Price, Rolling, Unit
from shunpike_testkit.scripted import ScriptedProvider

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli, Ran

PRICE = Price.per_million("1", "20")
BUDGET = 'allow_paid = true\nbudgets = [{amount = "0.002", period = "day"}]'
MINUTES = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=600))


def free(*, source: str = "") -> ScriptedProvider:
    return ScriptedProvider("free", limits=[MINUTES.model_copy(update={"source": source})])


def paid() -> ScriptedProvider:
    return ScriptedProvider("dear", billing=Billing.CARD, price=PRICE)


def blocked(ran: Ran) -> dict[str, Any]:
    return {one["provider"]: one for one in json.loads(ran.err)["error"]["blocked"]}


@pytest.mark.parametrize(
    ("text", "more", "by", "cause"),
    [
        ("", (), "policy", "policy"),
        ("allow_paid = true", (), "policy", "policy"),
        (
            'allow_paid = true\nbudgets = [{amount = "0.002", period = "day"}]',
            ("--max-tokens", "8000"),
            "budget",
            "too_large",
        ),
        ("[providers.dear]\nenabled = false", (), None, "off"),
    ],
)
def test_what_keeps_a_paid_provider_out_is_told_in_a_field(
    cli: Cli, tmp_path: Path, text: str, more: tuple[str, ...], by: str | None, cause: str
) -> None:
    trusted(tmp_path, text)
    ran = cli("ask", "hi", "--json", *more, providers=(paid(),))
    assert (blocked(ran)["dear"]["by"], blocked(ran)["dear"]["cause"]) == (by, cause)
    assert ran.code == (2 if cause == "too_large" else 3)


@pytest.mark.parametrize("source", ["", "paced: no", "allow_paid is off", "policy", "shunpike limits clear free"])
def test_the_words_of_a_limits_source_decide_nothing(cli: Cli, source: str) -> None:
    """A provider's page may say anything."""
    assert cli("ask", "hi", "--no-wait", providers=(free(source=source),)).code == 0
    ran = cli("ask", "hi", "--no-wait", "--json", providers=(free(source=source),))
    error = json.loads(ran.err)["error"]
    assert (ran.code, blocked(ran)["free"]["by"]) == (5, "limit")
    assert "limit 1 request / 600 s" in error["message"]
    assert blocked(ran)["free"]["retry_at"] == error["retry_at"]


def test_what_opens_by_itself_is_said_first_and_how_to_pay_last(cli: Cli) -> None:
    both = (free(), paid())
    assert cli("ask", "hi", "--no-wait", providers=both).code == 0
    ran = cli("ask", "hi", "--no-wait", providers=both)
    assert ran.code == 5
    hint = ran.err.partition("hint: ")[2]
    assert hint.startswith("wait until ")
    assert ", in 10 min" in hint
    assert 0 < hint.index("add a provider: shunpike keys set NAME") < hint.index("allow_paid = true")


def test_a_paid_provider_alone_is_not_sold_before_a_free_one_is_named(cli: Cli) -> None:
    ran = cli("ask", "hi", providers=(paid(),))
    hint = ran.err.partition("hint: ")[2]
    assert hint.startswith("add a free provider: shunpike keys set NAME")
    assert (
        hint.index("or pay: at the top of your own file (shunpike config path): allow_paid = true   and: budgets = [")
        > 0
    )
