"""``shunpike embed``."""

from __future__ import annotations

import json as json_text
from dataclasses import dataclass
from typing import Annotated

import typer

from shunpike.cli.ask import piped
from shunpike.cli.forms import tokens
from shunpike.cli.options import Batch, Deadline, Json, NoWait, Tag, command_app, takes
from shunpike.cli.output import as_json, narrate, plain, say
from shunpike.cli.patience import add_shared
from shunpike.cli.session import check_provider, client, run
from shunpike.cli.waiting import say_waits
from shunpike.client import EmbedOptions
from shunpike.errors import UsageError
from shunpike.types import Embedding
from shunpike.types.base import label

app = command_app("Turn texts into vectors.")


@dataclass(frozen=True)
class Embed:
    """The options of ``embed``."""

    model: Annotated[str, typer.Option("--model", "-m", help="PROVIDER/ID, or an ID wherever it is offered.")]
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT...", help="The texts; else stdin is one.")] = None
    provider: Annotated[list[str] | None, typer.Option("--provider", "-p", help="Only this one; repeatable.")] = None
    dimensions: Annotated[int | None, typer.Option(help="The length of the vectors.", min=1)] = None
    deadline: Deadline = None
    no_wait: NoWait = False
    batch: Batch = False
    tag: Tag = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No footer.")] = False
    json: Json = False


@app.command()
@takes(Embed)
def embed(given: Embed) -> None:
    """Write one vector a line for each text, as a JSON array. Only the model that is named answers, never another."""
    texts = list(given.texts or ()) or [piped()]
    if not any(text.strip() for text in texts):
        raise UsageError("there is no text to embed", hint='say something: shunpike embed "a text" -m MODEL')
    options = options_of(given)
    done = run(lambda: _embed(given, texts, options))
    for warning in done.warnings:
        narrate(f"note: {warning}")
    if given.json:
        as_json({**plain(done), "dimensions": done.dimensions})
        return
    for vector in done.vectors:
        say(json_text.dumps(vector))
    if not given.quiet:
        narrate(_footer(done), dim=True)


def options_of(given: Embed) -> EmbedOptions:
    """Return the options of the call. Raises `UsageError` naming what can't be."""
    options: EmbedOptions = {"model": given.model}
    add_shared(options, given)
    if given.dimensions is not None:
        options["dimensions"] = given.dimensions
    return options


async def _embed(given: Embed, texts: list[str], options: EmbedOptions) -> Embedding:
    async with client() as opened:
        for name in given.provider or ():
            check_provider(name, opened)
        if not given.quiet:
            say_waits(opened, scripted=given.json)
        done = await opened.embed(texts, **options)
        return await opened.settled(done) if given.json else done


def _footer(done: Embedding) -> str:
    simulated = " · simulated" if done.simulated else ""
    vectors = "1 vector" if len(done.vectors) == 1 else f"{len(done.vectors):,} vectors"
    size = f"{vectors} of {done.dimensions:,} numbers"
    return f"{label(done.provider, done.model)} · {size} · {tokens(done.usage)} · {done.cost}{simulated}"
