"""A process that asks some endpoints again and again until the file STOP is there: ``switched.py STORE URL STOP``."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from shunpike.client import Client
from shunpike.errors import ShunpikeError
from shunpike.types import ProviderSettings, Settings

NAMES = tuple(f"p-{number}" for number in range(20))
PAUSE = 0.05
"""Seconds between two requests to one endpoint."""


def settings(url: str, root: str) -> Settings:
    """Return one endpoint for each of `NAMES`, of which no limit is known."""
    sections = {name: ProviderSettings(plugin="openai", base_url=f"{root}/{name}/v1", price="free") for name in NAMES}
    return Settings(store=url, providers=sections, wait=False)


async def ask_until(url: str, root: str, stop: Path) -> None:
    """Ask all of them at once, each by itself."""
    async with Client(settings(url, root), environ={}) as client, anyio.create_task_group() as group:
        for name in NAMES:
            group.start_soon(_lane, client, name, stop)


async def _lane(client: Client, name: str, stop: Path) -> None:
    while not stop.exists():  # noqa: ASYNC240 - a look at one name
        try:
            await client.complete("hello", model=f"{name}/m-1", max_tokens=8)
        except ShunpikeError as error:
            if "shunpike providers enable" not in str(error):
                raise
        await anyio.sleep(PAUSE)


if __name__ == "__main__":
    anyio.run(ask_until, sys.argv[1], sys.argv[2], Path(sys.argv[3]))
