"""``shunpike usage reconcile``: what has no known end, and settling it by hand, one by one or all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import anyio
import typer

from shunpike.cli.dispatch import stdin_is_piped
from shunpike.cli.forms import seconds
from shunpike.cli.options import Json, takes
from shunpike.cli.output import NOTHING, as_json, as_list, narrate, say, table
from shunpike.cli.session import check_provider, client, run
from shunpike.client.own_values import clean
from shunpike.clock import moment
from shunpike.errors import StoreError, UsageError
from shunpike.types import ZERO, Money, Unconfirmed
from shunpike.types.base import label
from shunpike.types.money import amount_of, is_too_much

TOGETHER = 64
"""Attempts that are settled at the same time, so that they share the store's commits."""
_BOTH_WAYS = "shunpike usage reconcile --all --at-worst   ·   or, where the bill shows none of them: --all --free"


@dataclass(frozen=True)
class Reconcile:
    """The options of ``usage reconcile``."""

    context: typer.Context
    attempt: Annotated[str | None, typer.Argument(help="The attempt to settle; without it they are listed.")] = None
    cost: Annotated[str | None, typer.Option(help="What it was billed, in dollars, such as 0.0042.")] = None
    note: Annotated[str, typer.Option(help="Where you know that from; it is kept.")] = ""
    over: Annotated[bool, typer.Option("--over", help="The bill does say more than was listed as at most.")] = False
    every: Annotated[bool, typer.Option("--all", help="Settle all that are listed, at once.")] = False
    at_worst: Annotated[bool, typer.Option("--at-worst", help="With --all: each at what it cost at most.")] = False
    free: Annotated[bool, typer.Option("--free", help="With --all: each at $0, since none was billed.")] = False
    provider: Annotated[str | None, typer.Option("--provider", "-p", help="Only those at this provider.")] = None
    older_than: Annotated[str | None, typer.Option(help="Only those begun so long ago: 6h, 2d.")] = None
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False
    json: Json = False

    @property
    def as_json(self) -> bool:
        """Whether JSON is wanted: `usage --json reconcile` means the same as `usage reconcile --json`."""
        return self.json or bool(self.context.parent and self.context.parent.params.get("json"))

    @property
    def filtered(self) -> str:
        """The filters as they are typed."""
        provider = f" --provider {self.provider}" if self.provider is not None else ""
        return provider + (f" --older-than {self.older_than}" if self.older_than is not None else "")


@takes(Reconcile)
def reconcile(given: Reconcile) -> None:
    """List the attempts whose end is not known, or settle one at what the provider's bill says, or all at once.

    A cost above what is listed as "at most" is taken for a slip and rejected, unless --over says that it is none.
    """
    _check(given)
    note = clean(given.note, "--note", 1_000)
    if given.every:
        _settle_all(given, note)
    elif given.attempt is None:
        _list(run(lambda: _unconfirmed(given)), json=given.as_json)
    else:
        _settle_one(given.attempt, _dollars(given.cost or ""), note, given)


def _check(given: Reconcile) -> None:
    """Raise `UsageError` for options that don't go together."""
    one = given.attempt is not None
    if given.every and one:
        raise UsageError(f"--all, or {given.attempt} alone?", hint=f"shunpike usage reconcile {given.attempt} --cost …")
    if given.every and given.cost is not None:
        raise UsageError(f"--all can't be settled at {given.cost} each", hint=_BOTH_WAYS)
    if given.every and given.at_worst is given.free:
        raise UsageError("--all at what: --at-worst or --free?", hint=_BOTH_WAYS)
    if not given.every and (given.at_worst or given.free):
        raise UsageError("--at-worst and --free go with --all", hint=_BOTH_WAYS)
    if one and given.filtered:
        raise UsageError(f"{given.filtered.strip()} goes without an attempt", hint="see: shunpike usage reconcile")
    if not one and given.cost is not None:
        raise UsageError(
            f"--cost {given.cost} of which attempt?", hint=f"shunpike usage reconcile ATTEMPT --cost {given.cost}"
        )
    if one and given.cost is None:
        raise UsageError("what was it billed?", hint=f"shunpike usage reconcile {given.attempt} --cost 0.0042")


