"""``shunpike explain`` and ``shunpike route``: why a request went where it went, and where one would go."""

from __future__ import annotations

import json
from pathlib import Path

from shunpike.errors import Overloaded
from shunpike.types import Billing, Price
from shunpike_testkit.scripted import ScriptedProvider, answer

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli

LIMITED = """
[providers.south]
limits = [{ unit = "request", amount = 1, per = "3600s" }]
"""


def two() -> tuple[ScriptedProvider, ScriptedProvider]:
    north = ScriptedProvider("north", Overloaded("busy", provider="north", status=503))
    return north, ScriptedProvider("south", answer("two"))


def test_a_request_is_explained_by_its_id_and_as_the_last(cli: Cli) -> None:
    providers = two()
    done = json.loads(cli("Go on", "--json", "--tag", "draft", providers=providers).out)
    told = cli("explain", done["request_id"], providers=providers)
    assert told.code == 0
    assert told.out == cli("explain", "--last", providers=providers).out
    first, *rest = told.out.splitlines()
    assert first.startswith(f"{done['request_id']}: answered by south/m")
    told_of = "\n".join(rest)
    for part in ("strategy priority", "tag draft", "503 overloaded", "north/m", "south/m", "answered", " ms"):
        assert part in told_of
    assert "Go on" not in told.out
    assert "two" not in told.out.split()


def test_as_json_it_is_the_whole_record(cli: Cli) -> None:
    providers = two()
    done = json.loads(cli("Go on", "--json", providers=providers).out)
    told = json.loads(cli("explain", "--last", "--json", providers=providers).out)
    assert (told["request_id"], told["ended"], told["provider"]) == (done["request_id"], "answered", "south")
    assert told["began_at"].endswith("+00:00")
    assert [(one["provider"], one["verdict"], one["rank"]) for one in told["candidates"]] == [
        ("north", "failed", 1),
        ("south", "answered", 2),
    ]
    assert [one["status"] for one in told["attempts"]] == [503, None]


def test_a_request_that_nobody_could_answer_is_explained_too(cli: Cli, tmp_path: Path) -> None:
    trusted(tmp_path, LIMITED)
    south = ScriptedProvider("south", answer("two"))
    cli("Go on", providers=(south,))
    failed = json.loads(cli("Go on", "--json", "--no-wait", providers=(south,)).err)
    told = cli("explain", failed["error"]["request_id"], providers=(south,))
    assert told.code == 0
    assert "nobody could answer" in told.out
    assert "limit 1 request / 3600 s" in told.out
    assert "free again" in told.out


def test_an_id_that_is_not_known_says_what_to_type(cli: Cli) -> None:
    for arguments in (["explain", "req_none"], ["explain", "--last"], ["explain"], ["explain", "a", "--last"]):
        told = cli(*arguments, providers=two())
        assert (told.code, told.out) == (2, "")
        assert "\nhint: " in told.err
    told = cli("explain", "req_none", "--json", providers=two())
    assert (told.code, told.out) == (2, "")
    assert "explain --last" in json.loads(told.err)["error"]["hint"]


def test_a_dry_run_asks_nobody_and_reserves_nothing(cli: Cli) -> None:
    north, south = two()
    told = cli("route", "Go on", "--dry-run", providers=(north, south))
    assert told.code == 0
    lines = told.out.splitlines()
    assert [line.split()[:3] for line in lines[1:3]] == [["1", "north/m", "open"], ["2", "south/m", "open"]]
    assert "first: north/m" in told.err
    assert north.backend.calls == south.backend.calls == []
    assert "nothing was sent" in cli("usage", providers=(north, south)).err
    assert cli("explain", "--last", providers=(north, south)).code == 2, "it was no request"


def test_a_dry_run_tells_what_blocks_whom_and_what_it_costs(cli: Cli, tmp_path: Path) -> None:
    trusted(tmp_path, 'allow_paid = true\nbudgets = [{amount = "1.00", period = "day"}]\n' + LIMITED)
    south = ScriptedProvider("south", answer("two"))
    east = ScriptedProvider("east", answer("3"), billing=Billing.CARD, price=Price.per_million("1", "2"))
    cli("Go on", providers=(south, east))
    told = json.loads(cli("route", "Go on", "--json", "--max-tokens", "100", providers=(south, east)).out)
    first, second = told["planned"]
    assert (first["candidate"]["provider"], first["candidate"]["cause"]) == ("south", "quota")
    assert (first["candidate"]["evidence"]["used"], first["candidate"]["evidence"]["limit"]["amount"]) == (1, 1)
    assert first["candidate"]["retry_at"] is not None
    assert (first["paid"], first["expected_cost"]) == (False, "0")
    assert (second["paid"], second["candidate"]["cause"]) == (True, None)
    assert 0.0002 <= float(second["expected_cost"]) < 0.0004
    assert told["first"]["candidate"]["provider"] == "east"
    assert east.backend.calls == []


def test_a_dry_run_reckons_with_what_the_strategy_reckons_with(cli: Cli, tmp_path: Path) -> None:
    """One row said $0.0011 of a request of which its own strategy said $0.00031."""
    trusted(tmp_path, 'allow_paid = true\nbudgets = [{amount = "1.00", period = "day"}]\n')
    east = ScriptedProvider("east", answer("3"), billing=Billing.CARD, price=Price.per_million("1", "2"))
    (row,) = json.loads(cli("route", "Go on", "--strategy", "cost", "--json", providers=(east,)).out)["planned"]
    assert float(row["expected_cost"]) == float(row["candidate"]["score"]) > 0


def test_a_dry_run_lists_who_was_left_out_and_why(cli: Cli) -> None:
    free = ScriptedProvider("free", answer("1"))
    paid = ScriptedProvider("paid", answer("2"), billing=Billing.CARD, price=Price.per_million("1", "2"))
    told = cli("route", "Go on", providers=(free, paid))
    assert "costs money, and allow_paid is off" in told.out
    wrong = cli("route", "Go on", "-m", "nothing-like-it", providers=(free, paid))
    assert (wrong.code, wrong.out) == (2, "")


def test_strict_on_the_command_line_takes_no_other_model(cli: Cli) -> None:
    providers = ScriptedProvider("north", answer("no", model="m-mini")), ScriptedProvider("south", answer("yes"))
    loose = cli("Go on", "-m", "m", providers=providers)
    assert "north answered with 'm-mini', not with 'm'" in loose.err
    strict = cli("Go on", "-m", "m", "--strict", providers=providers)
    assert (strict.code, strict.out.strip()) == (0, "yes")
    assert "503" not in cli("explain", "--last", providers=providers).out
    assert "substituted" in cli("explain", "--last", providers=providers).out
