"""``shunpike providers``: what is there, in which state."""

from __future__ import annotations

import typer

from shunpike.cli import networks
from shunpike.cli.addresses import Overridden, overridden
from shunpike.cli.checkup import money_needed
from shunpike.cli.forms import left_at
from shunpike.cli.health import state_of
from shunpike.cli.options import Json, command_app
from shunpike.cli.output import NOTHING, as_list, narrate, plain, safe, say, table
from shunpike.cli.preferences import order
from shunpike.cli.session import client, run
from shunpike.cli.switches import disable, enable
from shunpike.client import AccountHealth, ProviderStatus
from shunpike.config import load
from shunpike.control import why_off
from shunpike.types import Settings

app = command_app("Show the providers.")


@app.callback(invoke_without_command=True)
def providers(context: typer.Context, *, json: Json = False) -> None:
    """Show the providers in the order in which they are tried, or switch one off and on."""
    if context.invoked_subcommand is None:
        _show(json=json)


app.command("disable")(disable)
app.command("enable")(enable)
app.command("order")(order)


def _show(*, json: bool) -> None:
    rows, elsewhere, settings, health = run(_status)
    if json:
        told = {one.provider: plain(one) for one in health.values()}
        as_list(
            {
                **plain(row),
                "health": told.get(row.name),
                "overridden": [one for one in elsewhere if one.provider == row.name],
            }
            for row in rows
        )
        return
    headings = ("provider", "version", "key", "from", "tier", "order", "left", "state")
    say(table(headings, [_row(row, health.get(row.name)) for row in rows], right=(5,)))
    ways = [*(one.text for one in elsewhere), *networks.proxies(rows)]
    say("".join(f"\n{safe(way)}" for way in ways), end="\n" if ways else "")
    _say_who_is_left_out(rows, settings)


def _say_who_is_left_out(rows: list[ProviderStatus], settings: Settings) -> None:
    for row in rows:
        for switch in (row.disabled, *row.disabled_models):
            if switch is not None:
                narrate(f"\n{row.name if switch is row.disabled else switch.name} is {safe(why_off(switch))}")
        if row.problem is not None:
            narrate(f"\n{row.name} is left out: {safe(row.problem)}")
        if row.key_problem is not None:
            narrate(f"\n{row.name} can't be asked: {row.key_problem}\n\nhint: {row.key_hint}")
        needs = money_needed(row, settings) if row.state == "ready" else None
        if needs is not None:
            narrate(f"\n{row.name} costs money and is not asked without {needs}")
    missing = [row for row in rows if row.state == "no key"]
    if missing:
        first = missing[0]
        narrate(
            f"\nhint: add a key: shunpike keys set {first.name}" + (f"     ({first.key_url})" if first.key_url else "")
        )


async def _status() -> tuple[list[ProviderStatus], tuple[Overridden, ...], Settings, dict[str, AccountHealth]]:
    async with client() as opened:
        elsewhere = overridden(load().origins, opened.settings, opened.host)
        rows = sorted(await opened.status(), key=lambda row: (row.simulated, row.order, row.name))
        return rows, elsewhere, opened.settings, {one.provider: one for one in await opened.health()}


def _row(row: ProviderStatus, health: AccountHealth | None) -> tuple[str, ...]:
    return (
        row.name,
        row.version or NOTHING,
        row.key_tail or NOTHING,
        row.key_origin or row.env_key or NOTHING,
        row.tier,
        str(row.order),
        left_at(row.remaining) or NOTHING,
        row.state if health is None else state_of(health, row.state),
    )
