"""``shunpike keys``."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from pydantic import SecretStr

from shunpike.cli import client_keys
from shunpike.cli.forms import did_you_mean
from shunpike.cli.options import Json, command_app
from shunpike.cli.output import NOTHING, as_json, as_list, narrate, safe, say, table
from shunpike.cli.reading import line_of_stdin
from shunpike.cli.session import check_provider, client, run
from shunpike.client import Client, ProviderStatus
from shunpike.clock import SystemClock, duration
from shunpike.config import KeyStore, clean_key, tail
from shunpike.config.admin_key import STORED_AS
from shunpike.config.dotenv import bare_key
from shunpike.config.places import ADMIN_VARIABLE
from shunpike.control.client_keys import new_key
from shunpike.errors import AuthError, ProviderError, UnknownProvider, UsageError

app = command_app("Store, list and remove keys. A key in the environment wins over a stored one.")

app.add_typer(client_keys.app, name="client")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The provider.")]


@app.command("set")
def set_key(
    name: Name,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    *,
    key_stdin: Annotated[bool, typer.Option("--key-stdin", help="Read the key from stdin.")] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="Store it without asking the provider.")] = False,
) -> None:
    """Store a key: it is typed hidden, checked with a call that costs nothing, and kept in a file of mode 600."""
    if more or "=" in name:
        raise UsageError(
            "a key is never an argument: it would stay in the shell's history, where others can read it",
            hint="leave it out, and type it when asked   ·   or pipe it in: … | shunpike keys set NAME --key-stdin",
        )
    row = run(lambda: _status_of(name))
    if row.env_key is None:
        raise UsageError(f"{name} needs no key", hint=f'ask it: shunpike -p {name} "hi"')
    key = _read_key(row, from_stdin=key_stdin)
    store = KeyStore()
    if not no_check:
        narrate(run(lambda: _check(name, key)))
    store.set(name, key)
    narrate(f"✓ stored as {tail(key)} in {store.path}")
    if bare_key(os.environ.get(row.env_key, "")):
        narrate(f"note: {row.env_key} is set in the environment and wins over the stored key")


def _read_key(row: ProviderStatus, *, from_stdin: bool) -> str:
    if from_stdin:
        text = line_of_stdin()
    elif sys.stdin.isatty():
        if row.key_url:
            narrate(f"get a key: {row.key_url}")
        text = typer.prompt(
            f"Paste your {row.title} key (input hidden)", hide_input=True, default="", show_default=False, err=True
        )
    else:
        raise UsageError(
            "there is no terminal to type the key on", hint=f"pipe it in: … | shunpike keys set {row.name} --key-stdin"
        )
    key = clean_key(text, "the input")
    if key is None:
        raise UsageError("the key is empty", hint=f"run it again: shunpike keys set {row.name}")
    return key


async def _status_of(name: str) -> ProviderStatus:
    async with client(ledger=False) as opened:
        return await _row(opened, name)


async def _row(opened: Client, name: str) -> ProviderStatus:
    check_provider(name, opened)
    for row in await opened.status():
        if row.name == name:
            return row
    raise UnknownProvider(
        f'the section "{name}" has no installed provider behind it',
        hint=f'name one in it: [providers.{name}] plugin = "…"     (shunpike plugins)',
    )


async def _check(name: str, key: str) -> str:
    """Return what a free call with ``key`` said. A refused key raises `AuthError`; no answer leaves it unchecked."""
    clock = SystemClock()
    started_mono = clock.monotonic()
    async with client({"providers": {name: {"key": SecretStr(key)}}}, ledger=False) as opened:
        try:
            found = await opened.probe(name)
        except AuthError as error:
            error.hint = f"nothing was stored; copy the key again and run: shunpike keys set {name}"
            raise
        except (ProviderError, UnknownProvider, UsageError) as error:
            return f"! not checked: {safe(error.message)}"
    return f"✓ key works ({safe(found)} in {duration(clock.monotonic() - started_mono)})"


@app.command("list")
def list_keys(*, json: Json = False) -> None:
    """Show which providers have a key, where it comes from, and its last four characters."""
    rows = [row for row in run(_all) if row.env_key is not None or row.key_tail is not None]
    if json:
        as_list(
            [{"name": row.name, "key": row.key_tail, "origin": row.key_origin, "variable": row.env_key} for row in rows]
        )
        return
    cells = [(row.name, row.key_tail or NOTHING, row.key_origin or NOTHING, row.env_key or NOTHING) for row in rows]
    say(table(("provider", "key", "from", "variable"), cells))


async def _all() -> tuple[ProviderStatus, ...]:
    async with client(ledger=False) as opened:
        return tuple(sorted(await opened.status(), key=lambda row: (row.order, row.name)))


@app.command("rm")
def remove(name: Name) -> None:
    """Forget a stored key."""
    store = KeyStore()
    if not store.remove(name):
        raise UsageError(
            f'there is no stored key for "{name}"{did_you_mean(name, store.names())}', hint="see: shunpike keys list"
        )
    narrate(f"✓ removed the key of {name} from {store.path}")


@app.command()
def admin(*, replace: Annotated[bool, typer.Option("--replace", help="Even where one is stored.")] = False) -> None:
    """Make the key of whoever runs a gateway, store it and show it, once: it opens the admin API.

    A gateway that runs takes it when it is told to read its settings again (SIGHUP). `shunpike keys rm shunpike-admin`
    forgets it.
    """
    store = KeyStore()
    if not replace and store.get(STORED_AS) is not None:
        raise UsageError(
            f"an admin key is stored in {store.path} already", hint="make another: shunpike keys admin --replace"
        )
    key = new_key()
    store.set(STORED_AS, key)
    say(key)
    narrate(f"✓ stored in {store.path}; it is not shown again")
    if ADMIN_VARIABLE in os.environ:
        narrate(f"note: {ADMIN_VARIABLE} is set in the environment and wins over the stored key")


@app.command()
def path(*, json: Json = False) -> None:
    """Show the file that holds the stored keys."""
    store = KeyStore()
    if json:
        as_json({"path": str(store.path), "exists": store.path.is_file()})
    else:
        say(str(store.path))
