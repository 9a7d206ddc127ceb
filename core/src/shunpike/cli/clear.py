"""``shunpike limits clear``: opening by hand what a provider, or a bill above the worst case, has closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from shunpike.cli.blocks import fields, is_named, name_of, what_of
from shunpike.cli.operator import operator
from shunpike.cli.options import Json
from shunpike.cli.output import as_json, narrate
from shunpike.cli.session import check_provider, client, run
from shunpike.client.own_values import clean
from shunpike.errors import UsageError
from shunpike.types import Reopening


def clear(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="PROVIDER, PROVIDER/MODEL or a bucket, as `shunpike limits` shows them.")
    ] = None,
    note: Annotated[str, typer.Option(help="Why you know better; it is kept.")] = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="Open all that is closed.")] = False,
    json: Json = False,
) -> None:
    """Open what is closed, before its time: what a provider said to wait, and accounts that a bill froze.

    Who opened what, when and why is written down in the ledger.
    """
    json = json or bool(context.parent and context.parent.params.get("json"))
    if (name is None) is not everything:
        raise UsageError("open what?", hint="shunpike limits clear PROVIDER, or --all; see: shunpike limits")
    done = run(lambda: _open(name, clean(note, "--note", 1_000)))
    if json:
        opened = [{**fields(one.block), "opened_at": one.at, "who": one.who, "note": one.note} for one in done]
        as_json({"data": opened, "has_more": False})
        return
    for one in done:
        shut = one.block
        narrate(f"{name_of(shut)} is open again: {what_of(shut)}, which was closed for this: {shut.reason}")
    if not done:
        narrate("nothing is closed" if name is None else f"nothing of {name} is closed")


async def _open(name: str | None, note: str) -> Sequence[Reopening]:
    async with client() as opened:
        closed = await opened.ledger.closed()
        chosen = [one.bucket for one in closed.values() if name is None or is_named(one, name, opened.settings)]
        if name is not None and not chosen:
            check_provider(name.partition("/")[0], opened)
        return await opened.ledger.reopen(chosen, operator(), note)