def _dollars(text: str) -> Money:
    amount = amount_of(text)
    if amount is None:
        raise UsageError(f"--cost {text!r} is no amount of dollars", hint="write it as 0.0042, or 0 for nothing")
    if is_too_much(amount):
        raise UsageError(f"--cost {text!r} is more than a million dollars", hint="write it as 0.0042, or 0 for nothing")
    return Money.usd(amount)


async def _unconfirmed(given: Reconcile) -> Sequence[Unconfirmed]:
    span = None if given.older_than is None else seconds(given.older_than, "--older-than")
    async with client() as opened:
        rows = await opened.ledger.unconfirmed()
        # The books may well know a provider that is not installed any more.
        if given.provider is not None and all(row.provider != given.provider for row in rows):
            check_provider(given.provider, opened)
        latest = float("inf") if span is None else opened.clock.now() - span
        return [row for row in rows if row.at <= latest and given.provider in (None, row.provider)]


def _settle_one(attempt: str, cost: Money, note: str, given: Reconcile) -> None:
    run(lambda: _settle(attempt, cost, note, over=given.over))
    if given.as_json:
        as_json({"attempt_id": attempt, "cost": cost, "note": note})
    else:
        narrate(f"{attempt} is settled at {cost}")


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


def _settle_all(given: Reconcile, note: str) -> None:
    rows = run(lambda: _unconfirmed(given))
    if rows:
        _confirm(rows, given)
    # Those that were listed, and no other that came meanwhile.
    done = run(lambda: _settle_each(rows, note or "all at once", free=given.free)) if rows else []
    cost = ZERO if given.free else _sum(done)
    if given.as_json:
        as_json({"settled": len(done), "cost": cost, "attempts": [row.attempt_id for row in done], "note": note})
    elif not rows:
        narrate("the end of every attempt is known" if not given.filtered else "there is none of that kind")
    else:
        narrate(f"{_many(done)} settled at {cost} in all")


def _confirm(rows: Sequence[Unconfirmed], given: Reconcile) -> None:
    """Ask the person, once. Raises `UsageError` where none is there and none has said yes."""
    if given.yes:
        return
    way = "--free" if given.free else "--at-worst"
    what = "$0.00" if given.free else f"{_sum(rows)} in all, each at its worst case"
    if given.as_json or stdin_is_piped():
        raise UsageError(
            f"{_many(rows)} would be settled at {what}; nobody was asked",
            hint=f"shunpike usage reconcile --all {way}{given.filtered} --yes",
        )
    if given.free:
        narrate(f"They count as {_sum(rows)} now; if one of them was billed after all, a budget can be overrun by it.")
    typer.confirm(f"{_many(rows)} to be settled at {what}. Go on?", abort=True, err=True)


async def _settle_each(rows: Sequence[Unconfirmed], note: str, *, free: bool) -> list[Unconfirmed]:
    """Settle ``rows``; return those that nobody else had settled meanwhile."""
    done: set[str] = set()
    failed: list[StoreError] = []
    async with client() as opened:
        limiter = anyio.CapacityLimiter(TOGETHER)

        async def one(row: Unconfirmed) -> None:
            try:
                async with limiter:
                    if not failed and await opened.ledger.reconcile(row.attempt_id, ZERO if free else row.cost, note):
                        done.add(row.attempt_id)
            except StoreError as error:
                failed.append(error)

        async with anyio.create_task_group() as tasks:
            for row in rows:
                tasks.start_soon(one, row)
    if failed:
        raise failed[0]
    return [row for row in rows if row.attempt_id in done]


def _sum(rows: Sequence[Unconfirmed]) -> Money:
    return sum((row.cost for row in rows), ZERO)


def _many(rows: Sequence[Unconfirmed]) -> str:
    return "1 attempt" if len(rows) == 1 else f"{len(rows):,} attempts"


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
    narrate(f"\nunconfirmed in all: {_sum(rows)}")


def _row(row: Unconfirmed) -> tuple[str, ...]:
    begun = f"{moment(row.at).astimezone():%Y-%m-%d %H:%M:%S}"
    who = label(row.provider, row.model)
    return (row.attempt_id, who, begun, row.outcome, str(row.cost), row.tag or NOTHING)
