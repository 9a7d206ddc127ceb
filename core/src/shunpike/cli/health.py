"""``shunpike health``: how every provider does, without asking any."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from shunpike.cli.blocks import name_in
from shunpike.cli.options import Json, Watch, command_app
from shunpike.cli.output import NOTHING, as_list, narrate, plain, say, table
from shunpike.cli.session import client, run
from shunpike.cli.watch import shown
from shunpike.client import AccountHealth, PlaceHealth
from shunpike.clock import SystemClock, when

app = command_app("Show how the providers do.")
_HEADINGS = ("provider", "state", "answered", "at once", "shed")
_PLACES = ("what", "state", "failures", "asked again", "because")


@app.callback(invoke_without_command=True)
def health(context: typer.Context, *, json: Json = False, watch: Watch = False) -> None:
    """Show what of each provider is closed or failing, why and until when, and what it answered within ten minutes."""
    if context.invoked_subcommand is None:
        shown(lambda: _show(json=json), watch=watch)


def _show(*, json: bool) -> None:
    rows = run(_health)
    if json:
        as_list([{**plain(row), "success": row.success} for row in rows])
        return
    if not rows:
        narrate("no provider is ready\n\nhint: shunpike providers")
        return
    say(table(_HEADINGS, [_row(row) for row in rows]))
    now = SystemClock().now()
    places = [_place(one, now) for row in rows for one in row.places]
    if places:
        say("")
        say(table(_PLACES, places))
        narrate("\nto open one before its time: shunpike limits clear NAME")


async def _health() -> Sequence[AccountHealth]:
    async with client() as opened:
        return await opened.health()


def _row(row: AccountHealth) -> tuple[str, ...]:
    answered = NOTHING if row.success is None else f"{row.answered:,} of {row.requests:,} ({row.success:.0%})"
    shed = ", ".join(f"{model} {part:.0%}" for model, part in row.shed.items())
    return (
        row.provider,
        state_of(row, "open"),
        answered,
        NOTHING if row.concurrency is None else str(row.concurrency),
        shed or NOTHING,
    )


def state_of(row: AccountHealth, well: str) -> str:
    """Return the state of an account in a few words; ``well`` is what it is called where nothing closes all of it."""
    closed = sum(one.state == "closed" for one in row.places)
    if row.state != "open":
        return row.state
    return f"{well}, {closed} closed" if closed else well


def _place(one: PlaceHealth, now: float) -> tuple[str, ...]:
    failures = f"{one.failures} of {one.closes_at_failures}" if one.state == "open" else str(one.failures or NOTHING)
    again = NOTHING if one.opens_at is None else when(one.opens_at, now)
    return name_in(one.name), one.state, failures, again, one.reason
