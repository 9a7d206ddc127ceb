"""``--max-wait`` and ``--no-paid``: what a call may take in time and money, for `ask` and for `embed`."""

from __future__ import annotations

import pytest

from shunpike.types import Billing, Limit, Price, Rolling, Unit
from shunpike_testkit.scripted import ScriptedProvider

from ..capabilities.scripted_embedding import EmbeddingProvider  # noqa: TID252 - the tests are no package
from .conftest import Cli

ONCE = Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=3600))
EMBED = ("embed", "hello", "-m", "north/embed-1")


def test_a_limit_that_opens_after_it_is_not_waited_for(cli: Cli) -> None:
    providers = (ScriptedProvider("acme", limits=[ONCE]),)
    assert cli("ask", "hello", "--max-wait", "20s", providers=providers).code == 0
    ran = cli("ask", "hello", "--max-wait", "20s", "--timeout", "6h", providers=providers)
    assert (ran.code, "1 request / 3600 s" in ran.err) == (5, True)


@pytest.mark.parametrize("command", [("ask", "hello"), EMBED])
def test_what_is_no_span_of_time_is_rejected(cli: Cli, command: tuple[str, ...]) -> None:
    ran = cli(*command, "--max-wait", "soon", providers=(EmbeddingProvider("north"),))
    assert (ran.code, "--max-wait" in ran.err) == (2, True)


@pytest.mark.parametrize("command", [("ask", "hello"), EMBED])
def test_what_costs_money_is_left_out(cli: Cli, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUNPIKE_ALLOW_PAID", "true")
    monkeypatch.setenv("SHUNPIKE_BUDGETS", '[{ amount = "5", period = "day" }]')
    north = EmbeddingProvider("north")
    north.billing, north.price = Billing.CARD, Price.per_million("1", "2")
    ran = cli(*command, "--no-paid", "--no-wait", providers=(north,))
    assert (ran.code, "no_paid is on" in ran.err) == (2, True)
    assert cli(*command, providers=(north,)).code == 0
