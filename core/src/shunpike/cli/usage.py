"""``shunpike usage``."""

from __future__ import annotations

from typing import Annotated

import typer

from shunpike.cli.forms import label
from shunpike.cli.options import Json, command_app
from shunpike.cli.output import as_list, narrate, plain, say, table
from shunpike.cli.session import client, run
from shunpike.clock import SystemClock
from shunpike.types import ZERO, UsageRow

app = command_app("Show what was used.")
_DAY = 86_400


@app.command()
def usage(
    *,
    days: Annotated[int, typer.Option(help="So many days back, today (UTC) included.", min=1)] = 1,
    json: Json = False,
) -> None:
    """Show requests, tokens and money spent, by provider and model."""
    now = SystemClock().now()
    since = now - now % _DAY - (days - 1) * _DAY
    rows = run(lambda: _usage(since, now + _DAY))
    if json:
        as_list([{**plain(row), "exact": row.exact} for row in rows])
        return
    if not rows:
        narrate("nothing was sent in that time")
        return
    headings = ("provider/model", "requests", "answered", "tokens in", "tokens out", "spent", "credit", "list price")
    total = sum((row.cost for row in rows), ZERO)
    say(table(headings, [_row(row) for row in rows], right=range(1, 8)))
    narrate(f"\nspent in all: {total}")
    if not all(row.exact for row in rows):
        narrate("some attempts have no known end; they count at their worst case")


async def _usage(since: float, until: float) -> tuple[UsageRow, ...]:
    async with client() as opened:
        return await opened.usage(since, until)


def _row(row: UsageRow) -> tuple[str, ...]:
    return (
        label(row.provider, row.model),
        f"{row.requests:,}",
        f"{row.answered:,}",
        f"{row.prompt_tokens:,}",
        f"{row.completion_tokens:,}",
        str(row.cost),
        str(row.credit),
        str(row.list_value),
    )
