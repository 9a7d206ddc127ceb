"""``shunpike config``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from shunpike.cli.options import Json, command_app
from shunpike.cli.output import as_json, as_list, kept_for_data, plain, say, table
from shunpike.cli.reference import as_markdown, in_words, matching
from shunpike.config import KeyStore, Origin, load, project_file, user_file
from shunpike.config.warned import warn_once
from shunpike.plugins import Host
from shunpike.runtime.names import all_doubts, check_budgets, strategy_doubts

app = command_app("Show the configuration and where each value comes from.")

IGNORED = "(ignored: the file is not trusted)"


@app.command()
def show(
    word: Annotated[str | None, typer.Argument(metavar="NAME", help="Only settings whose name holds this.")] = None,
    *,
    origin: Annotated[bool, typer.Option("--origin", help="Where each value comes from.")] = False,
    json: Json = False,
) -> None:
    """Show the settings in force."""
    loaded = load()
    for one in loaded.doubts:
        warn_once(one.text, one.hint)
    origins = _named(word, loaded.origins)
    ignored = _named(word, () if loaded.ignored is None else loaded.ignored.settings)
    if not origins and not ignored:
        matching(word)  # Says that there is no such setting, unless it is one that only nobody has set.
    if json:
        rows = {"data": _rows(origins, origin=origin), "has_more": False}
        as_json({**rows, "ignored": _rows(ignored, origin=origin)} if ignored else rows)
        return
    cells = [(one.key, one.text, one.origin) for one in origins]
    cells += [(one.key, f"{one.text} {IGNORED}", one.origin) for one in ignored]
    columns = 3 if origin else 2
    say(table(("setting", "value", "origin")[:columns], [row[:columns] for row in cells]))


def _named(word: str | None, origins: Sequence[Origin]) -> list[Origin]:
    return [one for one in origins if word is None or word.lower() in one.key.lower()]


def _rows(origins: Sequence[Origin], *, origin: bool) -> list[dict[str, Any]]:
    return [plain(one) if origin else plain({"key": one.key, "value": one.value}) for one in origins]


@app.command()
def check(*, json: Json = False) -> None:
    """Check files, variables and stored keys; opens no ledger and asks nobody. Exit code 1 where something is odd."""
    loaded = load()
    with kept_for_data():
        host = Host.load(loaded.settings.disabled_plugins)
    check_budgets(loaded.settings, host)
    found = (*all_doubts(loaded, host, KeyStore()), *strategy_doubts(loaded.settings, host))
    if json:
        as_list([{"text": one.text, "hint": one.hint, "ignored": not one.fatal} for one in found])
    elif found:
        say("\n".join(f"! {one.text}\n  hint: {one.hint}" for one in found))
    else:
        say(f"the configuration is valid ({', '.join(map(str, loaded.files)) or 'no file, which is fine'})")
    if found:
        raise typer.Exit(1)


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
        as_list(
            [{**plain(one), "toml": one.toml, "variable": one.variable, "untrusted": one.untrusted} for one in found]
        )
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
