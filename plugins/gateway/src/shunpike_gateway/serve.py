"""``shunpike serve``."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from shunpike.cli.options import command_app
from shunpike.cli.output import kept_for_data, narrate, say
from shunpike_gateway.event_loop import run_here
from shunpike_gateway.one_process import OneProcess, check_workers, checked, settings_of
from shunpike_gateway.print_client import settings_of_client
from shunpike_gateway.server import listening, url_at, url_of
from shunpike_gateway.workers import Workers

app = command_app("Serve OpenAI's and Anthropic's APIs on a port.")
app.info.name = "serve"


@app.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = None,
    workers: Annotated[int | None, typer.Option(help="How many processes answer.", min=1)] = None,
    print_client: Annotated[
        str | None, typer.Option(help="Print what to paste into a client, such as claude-code or codex, and end.")
    ] = None,
) -> None:
    """Serve until Ctrl-C: point any OpenAI client at the address that is printed."""
    given = {name: value for name, value in (("host", host), ("port", port), ("workers", workers)) if value is not None}
    found = settings_of(given)
    gateway = found.settings.gateway
    if print_client is not None:
        say(settings_of_client(print_client, url_at(gateway.host, gateway.port)).rstrip())
        return
    check_workers(found)
    with listening(gateway.host, gateway.port) as bound, kept_for_data():
        ready = partial(tell, url_of(bound))
        if gateway.workers == 1:
            run_here(partial(OneProcess(bound, partial(settings_of, given)).run, ready))
            return
        ready(run_here(partial(checked, found)))
        raise typer.Exit(Workers(bound, gateway.workers, given).run())


def tell(url: str, needs_key: bool) -> None:
    """Say where the gateway is, and how to try it."""
    say(f"Gateway  {url}/v1   {'for client keys' if needs_key else 'any key is accepted on this machine'}")
    narrate(f"Try it   curl {url}/v1/chat/completions -H 'content-type: application/json' \\", dim=True)
    if needs_key:
        narrate("           -H 'authorization: Bearer KEY' \\", dim=True)
    narrate("""           -d '{"model": "auto", "messages": [{"role": "user", "content": "hi"}]}'""", dim=True)
    narrate("Ctrl-C stops it.", dim=True)
