"""``shunpike sandbox``."""

from __future__ import annotations

from typing import Annotated

import typer

from shunpike.cli.options import command_app
from shunpike.cli.output import narrate, say
from shunpike.errors import UsageError
from shunpike.installation import install_hint
from shunpike.plugins import Host
from shunpike.protocols import World

app = command_app("Serve the simulated providers on a port.")


@app.callback()
def sandbox() -> None:
    """Serve the simulated providers on a port."""


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8585,
) -> None:
    """Serve until Ctrl-C."""
    world().serve(host, port, _ready)


def _ready(base_url: str) -> None:
    say(f"the simulated providers listen at {base_url}")
    narrate("Ctrl-C stops them.", dim=True)


def world(host: Host | None = None) -> World:
    """Return the world of simulated providers. Raises `UsageError` where no plugin brings one."""
    found = (host or Host.load()).world()
    if found is None:
        raise UsageError(
            "no installed plugin brings simulated providers",
            hint=install_hint("sandbox") or "see what is installed: shunpike plugins",
        )
    return found
