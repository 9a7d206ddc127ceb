"""``shunpike route``: who would be asked, in which order, and what stands in the way. Nobody is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from shunpike.cli.ask import compose, piped
from shunpike.cli.asking import Asking, conversation_of, in_conversation, options_of
from shunpike.cli.attachments import STDIN, attached, with_attachments
from shunpike.cli.decided import candidate_rows, why
from shunpike.cli.options import Json, command_app, takes
from shunpike.cli.output import NOTHING, as_json, narrate, plain, say, table
from shunpike.cli.request_fields import PairedOptions
from shunpike.cli.session import check_provider, client, run
from shunpike.client import Options
from shunpike.clock import SystemClock
from shunpike.types import Message
from shunpike.types.base import label
from shunpike.types.dry_run import DryRun, PlannedTarget

app = command_app("Show who would be asked, in which order, and what stands in the way.")
_PLANNED = ("", "provider/model", "now", "expected cost", "list price", "why")
_DROPPED = ("", "left out", "", "why")


@dataclass(frozen=True)
class RouteOptions(Asking):
    """The options of ``route``: those of ``ask``, as the plan goes by them."""

    words: Annotated[list[str] | None, typer.Argument(metavar="QUESTION", help="The question.")] = None
    json: Json = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask nobody, reserve nothing: the default, and all that it does.")
    ] = True


@app.command(cls=PairedOptions)
@takes(RouteOptions)
def route(given: RouteOptions) -> None:
    """Plan a question without asking it: nobody is asked, nothing is reserved, nothing is paid.

    Who would be asked is listed in order, with what blocks it now and what an answer is likely to cost; then who was
    left out, and why. `shunpike explain` tells of requests that were made.
    """
    options, conversation = options_of(given), conversation_of(given)
    parts = attached(given.attach or ())
    text = compose(" ".join(given.words or ()), "" if STDIN in (given.attach or ()) else piped(), parts)
    question = Message(role="user", content=with_attachments(text, parts))
    found = run(lambda: _planned([*conversation.messages, question], in_conversation(options, conversation)))
    if given.json:
        as_json({**plain(found), "first": plain(found.first)})
    else:
        _show(found)


async def _planned(prompt: list[Message], options: Options) -> DryRun:
    async with client() as opened:
        for name in options.get("providers") or ():
            check_provider(name, opened)
        return await opened.route(prompt, **options)


def _show(found: DryRun) -> None:
    now = SystemClock().now()
    say(table(_PLANNED, [_row(one, now) for one in found.planned], right=(0, 3, 4)))
    if found.dropped:
        say("\n" + table(_DROPPED, candidate_rows(found.dropped, now)))
    chosen = [f"strategy {found.strategy}", found.alias and f"alias {found.alias}", found.rule and f"rule {found.rule}"]
    size = f"{found.prompt_tokens:,} tokens, and {found.expected_output:,} for the answer"
    narrate(f"\n{found.requested_model}: {size}; by {', '.join(part for part in chosen if part)}")
    first = found.first
    if first is None:
        narrate("nobody could answer at this moment")
    else:
        narrate(f"first: {label(first.candidate.provider, first.candidate.model)}. Nobody was asked.")


def _row(one: PlannedTarget, now: float) -> tuple[str, ...]:
    candidate = one.candidate
    cost = "unknown" if one.expected_cost is None else str(one.expected_cost)
    return (
        str(candidate.rank or ""),
        label(candidate.provider, candidate.model),
        "open" if candidate.cause is None else f"blocked: {candidate.cause}",
        cost,
        NOTHING if one.list_price is None else str(one.list_price),
        why(candidate, now),
    )
