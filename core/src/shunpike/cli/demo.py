"""``shunpike demo``: the main job, offline, through the real router, and an audit of the ledger at the end."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from shunpike.cli.demo_progress import watch
from shunpike.cli.demo_report import as_object, show
from shunpike.cli.demo_run import DemoPlan, Result, play
from shunpike.cli.options import Json, command_app, takes
from shunpike.cli.output import as_json, narrate, styled
from shunpike.cli.sandbox import world
from shunpike.cli.session import run
from shunpike.errors import ShunpikeError
from shunpike.installation import any_plugin_hint
from shunpike.plugins import Host

app = command_app("Send a few hundred requests through the simulated providers.")


@dataclass(frozen=True)
class Demo:
    """The options of ``demo``."""

    requests: Annotated[int, typer.Option(help="How many.", min=1, max=5000)] = 300
    seed: Annotated[int, typer.Option(help="The same seed sends the same requests.")] = 7
    concurrency: Annotated[int, typer.Option(help="So many at once.", min=1, max=64)] = 16
    faults: Annotated[float, typer.Option(help="The share that is made to fail.", min=0, max=0.9)] = 0.08
    json: Json = False


@app.command()
@takes(Demo)
def demo(given: Demo) -> None:
    """Send a few hundred mixed requests through the simulated providers, and compare the ledger with their books.

    Nothing leaves this machine: seven providers are emulated on a loopback port, with today's free limits and with
    faults; play money pays the few that have no free tier. Exit 1 when the ledger differs from the providers' books.
    """
    plan = DemoPlan(requests=given.requests, seed=given.seed, concurrency=given.concurrency, faults=given.faults)
    result = run(lambda: _play(plan, live=styled(sys.stderr)))
    if given.json:
        as_json(as_object(result))
    else:
        show(result)
    if not result.sound:
        raise typer.Exit(1)


async def _play(plan: DemoPlan, *, live: bool) -> Result:
    host = Host.load()
    simulated = world(host)
    if all(info.simulated for info in host.providers()):
        raise ShunpikeError(
            "no provider is installed, so there is nothing to send a request through",
            hint=f"{any_plugin_hint()}   ·   what is there: shunpike plugins",
        )
    narrate(f"{plan.requests} requests to simulated providers: no network, no key, no real money", dim=True)
    with watch(plan.requests, live=live) as progress:
        return await play(plan, host, simulated, progress)
