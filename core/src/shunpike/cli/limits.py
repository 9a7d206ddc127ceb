"""``shunpike limits``: what is left of every limit, and what is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
import typer.core
from typing_extensions import override

from shunpike.cli import blocks
from shunpike.cli.clear import clear
from shunpike.cli.forms import matches
from shunpike.cli.options import Json, Watch, command_app
from shunpike.cli.output import NOTHING, as_json, narrate, plain, say, table
from shunpike.cli.preferences import set_limits
from shunpike.cli.session import check_provider, client, run
from shunpike.cli.watch import shown
from shunpike.clock import SystemClock, moment, when
from shunpike.protocols import Target
from shunpike.types import Block, Owner, Remaining
from shunpike.types.base import label


class _Searching(typer.core.TyperGroup):
    """Takes words that name none of its commands for what is searched for."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let options stand behind the words: no command follows that has its own."""
        ctx.allow_interspersed_args = not self._names_command(args)
        return super().parse_args(ctx, args)

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that is named, else the search for all of ``args``."""
        if ctx.allow_interspersed_args:
            return _search.__name__, typer.main.get_command(_searching), ["--", *args]
        return super().resolve_command(ctx, args)

    def _names_command(self, args: list[str]) -> bool:
        return not self.commands.keys().isdisjoint(args)


app = command_app("Show what is left of every limit.")
_searching = command_app("Show the limits with these words.")
_HEADINGS = ("provider/model", "limit", "used", "left", "resets", "source", "seen")


@app.callback(invoke_without_command=True, cls=_Searching, subcommand_metavar="[WORD...] | COMMAND [ARGS]...")
def limits(
    context: typer.Context,
    *,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", "-p", help="Only of this one; repeatable.")
    ] = None,
    json: Json = False,
    watch: Watch = False,
) -> None:
    """Show every limit: used, left, when it is full again, who says so, and when that was seen; and what is closed."""
    if context.invoked_subcommand is None:
        shown(lambda: _show(provider or [], [], json=json), watch=watch)


@_searching.command()
def _search(context: typer.Context, words: list[str]) -> None:
    assert context.parent is not None  # noqa: S101 - the group, whose options are those of the search
    given = context.parent.params
    shown(lambda: _show(list(given["provider"] or ()), words, json=given["json"]), watch=given["watch"])


app.command("clear")(clear)
app.command("set")(set_limits)


def _show(names: list[str], words: list[str], *, json: bool) -> None:
    rows, known = run(lambda: _limits(names))
    now = SystemClock().now()
    rows = [(target, one) for target, one in rows if _is_meant(target, one, names, words)]
    closed = [one for one in known.values() if blocks.is_in_force(one, now)]
    if names or words:
        closed = [one for one in closed if _closes(one, names, words)]
    if json:
        data = [{"provider": target.name, "model": target.model.id, **plain(one)} for target, one in rows]
        shut = [blocks.fields(one) for one in closed]
        as_json({"data": data, "has_more": False, **({"closed": shut} if shut else {})})
        return
    if closed:
        say(table(blocks.HEADINGS, [blocks.row(one, now) for one in closed]))
        narrate("\nto open one before its time: shunpike limits clear NAME\n")
    if not rows:
        narrate("no limit is in force: the providers that are ready have none\n\nhint: shunpike providers")
        return
    say(table(_HEADINGS, [_row(target, one, now) for target, one in rows], right=(2, 3)))
    overages = sum(one.overages for _, one in rows)
    if overages:
        narrate(f"\nrefused although our books said that there was room: {overages:,}")


def _is_meant(target: Target, one: Remaining, names: list[str], words: list[str]) -> bool:
    if names and (target.name not in names or one.owner is not Owner.PROVIDER):
        return False
    return matches(words, label(target.name, target.model.id), one.limit.text, one.limit.source)


def _closes(one: Block, names: list[str], words: list[str]) -> bool:
    name = blocks.name_of(one)
    return (not names or name.partition("/")[0] in names) and matches(words, name, one.reason)


async def _limits(names: list[str]) -> tuple[Sequence[tuple[Target, Remaining]], Mapping[str, Block]]:
    async with client() as opened:
        for name in names:
            check_provider(name, opened)
        return await opened.limits(), await opened.closed()


def _row(target: Target, one: Remaining, now: float) -> tuple[str, ...]:
    limit = one.limit
    who = f"{target.name} ({limit.pool or limit.scope})"
    if limit.scope == "model":
        who = label(target.name, target.model.id)
    if one.owner is not Owner.PROVIDER:
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
