"""``shunpike audit``: who changed what while processes run, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from shunpike.cli.options import Json, command_app
from shunpike.cli.output import NOTHING, as_list, narrate, plain, say, table
from shunpike.cli.session import client, run
from shunpike.clock import moment
from shunpike.types.control import AuditEntry

app = command_app("Show who changed what.")
_HEADINGS = ("when", "who", "what", "setting", "before", "after", "why")


@app.callback(invoke_without_command=True)
def audit(
    context: typer.Context,
    *,
    last: Annotated[int, typer.Option("--last", "-n", min=1, max=1_000, help="So many entries.")] = 50,
    json: Json = False,
) -> None:
    """Show the switches, orders, limits and client keys that were changed by command, with who did so, when and why."""
    if context.invoked_subcommand is not None:
        return
    entries = run(lambda: _entries(last))
    if json:
        as_list([plain(one) for one in entries])
    elif entries:
        say(table(_HEADINGS, [_row(one) for one in entries]))
    else:
        narrate("nothing was changed by command: files and variables hold")


async def _entries(last: int) -> Sequence[AuditEntry]:
    async with client() as opened:
        control = opened.runtime.control
        return () if control is None else await control.audit(limit=last)


def _row(one: AuditEntry) -> tuple[str, ...]:
    signed = one.signed
    at = f"{moment(signed.at).astimezone():%Y-%m-%d %H:%M:%S}"
    before, after = _said(one.before), _said(one.after)
    return at, signed.who, one.name or one.subject.value, one.setting.value, before, after, signed.why or NOTHING


def _said(value: Any) -> str:
    """Return a value for a person: of a list of limits, how many there are; of a key, its beginning."""
    if value is None:
        return NOTHING
    if isinstance(value, dict):
        return f"{value.get('shown', NOTHING)}{', revoked' if value.get('revoked_at') else ''}"
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return f"{len(value)} limit{'s' if len(value) != 1 else ''}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower()
