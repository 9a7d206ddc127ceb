"""``shunpike embed``."""

from __future__ import annotations

import json as json_text
from dataclasses import dataclass
from typing import Annotated

import typer

from shunpike.cli.answer import show_footer, show_warnings
from shunpike.cli.ask import piped
from shunpike.cli.options import Batch, Json, MaxWait, NoPaid, NoWait, Tag, Timeout, command_app, takes
from shunpike.cli.output import as_json, plain, say
from shunpike.cli.patience import add_shared
from shunpike.cli.session import check_provider, client, run
from shunpike.cli.spinner import Spinner
from shunpike.cli.waiting import say_waits
from shunpike.client import EmbedOptions
from shunpike.errors import UsageError

app = command_app("Turn texts into vectors.")


@dataclass(frozen=True)
class Embed:
    """The options of ``embed``."""

    model: Annotated[str, typer.Option("--model", "-m", help="PROVIDER/ID, or an ID wherever it is offered.")]
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT...", help="The texts; else stdin is one.")] = None
    provider: Annotated[list[str] | None, typer.Option("--provider", "-p", help="Only this one; repeatable.")] = None
    dimensions: Annotated[int | None, typer.Option(help="The length of the vectors.", min=1)] = None
    timeout: Timeout = None
    no_wait: NoWait = False
    max_wait: MaxWait = None
    no_paid: NoPaid = False
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
    run(lambda: _embed(given, texts, options))


def options_of(given: Embed) -> EmbedOptions:
    """Return the options of the call. Raises `UsageError` naming what can't be."""
    options: EmbedOptions = {"model": given.model}
    add_shared(options, given)
    if given.dimensions is not None:
        options["dimensions"] = given.dimensions
    return options


async def _embed(given: Embed, texts: list[str], options: EmbedOptions) -> None:
    async with client() as opened:
        for name in given.provider or ():
            check_provider(name, opened)
        if not given.quiet:
            say_waits(opened, scripted=given.json)
        if given.json:
            done = await opened.settled(await opened.embed(texts, **options))
            as_json({**plain(done), "dimensions": done.dimensions})
            return
        with Spinner("waiting for the vectors"):
            done = await opened.embed(texts, **options)
        for vector in done.vectors:
            say(json_text.dumps(vector))
        show_warnings(done)
        if not given.quiet:
            await show_footer(opened, done)
