"""``shunpike usage``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import typer

from shunpike.cli.forecast import BACK, Projection, projections
from shunpike.cli.options import Json, Watch, command_app
from shunpike.cli.output import NOTHING, as_json, narrate, plain, say, table
from shunpike.cli.reconcile import reconcile
from shunpike.cli.session import client, run
from shunpike.cli.watch import shown
from shunpike.clock import SystemClock, moment
from shunpike.types import ZERO, UsageRow
from shunpike.types.base import label
from shunpike.types.usage_rows import by_provider

app = command_app("Show what was used.")
_DAY = 86_400
_HEADINGS = (
    "provider/model", "requests", "answered", "tokens in", "tokens out", "spent", "credit", "list price", "saved",
)  # fmt: skip


class By(StrEnum):
    """What each row is of, beside its provider."""

    MODEL = "model"
    PROVIDER = "provider"
    DAY = "day"
    TAG = "tag"


@app.callback(invoke_without_command=True)
def usage(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option(help="So many days back, today (UTC) included.", min=1)] = 1,
    by: Annotated[By, typer.Option(help="What each row is of.")] = By.MODEL,
    json: Json = False,
    watch: Watch = False,
) -> None:
    """Show requests, tokens and money spent, and where that leads."""
    if context.invoked_subcommand is None:
        shown(lambda: _show(days, by, json=json), watch=watch)


app.command("reconcile")(reconcile)


def _show(days: int, by: By, *, json: bool) -> None:
    now = SystemClock().now()
    today = now - now % _DAY
    rows, daily = run(lambda: _usage(today - (days - 1) * _DAY, today, by))
    ahead = projections(daily, moment(now).date(), now % _DAY / _DAY)
    if json:
        listed = [{**plain(row), "saved": plain(row.saved), "exact": row.exact, "bound": _bound([row])} for row in rows]
        as_json({"data": listed, "has_more": False, **({"projections": ahead} if ahead else {})})
        return
    if not rows:
        narrate("nothing was sent in that time")
        return
    say(table(_headings(by), [_row(row, by) for row in rows], right=range(len(_headings(by)) - 8, len(_headings(by)))))
    _sum_up(rows, ahead)


def _sum_up(rows: Sequence[UsageRow], ahead: Iterable[Projection]) -> None:
    total, saved = sum((row.cost for row in rows), ZERO), sum((row.saved for row in rows), ZERO)
    narrate(f"\nspent in all: {total} ({_bound(rows)})")
    if saved.pico:
        narrate(f"saved against list prices: {saved.left}")
    overages = sum(row.overages for row in rows)
    if overages:
        narrate(f"refused although our books said that there was room: {overages:,}")
    if not all(row.exact for row in rows):
        narrate("some attempts have no known end; they count at their worst case: shunpike usage reconcile")
    for one in ahead:
        narrate(one.text)


def _bound(rows: Sequence[UsageRow]) -> str:
    """What is unconfirmed or in flight counts at its worst case: no more than that can have been billed."""
    return "exact" if all(row.exact for row in rows) else "at most"


async def _usage(since: float, today: float, by: By) -> tuple[Sequence[UsageRow], dict[date, int]]:
    async with client() as opened:
        rows = await opened.ledger.usage_by(since, today + _DAY, day=by is By.DAY, tag=by is By.TAG)
        # The month may have begun before the days that are looked back.
        past = await opened.ledger.usage_by(today - max(BACK, 31) * _DAY, today + _DAY, day=True)
    spent: dict[date, int] = {}
    for row in past:
        if row.day is not None:
            day = datetime.fromisoformat(row.day).date()
            spent[day] = spent.get(day, 0) + row.cost.pico
    return by_provider(rows) if by is By.PROVIDER else rows, spent


def _headings(by: By) -> tuple[str, ...]:
    return (by.value, *_HEADINGS) if by in (By.DAY, By.TAG) else _HEADINGS


def _row(row: UsageRow, by: By) -> tuple[str, ...]:
    key = {By.DAY: (row.day or NOTHING,), By.TAG: (row.tag or NOTHING,)}.get(by, ())
    spent = f"{row.cost}" if row.exact else f"≤ {row.cost}"
    return (
        *key,
        row.provider if by is By.PROVIDER else label(row.provider, row.model),
        f"{row.requests:,}",
        f"{row.answered:,}",
        f"{row.prompt_tokens:,}",
        f"{row.completion_tokens:,}",
        spent,
        str(row.credit),
        str(row.list_value),
        row.saved.left,
    )
