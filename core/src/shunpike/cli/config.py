"""``shunpike config``."""

from __future__ import annotations

from typing import Annotated

import typer

from shunpike.cli.options import Json, command_app
from shunpike.cli.output import as_json, as_list, plain, say, table
from shunpike.cli.reference import as_markdown, in_words, matching
from shunpike.config import KeyStore, load, project_file, user_file

app = command_app("Show the configuration and where each value comes from.")


@app.command()
def show(
    *,
    origin: Annotated[bool, typer.Option("--origin", help="Where each value comes from.")] = False,
    json: Json = False,
) -> None:
    """Show every setting in force."""
    origins = load().origins
    if json:
        as_list([plain(one) if origin else {"key": one.key, "value": one.value} for one in origins])
    elif origin:
        say(table(("setting", "value", "origin"), [(one.key, one.text, one.origin) for one in origins]))
    else:
        say(table(("setting", "value"), [(one.key, one.text) for one in origins]))


@app.command()
def reference(
    word: Annotated[str | None, typer.Argument(metavar="NAME", help="Only settings whose name holds this.")] = None,
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="As the chapters of a page.")] = False,
    json: Json = False,
) -> None:
    """Explain every setting: type, default, unit, an example, and where it may stand."""
    found = matching(word)
    if json:
        as_list([{**plain(one), "toml": one.toml, "variable": one.variable} for one in found])
    elif markdown:
        say(as_markdown(), end="")
    else:
        say("\n".join(in_words(one) for one in found), end="")


@app.command()
def path(*, json: Json = False) -> None:
    """Show the files that are read, the nearest first."""
    files = {"project": project_file(), "user": user_file(), "keys": KeyStore().path}
    if json:
        as_json({name: {"path": str(file), "exists": file.is_file()} for name, file in files.items()})
        return
    rows = [(name, str(file), "" if file.is_file() else "(does not exist)") for name, file in files.items()]
    say(table(("file", "path", ""), rows))
