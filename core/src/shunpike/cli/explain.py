"""``shunpike explain``: why a request went where it went."""

from __future__ import annotations

from typing import Annotated

import typer

from shunpike.cli.decided import attempt_rows, candidate_rows
from shunpike.cli.options import Json, command_app
from shunpike.cli.output import as_json, narrate, say, table
from shunpike.cli.session import client, run
from shunpike.clock import SystemClock, moment, when
from shunpike.errors import UsageError
from shunpike.types import Decision, RequestOutcome
from shunpike.types.base import label

app = command_app("Show why a request went where it went.")
_CANDIDATES = ("", "provider/model", "what became of it", "why")
_ATTEMPTS = ("attempt", "provider/model", "admitted", "first token", "total", "tokens", "cost", "ended")


@app.command()
def explain(
    request_id: Annotated[
        str | None, typer.Argument(metavar="[REQUEST_ID]", help="As an answer, an error or `usage` names it.")
    ] = None,
    *,
    last: Annotated[bool, typer.Option("--last", help="The request that began last.")] = False,
    json: Json = False,
) -> None:
    """Show who was considered, what blocked whom, what was tried and what came of it.

    Of prompts and answers nothing is kept.
    """
    if (request_id is None) == (not last):
        raise UsageError("name a request, or say --last", hint="shunpike explain --last   ·   shunpike explain req_…")
    found = run(lambda: _found(request_id))
    if json:
        as_json(found)
    else:
        _show(found)


async def _found(request_id: str | None) -> Decision:
    async with client() as opened:
        return await opened.explain(request_id)


def _show(one: Decision) -> None:
    now = SystemClock().now()
    say(_headline(one, now))
    for name, text in _facts(one):
        say(f"  {name:<11}{text}")
    if one.candidates:
        say("\n" + table(_CANDIDATES, candidate_rows(one.candidates, now), right=(0,)))
    if one.attempts:
        say("\n" + table(_ATTEMPTS, attempt_rows(one.attempts), right=(2, 3, 4, 5, 6)))
    for text in (*one.notes, *(f"warning: {text}" for text in one.warnings)):
        say(f"\n{text}")
    if not one.candidates:
        narrate("nobody was considered")


def _headline(one: Decision, now: float) -> str:
    """Return how it ended, in one line."""
    who = label(one.provider or "", one.served_model or "") if one.provider else ""
    opens = "" if one.retry_at is None else f", could be answered {when(one.retry_at, now)}"
    ends = {
        RequestOutcome.ANSWERED: f"answered by {who}",
        RequestOutcome.EXHAUSTED: f"nobody could answer{opens}",
        RequestOutcome.CANCELLED: "left by its caller",
        RequestOutcome.FAILED: f"failed: {one.error}",
    }
    ended = ends[one.ended] if one.ended is not None else "not ended"
    return f"{one.request_id}: {ended} · {one.seconds:.2f} s · {one.cost}"


def _facts(one: Decision) -> list[tuple[str, str]]:
    asked = [f"{one.requested_model}, {one.prompt_tokens:,} tokens", "streamed" if one.streamed else "", one.kind]
    asked += ["strict" if one.strict else "", one.priority if one.priority == "batch" else ""]
    chosen = [f"strategy {one.strategy}", one.alias and f"alias {one.alias}", one.rule and f"rule {one.rule}"]
    whom = [one.user and f"user {one.user}", one.tag and f"tag {one.tag}", one.principal and f"key {one.principal}"]
    began = f"{moment(one.began_at).astimezone():%Y-%m-%d %H:%M:%S}"
    facts: list[tuple[str, list[str | None]]] = [("asked for", [*asked]), ("began", [began])]
    facts += [("chosen by", chosen), ("for", whom)]
    if one.affinity is not None and one.affinity.state != "off":
        facts.append(("affinity", [f"{one.affinity.state} {one.affinity.target or ''}".strip(), one.affinity.why]))
    return [(name, ", ".join(part for part in parts if part)) for name, parts in facts if any(parts)]
