"""Money has one form, whatever shows it: spent is rounded up, left is rounded down, a price stands as published."""

from __future__ import annotations

import json
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

import pytest

from shunpike.cli.demo_report import Line, _cells
from shunpike.errors import Overloaded
from shunpike.types import Balance, Billing, LiveModel, Money, Price, PriceRow
from shunpike.types.money import amount_in_words
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, Step, answer

from ...trusted import trusted  # noqa: TID252 - the tests are no package
from .conftest import Cli


class Telling(ScriptedBackend):
    """A backend that tells its list and its balance."""

    amount = "0"

    async def describe_models(self) -> tuple[LiveModel, ...]:
        return (LiveModel(id="live", kind="chat", price=PriceRow(prompt=self.amount, completion=self.amount)),)

    async def balance(self) -> tuple[Balance, ...]:
        amount = Decimal(self.amount)
        return (Balance(name="key", currency="USD", left=amount, used=amount, limit=amount),)


def acme(amount: str, *steps: Step) -> ScriptedProvider:
    """Return a provider of which a request, a million tokens, the list and the balance all say ``amount``."""
    billed = Price(prompt=0, completion=0, request=Money.usd(amount).pico)
    made = ScriptedProvider("acme", billing=Billing.CARD, price=billed)
    row = PriceRow(prompt=amount, completion=amount)
    made.models = tuple(one.model_copy(update={"prices": (row,)}) for one in made.models)
    made.backend = Telling(steps or (answer(),))
    made.backend.amount = amount
    return made


def cell(table: str, first: str, place: int) -> str:
    """Return the word at ``place`` of the row that begins with ``first``."""
    (row,) = [line.split() for line in table.splitlines() if line.startswith(first)]
    return row[place]


SAME = pytest.mark.parametrize(
    ("amount", "spent", "left", "price"),
    [
        ("0.004256", "$0.0043", "$0.0042", "$0.004256"),
        ("2.5", "$2.50", "$2.50", "$2.50"),
        ("12.345", "$12.35", "$12.34", "$12.345"),
    ],
)


@SAME
def test_the_same_amount_reads_the_same_wherever_it_is_shown(
    cli: Cli, tmp_path: Path, amount: str, spent: str, left: str, price: str
) -> None:
    budget = f'{{amount = "{Money.usd(amount).dollars * 2:f}", period = "lifetime"}}'
    trusted(tmp_path, f"allow_paid = true\nbudgets = [{budget}]\n")
    one = (acme(amount),)
    assert f" · {spent}" in cli("hello", "-m", "acme/m", providers=one).err
    assert spent in cli("usage", providers=one).out.split()
    assert cell(cli("budget", providers=one).out, "lifetime", 2) == spent
    assert cell(cli("budget", providers=one).out, "lifetime", 3) == left
    assert cell(cli("balance", providers=one).out, "acme", 2) == left
    assert cell(cli("balance", providers=one).out, "acme", 3) == spent
    assert f"{price} / {price}" in cli("models", "acme/m", providers=one).out
    assert f"{price} / {price}" in cli("models", "--live", providers=one).out


@SAME
def test_what_is_not_confirmed_and_the_demo_read_the_same(
    cli: Cli, tmp_path: Path, amount: str, spent: str, left: str, price: str
) -> None:
    del left, price
    trusted(tmp_path, 'allow_paid = true\nbudgets = [{amount = "1000", period = "lifetime"}]\n')
    lost = (acme(amount, Overloaded("lost", provider="acme", status=502)),)
    assert cli("hello", "-m", "acme/m", "--timeout", "1s", providers=lost).code == 6
    assert spent in cli("usage", "reconcile", providers=lost).out.split()
    money = Money.usd(amount)
    counts = dict.fromkeys(("requests", "answered", "fallovers", "prompt_tokens", "completion_tokens"), 1)
    line = Line(provider="acme", cost=money, credit=money, left="-", equal=True, **counts)
    assert list(_cells(line)).count(spent) == 2


def test_other_currencies_and_debts_have_the_form_of_dollars() -> None:
    assert amount_in_words(Decimal("6.2E-7"), "CNY") == "0.00000062 CNY"
    assert amount_in_words(Decimal("1E+2"), "EUR") == "100.00 EUR"
    assert amount_in_words(Decimal("-0.505")) == "-$0.50"
    assert amount_in_words(Decimal("-1.001"), rounding=ROUND_FLOOR) == "-$1.01"
    assert amount_in_words(Decimal("0E+3"), None, rounding=None) == "0.00"
    assert amount_in_words(Decimal("9" * 29 + ".999"), "IRR", rounding=ROUND_FLOOR) == "9" * 29 + ".99 IRR"


class Owing(ScriptedBackend):
    """A backend that tells round sums."""

    async def balance(self) -> tuple[Balance, ...]:
        return (Balance(name="key", currency="USD", left=Decimal("1E+2"), used=Decimal("1E-9")),)


def test_money_in_json_is_decimal_text_without_an_exponent(cli: Cli) -> None:
    rich = ScriptedProvider("acme")
    rich.backend = Owing([answer()])
    (row,) = json.loads(cli("balance", "--json", providers=(rich,)).out)["data"][0]["balances"]
    assert (row["left"], row["used"]) == ("100", "0.000000001")


def test_the_configuration_in_json_has_numbers_as_numbers_and_money_as_text(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted(
        tmp_path,
        'budgets = [{amount = "0.10", period = "day"}]\n'
        '[providers.acme]\nlimits = [{unit = "usd", amount = "2.5", per = "day UTC"}, {unit = "request", amount = 5, '
        'per = "60s"}]\n',
    )
    monkeypatch.setenv("SHUNPIKE_MAX_ATTEMPTS", "3")
    monkeypatch.setenv("SHUNPIKE_TIMEOUT", "90s")
    told = json.loads(cli("config", "show", "--json", providers=(acme("1"),)).out)
    found = {row["key"]: row["value"] for row in told["data"]}
    assert (found["max_attempts"], found["timeout"]) == (3, 90.0)
    assert found["budgets"][0]["amount"] == "0.1"
    assert [one["amount"] for one in found["providers.acme.limits"]] == ["2.5", 5]
