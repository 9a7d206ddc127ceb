"""What is shown as left is what is left after the answer, not while its worst case was held."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shunpike.types import Billing, Price
from shunpike_testkit.scripted import ScriptedProvider

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli

ASK = ("ask", "hi", "--max-tokens", "8000")


@pytest.fixture
def paid(tmp_path: Path) -> ScriptedProvider:
    trusted(tmp_path, 'allow_paid = true\nbudgets = [{amount = "0.50", period = "day"}]\n')
    return ScriptedProvider("acme", billing=Billing.CARD, price=Price.per_million("1", "20"))


@pytest.mark.parametrize("more", [(), ("--no-stream",)])
def test_the_footer_shows_what_is_left_after_settling(cli: Cli, paid: ScriptedProvider, more: tuple[str, ...]) -> None:
    ran = cli(*ASK, *more, providers=(paid,))
    assert "$0.000067" in ran.err
    assert "$0.49 of $0.50 / day (UTC) left" in ran.err, "$0.16 of it was only held"


def test_json_shows_what_is_left_after_settling(cli: Cli, paid: ScriptedProvider) -> None:
    told = json.loads(cli(*ASK, "--json", providers=(paid,)).out)
    (left,) = told["decision"]["remaining"]
    assert left["limit"]["unit"] == "usd"
    (budget,) = json.loads(cli("budget", "--json", providers=(paid,)).out)["data"]
    assert budget["used"] == "0.000067"
    assert str(left["used"]) in ("67000000", "0.000067")
