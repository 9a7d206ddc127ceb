"""``shunpike serve``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from shunpike.cli.options import command_app
from shunpike.cli.output import narrate, say
from shunpike.cli.session import run
from shunpike.client import Client
from shunpike.config import load
from shunpike_gateway.app import GatewayApp
from shunpike_gateway.server import listening, server_of, url_of
from shunpike_gateway.surface import Surface

app = command_app("Serve OpenAI's and Anthropic's APIs on a port.")
app.info.name = "serve"


@app.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = None,
    workers: Annotated[int | None, typer.Option(help="How many processes answer.", min=1)] = None,
) -> None:
    """Serve until Ctrl-C: point any OpenAI client at the address that is printed."""
    given = {"host": host, "port": port, "workers": workers}
    run(lambda: _serve({name: value for name, value in given.items() if value is not None}))


async def _serve(given: dict[str, Any]) -> None:
    async with Client(load({"gateway": given} if given else None)) as client:
        settings = client.settings.gateway
        with listening(settings.host, settings.port) as bound:
            tell(url_of(bound))
            await server_of(GatewayApp(Surface(client)), settings).serve(sockets=[bound])


def tell(url: str) -> None:
    """Say where the gateway is, and how to try it."""
    say(f"Gateway  {url}/v1   OpenAI-compatible, any key is accepted on this machine")
    narrate(f"Try it   curl {url}/v1/chat/completions -H 'content-type: application/json' \\", dim=True)
    narrate("""           -d '{"model": "auto", "messages": [{"role": "user", "content": "hi"}]}'""", dim=True)
    narrate("Ctrl-C stops it.", dim=True)
