"""How the providers do, and what an operator sets while processes run: order, limits, and who did so."""

from __future__ import annotations

import json

import pytest

from shunpike.errors import Overloaded
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import Cli


def two() -> tuple[ScriptedProvider, ScriptedProvider]:
    down = Overloaded("down", provider="acme", status=503)
    return ScriptedProvider("acme", down), ScriptedProvider("home", answer("from home"))


def rows(cli: Cli) -> dict[str, dict[str, object]]:
    return {row["provider"]: row for row in json.loads(cli("health", "--json", providers=two()).out)["data"]}


def test_it_tells_how_fast_those_were_that_another_process_asked(cli: Cli) -> None:
    """Each command is a process of its own, so that it told nobody's speed."""
    cli("Hello", "--no-stream", providers=two())
    told = json.loads(cli("health", "--json", providers=two()).out)["data"]
    (speed,) = next(row for row in told if row["provider"] == "home")["speed_whole"].values()
    assert speed["samples"] > 0.9


def test_it_shows_what_fails_and_what_is_closed_by_it_and_what_was_answered(cli: Cli) -> None:
    providers = two()
    assert cli("Hello", providers=providers).out.strip() == "from home"
    once = rows(cli)["acme"]
    assert (once["state"], once["requests"], once["answered"], once["success"]) == ("open", 1, 0, 0.0)
    assert [(one["scope"], one["state"], one["failures"]) for one in once["places"]] == [("model", "open", 1)]
    assert "1 of 5" in cli("health", providers=providers).out
    for _ in range(5):
        cli("Hello", providers=providers)

    found = rows(cli)
    (place,) = found["acme"]["places"]
    assert (place["state"], place["kind"], place["failures"]) == ("closed", "overloaded", 5)
    assert place["opens_at"] > place["since"]
    assert (found["home"]["state"], found["home"]["answered"], found["home"]["success"]) == ("open", 6, 1.0)
    shown = cli("health", providers=providers)
    assert "open, 1 closed" in shown.out
    assert "overloaded: down" in shown.out
    assert "6 of 6 (100%)" in shown.out
    assert providers[0].backend.calls != []
    assert cli("limits", "clear", "acme", providers=providers).code == 0
    assert rows(cli)["acme"]["places"] == []


def test_it_asks_nobody(cli: Cli) -> None:
    providers = two()
    assert cli("health", providers=providers).code == 0
    assert [one.backend.calls for one in providers] == [[], []]


def test_the_order_is_set_and_taken_back(cli: Cli) -> None:
    providers = ScriptedProvider("acme", answer("from acme")), ScriptedProvider("home", answer("from home"))
    assert cli("Hello", providers=providers).out.strip() == "from acme"
    done = cli("providers", "order", "home", "acme", "--reason", "it is nearer", providers=providers)
    assert (done.code, done.err.strip()) == (0, "preferred in this order: home, acme")
    assert cli("Hello", providers=providers).out.strip() == "from home"
    assert cli("providers", "order", "--reset", providers=providers).code == 0
    assert cli("Hello", providers=providers).out.strip() == "from acme"
    after, before = json.loads(cli("audit", "--json", providers=providers).out)["data"]
    assert (before["after"], before["signed"]["why"], after["after"]) == (["home", "acme"], "it is nearer", None)


def test_limits_are_set_and_taken_back(cli: Cli) -> None:
    providers = (ScriptedProvider("acme", answer("from acme")),)
    done = cli("limits", "set", "acme", "1 request per 3600s", "4 concurrent", "--reason", "dear", providers=providers)
    assert (done.code, done.err.strip()) == (0, "acme is held to: 1 request / 3600 s, 4 concurrent at once")
    assert cli("Hello", providers=providers).code == 0
    assert cli("Hello", "--no-wait", providers=providers).code == 5
    assert cli("limits", "set", "acme", "--reset", providers=providers).code == 0
    assert cli("Hello", "--no-wait", providers=providers).code == 0
    assert "2 limits" in cli("audit", providers=providers).out


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("limits", "set", "acme"), "--reset"),
        (("limits", "set", "acme", "many requests per day"), "it begins with no number"),
        (("limits", "set", "acme", "5 parsecs per day"), "is no limit"),
        (("limits", "set", "acme", "5 request"), "is no limit"),
        (("providers", "order"), "--reset"),
        (("providers", "order", "acme", "acme"), "named twice"),
        (("providers", "order", "nobody"), 'no provider called "nobody"'),
    ],
)
def test_what_can_not_be_set_is_rejected_and_changes_nothing(cli: Cli, typed: tuple[str, ...], told: str) -> None:
    providers = two()
    failed = cli(*typed, providers=providers)
    assert failed.code == 2
    assert told in failed.err
    assert "nothing was changed" in cli("audit", providers=providers).err
