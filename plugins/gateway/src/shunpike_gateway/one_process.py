"""One process that answers: a client, the application over it, and a server, from the start to a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

from shunpike.client import Client
from shunpike.config import Loaded, load
from shunpike.config.warned import warn_once
from shunpike.errors import ConfigError, ShunpikeError
from shunpike_gateway.app import GatewayApp
from shunpike_gateway.ops.shared import Share
from shunpike_gateway.server import GatewayServer
from shunpike_gateway.surface import Surface

Load = Callable[[], Loaded]


def settings_of(given: Mapping[str, Any]) -> Loaded:
    """Return the settings in force; ``given`` are those of the command line, in the table ``[gateway]``."""
    return load({"gateway": dict(given)} if given else None)


class OneProcess:
    """Serves ``bound`` by what ``read`` says, and reads it again when it is told to.

    Args:
        parent: The process that watches over this one; where it has gone, this one ends. None = there is none.
        share: Where others that answer at the same address see what this one counted; None = it is alone.

    """

    def __init__(self, bound: socket.socket, read: Load, parent: int | None = None, share: Share | None = None) -> None:
        self._share = share
        self._bound = bound
        self._read = read
        self._parent = parent
        self._server: GatewayServer | None = None

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Serve until SIGTERM or SIGINT; ``ready`` is called when it may. SIGHUP reads the settings again.

        Raises `ConfigError`, as where it would be open to others without a key.
        """
        async with Client(self._read()) as client:
            surface = Surface(client)
            await surface.doorkeeper.check_bind()
            if self._share is not None:
                surface.operations.join(self._share)
            self._server = server = GatewayServer(GatewayApp(surface))
            self._obey_signals(client, surface)
            if ready is not None:
                ready()
            await server.run_until_stopped(self._bound, lambda: self._tick(client))

    async def _tick(self, client: Client) -> None:
        if self._parent is not None and os.getppid() != self._parent and self._server is not None:
            self._parent = None
            self._server.stop()
        await client.runtime.obey()

    def _obey_signals(self, client: Client, surface: Surface) -> None:
        loop, server = asyncio.get_running_loop(), self._server
        if server is None or os.name == "nt":
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        loop.add_signal_handler(signal.SIGHUP, lambda: self.reload(client, surface))

    def reload(self, client: Client, surface: Surface) -> None:
        """Read files and keys again. What does not hold is told, and nothing changes."""
        try:
            client.apply(self._read())
        except ShunpikeError as error:
            warn_once(f"the settings were not read again: {error.message}", error.hint or "correct them")
            return
        surface.apply(client.settings.gateway)


async def checked(found: Loaded) -> bool:
    """Return whether who asks needs a key. Raises `ConfigError` where it would be open to others without one."""
    async with Client(found) as client:
        doorkeeper = Surface(client).doorkeeper
        await doorkeeper.check_bind()
        return bool(await doorkeeper.keys())


def check_workers(found: Loaded) -> None:
    """Raise `ConfigError` where several processes can't work by these settings."""
    store, workers = found.settings.store or "", found.settings.gateway.workers
    if workers > 1 and store.startswith("memory:"):
        raise ConfigError(
            f"{workers} workers can't share a store in memory",
            hint='--workers 1   ·   or a store that they share: store = "sqlite:/path/ledger.db"',
        )
    if workers > 1 and os.name == "nt":
        raise ConfigError("several workers need a system with fork; this one has none", hint="--workers 1")
