"""``shunpike limits``."""

from __future__ import annotations

from shunpike.cli.forms import when
from shunpike.cli.options import Json, Watch, command_app
from shunpike.cli.output import NOTHING, as_list, narrate, plain, say, table
from shunpike.cli.session import client, run
from shunpike.cli.watch import shown
from shunpike.clock import SystemClock
from shunpike.ledger.buckets import is_budget
from shunpike.protocols import Target
from shunpike.types import Remaining

app = command_app("Show what is left of every limit.")
_HEADINGS = ("provider/model", "limit", "used", "left", "resets", "source", "seen")


@app.command()
def limits(*, json: Json = False, watch: Watch = False) -> None:
    """Show every limit: used, left, when it is full again, who says so, and when that was seen."""
    shown(lambda: _show(json=json), watch=watch)


def _show(*, json: bool) -> None:
    rows = run(_limits)
    if json:
        as_list([{"provider": target.name, "model": target.model.id, **plain(one)} for target, one in rows])
        return
    if not rows:
        narrate("no limit is in force: the providers that are ready have none\n\nhint: shunpike providers")
        return
    now = SystemClock().now()
    say(table(_HEADINGS, [_row(target, one, now) for target, one in rows], right=(2, 3)))
    overages = sum(one.overages for _, one in rows)
    if overages:
        narrate(f"\nrefused although our books said that there was room: {overages:,}")


async def _limits() -> tuple[tuple[Target, Remaining], ...]:
    async with client() as opened:
        return await opened.limits()


def _row(target: Target, one: Remaining, now: float) -> tuple[str, ...]:
    limit = one.limit
    who = target.label if limit.scope == "model" else f"{target.name} ({limit.pool or limit.scope})"
    if is_budget(one.bucket):
        who = limit.source
    resets = NOTHING if one.resets_at is None else when(one.resets_at, now)
    source = limit.source or NOTHING
    if one.overages:
        source += f" ({one.overages:,} overages)"
    seen = limit.observed_at if limit.observed_at > "0001-01-01" else NOTHING
    return (who, limit.text, limit.said(one.used), limit.said(one.left), resets, source, seen)
