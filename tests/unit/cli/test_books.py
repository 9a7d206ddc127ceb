"""What the books show: by day and tag, what is not confirmed, budgets, projections, and again with ``--watch``."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from shunpike.cli import watch
from shunpike.cli.forecast import projections
from shunpike.errors import Overloaded
from shunpike.types import Billing, Money, Price
from shunpike_testkit.scripted import ScriptedProvider, answer

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli

PRICE = Price.per_million("1", "1")
PAID = 'allow_paid = true\nbudgets = [{amount = "1.00", period = "day"}, {amount = "5", period = "lifetime"}]\n'


def paid(*steps: object) -> ScriptedProvider:
    return ScriptedProvider("acme", *(steps or (answer(),)), billing=Billing.CARD, price=PRICE)  # type: ignore[arg-type]  # steps


def test_usage_by_provider_day_and_tag(cli: Cli) -> None:
    free = ScriptedProvider("acme", price=PRICE)
    cli("Go on", providers=(free,))
    cli("Go on", providers=(free,))
    for by, first in (("provider", "acme"), ("day", "20"), ("tag", "-")):
        line = cli("usage", "--by", by, providers=(free,)).out.splitlines()[1]
        assert line.startswith(first)
    told = json.loads(cli("usage", "--by", "tag", "--json", providers=(free,)).out)
    (row,) = told["data"]
    assert (row["tag"], row["requests"], row["bound"], row["saved"]) == ("", 2, "exact", "0.00002")
    assert "projections" not in told, "two requests are not enough to go by"


def test_an_unknown_end_is_listed_and_settled_by_hand(cli: Cli, tmp_path: Path) -> None:
    trusted(tmp_path, PAID)
    broken = paid(Overloaded("lost", provider="acme", status=502))
    cli("Go on", providers=(broken,))
    assert "(at most)" in cli("usage", providers=(broken,)).err
    (row,) = json.loads(cli("usage", "reconcile", "--json", providers=(broken,)).out)["data"]
    assert (row["provider"], row["funds"], row["tag"]) == ("acme", "paid", None)
    assert row["attempt_id"] in cli("usage", "reconcile", providers=(broken,)).out
    for wrong in ([], ["--cost", "much"], ["--cost", "-1"]):
        assert cli("usage", "reconcile", row["attempt_id"], *wrong, providers=(broken,)).code == 2
    done = cli("usage", "reconcile", row["attempt_id"], "--cost", "0.000001", "--note", "bill", providers=(broken,))
    assert done.code == 0
    assert cli("usage", "reconcile", row["attempt_id"], "--cost", "0", providers=(broken,)).code == 2
    assert "is known" in cli("usage", "reconcile", providers=(broken,)).err
    assert "(exact)" in cli("usage", providers=(broken,)).err
    day, _ = json.loads(cli("budget", "--json", providers=(broken,)).out)["data"]
    assert (day["used"], day["left"]) == ("0.000001", "0.999999")


def test_budgets_show_what_is_spent_and_left(cli: Cli, tmp_path: Path) -> None:
    ran = cli("budget")
    assert "no budget is set" in ran.err
    assert "allow_paid is off" in ran.err
    trusted(tmp_path, PAID)
    cli("Go on", providers=(paid(),))
    lines = cli("budget", providers=(paid(),)).out.splitlines()
    assert lines[1].startswith("day (UTC)")
    assert lines[2].startswith("lifetime")
    assert "$0.00001" in lines[1]


def test_watch_shows_it_again_until_interrupted(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", sleep)
    ran = cli("limits", "--watch", "--json")
    assert ran.out.splitlines() == ['{"data": [], "has_more": false}'] * 2
    assert ran.code == 130


def test_projections_need_a_week_and_have_an_interval() -> None:
    today, cent = date(2026, 11, 22), 10**10
    days = {today - timedelta(days=back): cent * (1 + back % 2) for back in range(1, 7)}
    assert projections(days, today, 0.5) == ()
    days |= {today - timedelta(days=7): 2 * cent, today: cent}
    day, month = projections(days, today, 0.5)
    assert (day.period, month.period) == ("day", "month")
    for one in (day, month):
        assert one.low <= one.expected <= one.high
    assert day.low.pico >= cent, "what is spent can't be unspent"
    assert month.expected.pico == pytest.approx(12 * cent + 8.5 * 11 / 7 * cent, rel=0.01)
    assert day.text.startswith("by the end of the day: about $")
    assert Money(pico=cent) < day.expected
