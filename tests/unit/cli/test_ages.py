"""`doctor` warns of every figure that is too old, not only of a file: each has a date of its own."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from shunpike.clock import SystemClock, moment
from shunpike.types import Limit, Rolling, Scope, Unit
from shunpike.types.base import epoch
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import Cli, Ran

OLD = date(2020, 1, 1)


def warnings(ran: Ran) -> list[dict[str, Any]]:
    return [one for one in json.loads(ran.out)["checks"] if "days old" in one["text"]]


@pytest.fixture(autouse=True)
def fresh_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shunpike_testkit.scripted.AS_OF", moment(SystemClock().now()).date())


def provider(**changes: Any) -> ScriptedProvider:
    """A provider all of whose figures are of today, apart from those of one of its two models."""
    made = ScriptedProvider("acme")
    today = moment(SystemClock().now()).date()
    fresh = made.model("fresh").model_copy(update={"as_of": today})
    made.models = (fresh, fresh.model_copy(update={"id": "other", **changes}))
    return made


def test_figures_of_today_need_no_look(cli: Cli) -> None:
    assert warnings(cli("doctor", "--json", providers=(provider(),))) == []


def test_the_price_of_one_model_that_is_old_is_named_although_the_file_is_new(cli: Cli) -> None:
    acme = provider(as_of=OLD)
    (told,) = warnings(cli("doctor", "--json", providers=(acme,)))
    assert told["level"] == "warning"
    assert "acme/other" in told["text"]
    assert "(2020-01-01)" in told["text"]
    assert {one["seen_on"] for one in told["figures"]} == {"2020-01-01"}


def test_old_limits_are_counted_in_one_line_and_listed_each_in_json(cli: Cli) -> None:
    limits = tuple(
        Limit(unit=Unit.REQUEST, amount=amount, window=Rolling(seconds=seconds), observed_at=epoch(seen))
        for amount, seconds, seen in ((30, 60, "2020-01-01"), (900, 3600, "2020-02-01"))
    )
    acme = provider(limits={"only": limits})
    ran = cli("doctor", providers=(acme,))
    assert ran.out.count("days old") == 1
    assert "! acme: 2 of " in ran.out
    (told,) = warnings(cli("doctor", "--json", providers=(acme,)))
    assert [one["seen_on"] for one in told["figures"]] == ["2020-01-01", "2020-02-01"]
    assert "30 requests / 60 s" in told["figures"][0]["what"]


def test_a_limit_that_its_provider_shares_among_models_is_one_figure(cli: Cli) -> None:
    seen = epoch("2020-01-01")
    window = Rolling(seconds=60)
    shared = Limit(unit=Unit.REQUEST, amount=30, window=window, scope=Scope.ACCOUNT, observed_at=seen)
    acme = provider(limits={"only": (shared,)})
    acme.models = tuple(model.model_copy(update={"limits": {"only": (shared,)}}) for model in acme.models)
    (told,) = warnings(cli("doctor", "--json", providers=(acme,)))
    assert len(told["figures"]) == 1


def test_what_retired_is_no_news(cli: Cli) -> None:
    assert warnings(cli("doctor", "--json", providers=(provider(as_of=OLD, status="retired"),))) == []
