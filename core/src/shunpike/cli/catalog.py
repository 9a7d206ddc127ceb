"""``shunpike catalog``."""

from __future__ import annotations

from typing import Annotated

import typer

from shunpike.cli.live import ask_live
from shunpike.cli.options import Json, command_app
from shunpike.cli.output import as_json, narrate, say
from shunpike.cli.session import run
from shunpike.cli.stubs import Difference, difference, stubs
from shunpike.clock import SystemClock, moment
from shunpike.errors import UsageError

app = command_app("Compare a provider's catalog with what it lists today.")


@app.callback()
def catalog() -> None:
    """Compare a provider's catalog with what it lists today."""


@app.command()
def diff(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The provider.")],
    *,
    json: Json = False,
) -> None:
    """Write what the live list has and the catalog lacks, and the other way round, as TOML for a person to merge."""
    live = run(lambda: ask_live([name]))[0]
    if not live.dated:
        raise UsageError(f"{name} has no catalog: what it lists is all that is known", hint="shunpike models --live")
    found = difference(name, live.rows)
    if json:
        as_json(found)
        return
    say(stubs(found, moment(SystemClock().now()).date()), end="")
    narrate(_summary(found))


def _summary(found: Difference) -> str:
    if not (found.new or found.gone or found.repriced):
        return f"{found.provider}: the catalog and the live list agree"
    parts = [f"{len(found.new)} new", f"{len(found.gone)} gone", f"{len(found.repriced)} with another price"]
    return f"\n{found.provider}: {', '.join(parts)}"
