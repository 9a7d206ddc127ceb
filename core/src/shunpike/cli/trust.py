"""``shunpike trust``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shunpike.cli.options import Json, command_app
from shunpike.cli.output import as_json, as_list, narrate, safe, say, table
from shunpike.config import TrustStore, needing_trust, place_of, project_file, read
from shunpike.errors import UsageError

app = command_app("Let a folder's shunpike.toml say where requests go and what they may cost.")


@app.command()
def trust(
    path: Annotated[
        Path | None, typer.Argument(help="The folder, or the file in it; else the working directory.")
    ] = None,
    *,
    listed: Annotated[bool, typer.Option("--list", help="Show what is trusted.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Trust it no more.")] = False,
    json: Json = False,
) -> None:
    """Trust the shunpike.toml of a folder as it is now; when a byte of it changes, it has to be trusted anew.

    Without trust such a file may only say what costs nothing, leads nowhere else and loosens nothing: the rest of it is
    ignored, with a warning.
    """
    if listed:
        if path is not None or remove:
            raise UsageError("--list shows everything: it takes no path and no --remove", hint="shunpike trust --list")
        _list(json=json)
    elif remove:
        _remove(_file_at(path), json=json)
    else:
        _trust(_file_at(path), json=json)


def _file_at(path: Path | None) -> Path:
    usual = project_file()
    if path is None:
        return place_of(usual)
    file = path if path.name == usual.name and not path.is_dir() else path / usual.name
    if path.is_file() and file != path:
        raise UsageError(
            f"{safe(str(path))} is not a {usual.name}: only such a file is read", hint="shunpike trust FOLDER"
        )
    return place_of(file.absolute())


def _trust(file: Path, *, json: bool) -> None:
    found = read(file, plain=True)
    if found is None:
        raise UsageError(f"there is no {safe(str(file))}", hint="shunpike trust FOLDER")
    settings = needing_trust(found)
    if not json:
        _show(file, [(one.key, one.text) for one in settings])
    one = TrustStore().trust(file, found.digest)
    if json:
        as_json({**one.model_dump(), "settings": [{"key": one.key, "value": one.value} for one in settings]})
    else:
        narrate("✓ trusted, until it changes   ·   to take it back: shunpike trust --remove")


def _show(file: Path, rows: list[tuple[str, str]]) -> None:
    if rows:
        narrate(f"{safe(str(file))} says, beside what needs no trust:")
        say(table(("setting", "value"), rows))
    else:
        narrate(f"{safe(str(file))} says nothing that needs trust")


def _remove(file: Path, *, json: bool) -> None:
    if not TrustStore().remove(file):
        raise UsageError(f"{safe(str(file))} is not trusted", hint="see: shunpike trust --list")
    if json:
        as_json({"path": str(file), "removed": True})
    else:
        narrate(f"✓ {safe(str(file))} is not trusted any more")


def _list(*, json: bool) -> None:
    found = TrustStore().all()
    if json:
        as_list([{**one.model_dump(), "state": one.state} for one in found])
    elif found:
        say(table(("file", "state"), [(one.path, one.state) for one in found]))
    else:
        narrate("nothing is trusted")
