"""``shunpike limits``: what is left of every limit, and what is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import typer

from shunpike.cli import closures
from shunpike.cli.clear import clear
from shunpike.cli.forms import label
from shunpike.cli.options import Json, Watch, command_app
from shunpike.cli.output import NOTHING, as_json, narrate, plain, say, table
from shunpike.cli.session import client, run
from shunpike.cli.watch import shown
from shunpike.clock import SystemClock, moment, when
from shunpike.ledger.buckets import is_budget
from shunpike.protocols import Target
from shunpike.types import Closure, Remaining

app = command_app("Show what is left of every limit.")
_HEADINGS = ("provider/model", "limit", "used", "left", "resets", "source", "seen")


@app.callback(invoke_without_command=True)
def limits(context: typer.Context, *, json: Json = False, watch: Watch = False) -> None:
    """Show every limit: used, left, when it is full again, who says so, and when that was seen; and what is closed."""
    if context.invoked_subcommand is None:
        shown(lambda: _show(json=json), watch=watch)


app.command("clear")(clear)


def _show(*, json: bool) -> None:
    rows, known = run(_limits)
    now = SystemClock().now()
    closed = [one for one in known.values() if closures.is_in_force(one, now)]
    if json:
        data = [{"provider": target.name, "model": target.model.id, **plain(one)} for target, one in rows]
        shut = [closures.fields(one) for one in closed]
        as_json({"data": data, "has_more": False, **({"closed": shut} if shut else {})})
        return
    if closed:
        say(table(closures.HEADINGS, [closures.row(one, now) for one in closed]))
        narrate("\nto open one before its time: shunpike limits clear NAME\n")
    if not rows:
        narrate("no limit is in force: the providers that are ready have none\n\nhint: shunpike providers")
        return
    say(table(_HEADINGS, [_row(target, one, now) for target, one in rows], right=(2, 3)))
    overages = sum(one.overages for _, one in rows)
    if overages:
        narrate(f"\nrefused although our books said that there was room: {overages:,}")


async def _limits() -> tuple[Sequence[tuple[Target, Remaining]], Mapping[str, Closure]]:
    async with client() as opened:
        return await opened.limits(), await opened.closed()


def _row(target: Target, one: Remaining, now: float) -> tuple[str, ...]:
    limit = one.limit
    who = f"{target.name} ({limit.pool or limit.scope})"
    if limit.scope == "model":
        who = label(target.name, target.model.id)
    if is_budget(one.bucket):
        who = limit.source
    resets = NOTHING if one.resets_at is None else when(one.resets_at, now)
    source = limit.source or NOTHING
    if one.overages:
        source += f" ({one.overages:,} overages)"
    seen = NOTHING if limit.observed_at is None else _seen(limit.observed_at)
    return (who, limit.text, limit.said(one.used), limit.said_left(one.left), resets, source, seen)


def _seen(at: float) -> str:
    """Return when a figure was seen: a catalog knows the day."""
    return f"{moment(at):%Y-%m-%d}" if at % 86_400 == 0 else f"{moment(at):%Y-%m-%dT%H:%M:%S+00:00}"
