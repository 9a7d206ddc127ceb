"""``shunpike usage reconcile``: what has no known end, and settling it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from shunpike.cli.forms import label
from shunpike.cli.options import Json
from shunpike.cli.output import NOTHING, as_json, as_list, narrate, say, table
from shunpike.cli.session import client, run
from shunpike.client.options import clean
from shunpike.clock import moment
from shunpike.errors import UsageError
from shunpike.types import ZERO, Money, Unconfirmed
from shunpike.types.money import amount_of, is_too_much


def reconcile(
    context: typer.Context,
    attempt: Annotated[str | None, typer.Argument(help="The attempt to settle; without it they are listed.")] = None,
    cost: Annotated[str | None, typer.Option(help="What it was billed, in dollars, such as 0.0042.")] = None,
    note: Annotated[str, typer.Option(help="Where you know that from; it is kept.")] = "",
    *,
    over: Annotated[bool, typer.Option("--over", help="The bill does say more than was listed as at most.")] = False,
    json: Json = False,
) -> None:
    """List the attempts whose end is not known, or settle one at what the provider's bill says.

    A cost above what is listed as "at most" is taken for a slip and refused, unless --over says that it is none.
    """
    # `usage --json reconcile` means the same as `usage reconcile --json`.
    json = json or bool(context.parent and context.parent.params.get("json"))
    if attempt is None:
        if cost is not None:
            raise UsageError(f"--cost {cost} of which attempt?", hint=f"shunpike usage reconcile ATTEMPT --cost {cost}")
        _list(run(_unconfirmed), json=json)
        return
    if cost is None:
        raise UsageError("what was it billed?", hint=f"shunpike usage reconcile {attempt} --cost 0.0042")
    money = _dollars(cost)
    run(lambda: _settle(attempt, money, clean(note, "--note", 1_000), over=over))
    if json:
        as_json({"attempt_id": attempt, "cost": money, "note": note})
    else:
        narrate(f"{attempt} is settled at {money}")


def _dollars(text: str) -> Money:
    amount = amount_of(text)
    if amount is None:
        raise UsageError(f"--cost {text!r} is no amount of dollars", hint="write it as 0.0042, or 0 for nothing")
    if is_too_much(amount):
        raise UsageError(f"--cost {text!r} is more than a million dollars", hint="write it as 0.0042, or 0 for nothing")
    return Money.usd(amount)


async def _unconfirmed() -> Sequence[Unconfirmed]:
    async with client() as opened:
        return await opened.ledger.unconfirmed()


async def _settle(attempt: str, cost: Money, note: str, *, over: bool) -> None:
    async with client() as opened:
        listed = {row.attempt_id: row.cost for row in await opened.ledger.unconfirmed()}
        worst = listed.get(attempt)
        if worst is not None and worst < cost and not over:
            raise UsageError(
                f"--cost {cost} is more than {attempt} can have cost by our books: {worst} at most",
                hint=f"if the bill does say so: shunpike usage reconcile {attempt} --cost {cost.dollars:f} --over",
            )
        if worst is None or not await opened.ledger.reconcile(attempt, cost, note):
            raise UsageError(f"{attempt!r} is no attempt with an unknown end", hint="see: shunpike usage reconcile")


def _list(rows: Sequence[Unconfirmed], *, json: bool) -> None:
    if json:
        as_list(rows)
        return
    if not rows:
        narrate("the end of every attempt is known")
        return
    say(
        table(
            ("attempt", "provider/model", "begun", "ended as", "at most", "tag"),
            [_row(row) for row in rows],
            right=(4,),
        )
    )
    narrate(f"\nunconfirmed in all: {sum((row.cost for row in rows), ZERO)}")


def _row(row: Unconfirmed) -> tuple[str, ...]:
    begun = f"{moment(row.at):%Y-%m-%d %H:%M:%S UTC}"
    who = label(row.provider, row.model)
    return (row.attempt_id, who, begun, row.outcome, str(row.cost), row.tag or NOTHING)
