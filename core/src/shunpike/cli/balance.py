"""``shunpike balance``."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Annotated

import typer

from shunpike.cli.live import check_answered
from shunpike.cli.options import Json, command_app
from shunpike.cli.output import NOTHING, as_list, narrate, say, table
from shunpike.cli.session import check_provider, client, run
from shunpike.client import AccountBalance
from shunpike.clock import SystemClock, when
from shunpike.types import Balance, Evidence
from shunpike.types.money import amount_in_words

app = command_app("Ask the providers what is left of money and quotas.")


@app.command()
def balance(
    *,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", "-p", help="Only of this one; repeatable.")
    ] = None,
    json: Json = False,
) -> None:
    """Ask the providers that tell what is left of an account; it costs no quota."""
    found = run(lambda: _balances(provider or []))
    if json:
        as_list(found)
        return
    rows = [row for account in found for one in account.balances for row in _rows(account.provider, one)]
    if rows:
        say(table(("account", "left", "used", "of", "resets"), rows, right=(1, 2, 3)))
    for account in found:
        if account.problem:
            narrate(f"note: {account.provider} told nothing: {account.problem}")
    if not found:
        narrate("no provider that is ready tells what is left of its account")


async def _balances(names: list[str]) -> tuple[AccountBalance, ...]:
    async with client() as opened:
        for name in names:
            check_provider(name, opened)
        found = await opened.balances(names)
    check_answered(found, "told nothing")
    return found


def _rows(provider: str, one: Balance) -> list[tuple[str, ...]]:
    rows = []
    if any(part is not None for part in (one.left, one.used, one.limit)):
        notes = [one.resets or "", f"{_money(one.granted, one)} of it granted" if one.granted else ""]
        notes.append("not usable" if one.usable is False else "")
        rows.append(
            (
                f"{provider} ({one.name})",
                _money(one.left, one),
                _money(one.used, one, ROUND_CEILING),
                _money(one.limit, one),
                ", ".join(note for note in notes if note) or NOTHING,
            )
        )
    return rows + [_quota(provider, quota) for quota in one.evidence]


def _quota(provider: str, quota: Evidence) -> tuple[str, ...]:
    unit = quota.unit.replace("_", " ")
    used = None if quota.amount is None or quota.remaining is None else quota.amount - quota.remaining
    resets = NOTHING if quota.resets_at is None else when(quota.resets_at, SystemClock().now())
    return (f"{provider} ({unit}s)", _number(quota.remaining), _number(used), _number(quota.amount), resets)


def _number(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def _money(amount: Decimal | None, one: Balance, rounding: str = ROUND_FLOOR) -> str:
    """Return an amount in its own currency."""
    return NOTHING if amount is None else amount_in_words(amount, one.currency, rounding=rounding)
