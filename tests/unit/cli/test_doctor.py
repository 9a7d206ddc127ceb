from __future__ import annotations

import json
import time
from datetime import date
from pathlib import Path

import pytest

from shunpike.config import KeyStore
from shunpike.errors import AuthError, Overloaded, RateLimited
from shunpike.plugins import Host
from shunpike.types import Billing, Evidence, Limit, Price, Rolling, Unit
from shunpike.types.plugin import Broken
from shunpike_testkit.scripted import ScriptedProvider, answer

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli
from .test_stored_keys import KEY, Probed


def checks(out: str) -> dict[str, str]:
    return {one["text"]: one["level"] for one in json.loads(out)["checks"]}


def level_of(out: str, part: str) -> str:
    return next(level for text, level in checks(out).items() if part in text)


def test_a_healthy_installation_is_told_so(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", KEY)
    ran = cli("doctor", "--online", providers=(Probed(),))
    assert ran.code == 0, ran.out
    assert "✓ acme" in ran.out
    assert "key ••••abcd from ACME_API_KEY" in ran.out
    assert "reached: 14 models in " in ran.out
    assert "no problems, no warnings" in ran.out
    assert KEY not in ran.out


def test_only_online_asks_the_providers(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", KEY)
    acme = Probed()
    assert cli("doctor", providers=(acme,)).code == 0
    assert acme.keys == []


def test_a_rejected_key_is_a_problem_with_its_next_step(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", KEY)
    refused = Probed(AuthError("the key was rejected", provider="acme", status=401))
    ran = cli("doctor", "--online", providers=(refused,))
    assert ran.code == 1
    assert "✗ acme" in ran.out
    assert "the key was rejected" in ran.out
    assert "shunpike keys set acme" in ran.out


def test_a_provider_without_a_probe_is_only_noted(cli: Cli) -> None:
    ran = cli("doctor", "--online", "--json", providers=(ScriptedProvider("acme", answer()),))
    assert level_of(ran.out, "can't be checked for free") == "note"


def test_without_a_real_key_the_sandbox_answers_and_that_is_a_warning(cli: Cli) -> None:
    box = ScriptedProvider("box", answer())
    box.simulated = True
    ran = cli("doctor", "--json", providers=(box, Probed()))
    assert ran.code == 0
    assert level_of(ran.out, "the sandbox answers") == "warning"
    assert "shunpike keys set acme" in ran.out


def test_nothing_that_can_answer_is_a_problem(cli: Cli) -> None:
    ran = cli("doctor", "--json", providers=(Probed(),))
    assert ran.code == 1
    assert level_of(ran.out, "nothing can answer") == "problem"


def test_an_invalid_file_is_a_problem_and_the_rest_is_still_examined(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "shunpike.toml").write_text("a = ")
    ran = cli("doctor", providers=(Probed(),))
    assert ran.code == 1
    assert "shunpike.toml, line 1, column 5" in ran.out
    assert "loaded: acme" in ran.out


def test_a_broken_plugin_is_named_and_breaks_nothing(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Broken(name="bad", distribution="shunpike-bad", version="1", reason="ImportError: no such thing")
    monkeypatch.setattr(Host, "broken", (bad,))
    acme = ScriptedProvider("acme", answer("Yes"))
    ran = cli("doctor", providers=(acme,))
    assert ran.code == 1
    assert "✗ bad (shunpike-bad 1) is broken: ImportError: no such thing" in ran.out
    assert 'disabled_plugins = ["bad"]' in ran.out
    listed = cli("plugins", providers=(acme,))
    assert "bad (shunpike-bad 1) is broken" in listed.err
    assert json.loads(cli("plugins", "--json", providers=(acme,)).out)["data"][-1]["state"] == "broken"
    assert cli("Go on", providers=(acme,)).out == "Yes\n"


def test_a_keys_file_that_others_could_read_is_closed_and_told(cli: Cli) -> None:
    store = KeyStore()
    store.set("acme", KEY)
    store.path.chmod(0o644)
    ran = cli("doctor", "--json", providers=(Probed(),))
    assert level_of(ran.out, "could be read by others (mode 644)") == "warning"
    assert store.mode() == 0o600


def test_a_broken_keys_file_is_a_problem(cli: Cli) -> None:
    store = KeyStore()
    store.set("acme", KEY)
    store.path.write_text("=")
    ran = cli("doctor", "--json", providers=(Probed(),))
    assert ran.code == 1
    assert level_of(ran.out, "not valid TOML") == "problem"


def test_a_ledger_that_can_not_be_opened_is_a_problem(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHUNPIKE_STORE", "sqlite:/nowhere/at/all/ledger.db")
    ran = cli("doctor", providers=(ScriptedProvider("acme"),))
    assert ran.code == 1
    assert "/nowhere/at/all" in ran.out


def test_old_facts_are_a_warning(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shunpike_testkit.scripted.AS_OF", date(2020, 1, 1))
    ran = cli("doctor", "--json", providers=(ScriptedProvider("acme"),))
    assert level_of(ran.out, "days old (2020-01-01)") == "warning"


def test_a_refusal_that_the_books_did_not_expect_is_a_warning(cli: Cli) -> None:
    minute = Limit(unit=Unit.REQUEST, amount=30, window=Rolling(seconds=60))
    full = Evidence(unit=Unit.REQUEST, amount=30, remaining=0, window_seconds=60, origin="header x")
    refused = RateLimited("slow down", provider="acme", status=429)
    refused.retry_at, refused.evidence, refused.billed = time.time() + 30, (full,), False
    acme = ScriptedProvider("acme", refused, limits=(minute,))
    assert cli("doctor", "--json", providers=(acme,)).code == 0
    assert cli("hello", "--timeout", "5s", providers=(acme,)).code != 0
    ran = cli("doctor", providers=(acme,))
    assert ran.code == 0
    assert "! acme/m refused once by 30 requests / 60 s, while our books had room" in ran.out
    assert "shunpike limits" in ran.out


def test_attempts_of_unknown_end_are_noted_with_what_they_cost_at_most(cli: Cli, tmp_path: Path) -> None:
    trusted(tmp_path, 'allow_paid = true\nbudgets = [{ amount = "1.00", period = "day" }]')
    lost = Overloaded("no answer", provider="acme", kind="timeout")
    acme = ScriptedProvider("acme", lost, billing=Billing.CARD, price=Price.per_million("0", "100"))
    assert cli("hello", "--max-tokens", "1000", providers=(acme,)).code != 0
    ran = cli("doctor", providers=(acme,))
    assert "- 1 attempt whose end is not known, booked at their worst case: $0.10 at most" in ran.out
    assert "shunpike usage reconcile" in ran.out


def test_names_that_are_of_nothing_are_named_with_the_nearest_one(cli: Cli, tmp_path: Path) -> None:
    trusted(tmp_path, 'order = ["acne"]\nstrategy = "x"\n[providers.sandbx]\n')
    ran = cli("doctor", providers=(ScriptedProvider("acme"),))
    assert "line 1: order: there is no provider 'acne'. Did you mean 'acme'?" in ran.out
    assert "line 3: providers.sandbx: no installed plugin brings 'sandbx'" in ran.out
    assert "✗ strategy: no installed plugin has one called 'x'" in ran.out
    assert ran.code == 1


def test_a_budget_of_nobody_is_a_problem(cli: Cli, tmp_path: Path) -> None:
    trusted(tmp_path, 'budgets = [{amount = "1.00", period = "day", provider = "Acme"}]\n')
    ran = cli("doctor", providers=(ScriptedProvider("acme"),))
    assert "there is no provider 'Acme'" in ran.out
    assert ran.code == 1
    assert cli("ask", "hi", providers=(ScriptedProvider("acme"),)).code == 3


def test_without_a_network_nobody_is_told_to_replace_a_key(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", KEY)
    ran = cli("doctor", "--online", providers=(Probed(Overloaded("no way there", provider="acme", kind="connection")),))
    assert ran.code == 1
    assert "replace the key" not in ran.out
    assert "is this machine online" in ran.out
