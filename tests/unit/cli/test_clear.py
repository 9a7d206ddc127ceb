"""What is closed is shown with its origin, and a person opens it before its time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typing_extensions import override

from shunpike.clock import SystemClock
from shunpike.errors import AuthError, Overloaded, RateLimited
from shunpike.types import Billing, Chunk, Money, Price, Usage
from shunpike_testkit.scripted import ScriptedProvider

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli

PAID = 'allow_paid = true\nbudgets = [{amount = "1.00", period = "day"}]\n'


class Later(SystemClock):
    """The clock of one who looks a minute later."""

    @override
    def now(self) -> float:
        return super().now() + 60.0


def dear() -> ScriptedProvider:
    """Return a paid provider that bills more than it ever can for each answer."""
    usage = Usage(prompt_tokens=7, completion_tokens=3)
    bill = [Chunk(text="fine"), Chunk(finish_reason="stop", usage=usage, stated_cost=Money.usd("0.5"))]
    return ScriptedProvider("acme", bill, billing=Billing.CARD, price=Price.per_million("1", "1"))


def busy(cli: Cli) -> ScriptedProvider:
    """Return a free provider that told to wait for a day."""
    told = RateLimited("busy", provider="acme", status=429)
    told.retry_at = 4_000_000_000.0
    provider = ScriptedProvider("acme", told)
    assert cli("Go on", providers=(provider,)).code != 0
    return provider


def test_a_bill_above_the_worst_case_is_shown_everywhere_and_stops_what_is_paid(cli: Cli, tmp_path: Path) -> None:
    """With its figures and the next command; the answer itself is not lost."""
    trusted(tmp_path, PAID)
    provider = dear()
    assert cli("Go on", providers=(provider,)).code == 0
    second = cli("Go on", providers=(provider,))
    assert second.code != 0, "the next one was sent"
    assert "shunpike limits clear acme" in second.err
    doctor = cli("doctor", providers=(provider,))
    assert doctor.code == 1
    assert "acme is frozen" in doctor.out
    assert "$0.50" in doctor.out
    assert "shunpike limits clear acme" in doctor.out
    budget = cli("budget", providers=(provider,))
    assert "acme is frozen" in budget.err
    (row,) = json.loads(cli("budget", "--json", providers=(provider,)).out)["data"]
    assert row["frozen"] == ["acme"]
    (closed,) = json.loads(cli("limits", "--json", providers=(provider,)).out)["closed"]
    assert (closed["name"], closed["until"], closed["frozen"]) == ("acme", None, True)


def test_a_frozen_account_is_opened_by_hand_once(cli: Cli, tmp_path: Path) -> None:
    trusted(tmp_path, PAID)
    provider = dear()
    cli("Go on", providers=(provider,))
    done = json.loads(cli("limits", "clear", "acme", "--note", "paid back", "--json", providers=(provider,)).out)
    (row,) = done["data"]
    assert (row["note"], row["frozen"], "@" in row["who"]) == ("paid back", True, True)
    assert "nothing of acme is closed" in cli("limits", "clear", "acme", providers=(provider,)).err
    assert cli("Go on", providers=(provider,)).code == 0


@pytest.mark.parametrize("name", ["acme", "acme/m-1", "bucket", "--all"])
def test_a_block_is_shown_with_its_origin_and_opened_by_any_of_its_names(cli: Cli, name: str) -> None:
    provider = busy(cli)
    (closed,) = json.loads(cli("limits", "--json", providers=(provider,)).out)["closed"]
    assert (closed["origin"], closed["reason"]) == ("HTTP 429", "acme said rate_limited")
    assert closed["test_at"] < closed["until"]
    shown = cli("limits", providers=(provider,))
    assert "acme said rate_limited" in shown.out
    assert "HTTP 429" in cli("doctor", providers=(provider,)).out
    chosen = {"bucket": closed["bucket"], "acme/m-1": closed["name"]}.get(name, name)
    opened = cli("limits", "clear", chosen, providers=(provider,))
    assert (opened.code, "is open again" in opened.err) == (0, True)
    assert "closed" not in json.loads(cli("limits", "--json", providers=(provider,)).out)


def test_clearing_needs_a_name_that_there_is(cli: Cli) -> None:
    provider = busy(cli)
    assert "open what?" in cli("limits", "clear", providers=(provider,)).err
    assert cli("limits", "clear", "acme", "--all", providers=(provider,)).code == 2
    slip = cli("limits", "clear", "acne", providers=(provider,))
    assert (slip.code != 0, "acme" in slip.err) == (True, True)


def test_a_bill_where_nothing_can_cost_anything_is_the_same_in_every_command(cli: Cli, tmp_path: Path) -> None:
    """The answer said $0.00 and no budget saw it; now nothing more is sent to that account."""
    trusted(tmp_path, PAID)
    usage = Usage(prompt_tokens=7, completion_tokens=3)
    bill = [Chunk(text="fine"), Chunk(finish_reason="stop", usage=usage, stated_cost=Money.usd("0.5"))]
    provider = ScriptedProvider("acme", bill)
    first = cli("Go on", providers=(provider,))
    assert (first.code, "$0.50" in first.err.splitlines()[-1]) == (0, True)
    assert "warning: acme/m billed $0.50, though it could not cost anything" in first.err
    second = cli("Go on", providers=(provider,))
    assert (second.code != 0, "shunpike limits clear acme" in second.err) == (True, True)
    (row,) = json.loads(cli("budget", "--json", providers=(provider,)).out)["data"]
    assert (float(row["used"]), row["frozen"]) == (0.5, ["acme"])
    assert "$0.50" in cli("usage", providers=(provider,)).out
    doctor = cli("doctor", providers=(provider,))
    assert (doctor.code, "acme is frozen, since" in doctor.out) == (1, True)
    assert cli("limits", "clear", "acme", providers=(provider,)).code == 0
    assert cli("Go on", providers=(provider,)).code == 0


def test_what_is_down_is_shown_by_its_provider_with_its_failures_and_opened_by_hand(cli: Cli) -> None:
    """Only the process that had seen it knew, and none of its commands told."""
    down = Overloaded("connection refused", provider="acme", kind="connection")
    down.billed = False
    providers = (ScriptedProvider("acme", down), ScriptedProvider("other"))
    for _ in range(5):
        assert cli("Go on", providers=providers).code == 0
    again = (ScriptedProvider("acme"), ScriptedProvider("other"))
    (closed,) = json.loads(cli("limits", "--json", providers=again).out)["closed"]
    assert (closed["name"], closed["failures"], closed["frozen"]) == ("acme", 5, False)
    shown = cli("limits", providers=again).out
    assert "its address" in shown
    assert "connection: connection refused" in shown
    assert closed["origin"] in shown
    doctor = cli("doctor", providers=again)
    assert "acme: its address" in doctor.out
    assert "shunpike limits clear acme" in doctor.out
    told = cli("limits", "clear", "acme", providers=again).err
    assert told == "acme is open again: its address, which was closed for this: connection: connection refused\n"
    assert "closed" not in json.loads(cli("limits", "--json", providers=again).out)


def test_a_block_of_a_former_key_is_not_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that worked again was listed as closed for an hour, by the key that had been replaced."""
    refused = ScriptedProvider("acme", AuthError("no", provider="acme", status=401))
    works = ScriptedProvider("acme")
    refused.env_key = works.env_key = "ACME_API_KEY"
    monkeypatch.setenv("ACME_API_KEY", "sk-0123456789-old")
    assert cli("Go on", providers=(refused,)).code == 4
    assert "its key" in cli("limits", providers=(works,)).out
    monkeypatch.setenv("ACME_API_KEY", "sk-0123456789-new")
    assert cli("Go on", providers=(works,)).code == 0
    assert "closed" not in json.loads(cli("limits", "--json", providers=(works,)).out)
    assert "its key" not in cli("limits", providers=(works,)).out
    assert "its key" not in cli("doctor", providers=(works,)).out


def test_what_may_be_asked_again_is_not_shown_as_closed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its failures are remembered for a while, so that the next one counts; nothing keeps requests away."""
    down = Overloaded("connection refused", provider="acme", kind="connection")
    down.billed = False
    providers = (ScriptedProvider("acme", down), ScriptedProvider("other"))
    for _ in range(5):
        assert cli("Go on", providers=providers).code == 0
    assert json.loads(cli("limits", "--json", providers=providers).out)["closed"]
    for module in ("limits", "checkup"):
        monkeypatch.setattr(f"shunpike.cli.{module}.SystemClock", Later)
    assert "closed" not in json.loads(cli("limits", "--json", providers=providers).out)
    assert "its address" not in cli("limits", providers=providers).out
    (line,) = [line for line in cli("doctor", providers=providers).out.splitlines() if "its address" in line]
    assert "was in trouble, the next request tests it" in line
    assert "!" not in line, "what may be asked again is no warning"
