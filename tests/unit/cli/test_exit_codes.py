"""Where nobody was asked, the exit code says what would help; 6 is for providers that failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shunpike.errors import Overloaded
from shunpike.types import Billing, Price
from shunpike_testkit.scripted import ScriptedProvider

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli, Ran

PRICE = Price.per_million("1", "20")

NOTHING = '[providers.acme]\nlimits = [{unit = "request", amount = 0, per = "day UTC"}]'


def paid(*steps: Exception) -> ScriptedProvider:
    return ScriptedProvider("acme", *steps, billing=Billing.CARD, price=PRICE)


def _asked(cli: Cli, folder: Path, text: str, provider: ScriptedProvider, *more: str) -> Ran:
    trusted(folder, text)
    ran = cli("ask", "hi", *more, providers=(provider,))
    again = cli("ask", "hi", *more, "--json", providers=(provider,))
    assert json.loads(again.err)["error"]["exit_code"] == again.code == ran.code
    return ran


@pytest.mark.parametrize(
    ("text", "more", "code", "said"),
    [
        ("", (), 3, "costs money, and allow_paid is off"),
        ("allow_paid = true", (), 3, "allow_paid is on, but no budget bounds it"),
        ('allow_paid = true\nbudgets = [{amount = "0", period = "month"}]', (), 3, "budget $0.00 / month (UTC)"),
        (
            'allow_paid = true\nbudgets = [{amount = "0.002", period = "day"}]',
            ("--max-tokens", "8000"),
            2,
            "too large for the budget $0.002 / day (UTC): lower max_tokens to ",
        ),
        (
            'allow_paid = true\nbudgets = [{amount = "5", period = "day"}]\n' + NOTHING,
            (),
            3,
            "limit 0 requests / day (UTC)",
        ),
    ],
)
def test_what_the_owner_or_the_caller_can_change(
    cli: Cli, tmp_path: Path, text: str, more: tuple[str, ...], code: int, said: str
) -> None:
    provider = paid()
    ran = _asked(cli, tmp_path, text, provider, *more)
    assert said in ran.err
    assert "hint: " in ran.err
    assert ran.code == code
    assert provider.backend.calls == []


def test_what_is_used_up_for_good_is_a_quota_although_no_time_opens_it(cli: Cli, tmp_path: Path) -> None:
    text = 'allow_paid = true\nbudgets = [{amount = "0.03", period = "lifetime"}]'
    lost = paid(Overloaded("lost", provider="acme", status=502))
    trusted(tmp_path, text)
    assert cli("ask", "hi", "--max-tokens", "1400", providers=(lost,)).code == 6
    ran = _asked(cli, tmp_path, text, paid())
    assert "budget $0.03 in all" in ran.err
    assert "no time opens it again" in ran.err
    assert ran.code == 5


def test_a_request_that_no_model_can_serve_is_the_calls(cli: Cli) -> None:
    plain = ScriptedProvider("acme")
    plain.models = (plain.model("m").model_copy(update={"features": frozenset()}),)
    ran = cli("ask", "hi", "--json-mode", providers=(plain,))
    assert "lacks json" in ran.err
    assert ran.code == 2


def test_doctor_says_what_a_paid_provider_needs(cli: Cli, tmp_path: Path) -> None:
    for text, needs in (
        ("", "allow_paid and a budget"),
        ("allow_paid = true", "a budget"),
        ('budgets = [{amount = "1", period = "day"}]', "allow_paid"),
    ):
        trusted(tmp_path, text)
        ran = cli("doctor", providers=(paid(),))
        assert f": needs {needs} before it is asked" in ran.out
        assert ran.code == 0
    trusted(tmp_path, 'allow_paid = true\nbudgets = [{amount = "1", period = "day"}]')
    assert "needs" not in cli("doctor", providers=(paid(),)).out


def test_money_is_written_in_one_way_however_small(cli: Cli, tmp_path: Path) -> None:
    text = 'allow_paid = true\nbudgets = [{amount = "0.004", period = "day"}]'
    trusted(tmp_path, text)
    provider = paid()
    assert "$0.0039 of $0.004 / day (UTC) left" in cli("ask", "hi", "--max-tokens", "50", providers=(provider,)).err
    assert "$0.0039 of $0.004 / day (UTC) left" in cli("doctor", providers=(provider,)).out
    row = cli("limits", providers=(provider,)).out.splitlines()[1].split()
    assert (row[1], row[5], row[6]) == ("$0.004", "$0.000067", "$0.0039")
    (told,) = json.loads(cli("limits", "--json", providers=(provider,)).out)["data"]
    assert (told["limit"]["amount"], told["used"], told["left"]) == ("0.004", "0.000067", "0.003933")
