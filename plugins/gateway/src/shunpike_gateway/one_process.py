"""One process that answers: a client, the application over it, and a server, from the start to a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

from shunpike.client import Client
from shunpike.config import Loaded, load
from shunpike.errors import ConfigError, ShunpikeError
from shunpike.masking import masked
from shunpike_gateway.app import GatewayApp
from shunpike_gateway.auth import Doorkeeper
from shunpike_gateway.ops.shared import Share
from shunpike_gateway.server import GatewayServer
from shunpike_gateway.surface import Surface

Load = Callable[[], Loaded]
_LOG = logging.getLogger("shunpike.gateway")


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
        self._bound = bound
        self._read = read
        self._parent = parent
        self._share = share

    async def run(self, ready: Callable[[bool], None] | None = None) -> None:
        """Serve until SIGTERM or SIGINT; ``ready`` is told when it may, and whether who asks needs a key.

        SIGHUP reads the settings again. Raises `ConfigError`, as where it would be open to others without a key.
        """
        async with Client(self._read()) as client:
            surface = Surface(client)
            await surface.doorkeeper.check_bind()
            if self._share is not None:
                surface.operations.join(self._share)
            server = GatewayServer(GatewayApp(surface))
            self._obey_signals(server, surface)
            if ready is not None:
                ready(await surface.doorkeeper.needs_key())
            await server.run_until_stopped(self._bound, lambda: self._tick(server, client))

    async def _tick(self, server: GatewayServer, client: Client) -> None:
        if self._parent is not None and os.getppid() != self._parent:
            server.stop()
        await client.runtime.obey()

    def _obey_signals(self, server: GatewayServer, surface: Surface) -> None:
        if os.name == "nt":
            return
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, server.stop)
        loop.add_signal_handler(signal.SIGINT, server.interrupt)
        loop.add_signal_handler(signal.SIGHUP, lambda: self.reload(surface))

    def reload(self, surface: Surface) -> None:
        """Read files and keys again. What does not hold is told each time, and nothing changes."""
        try:
            surface.apply(self._read())
        except ShunpikeError as error:
            hint = error.hint or "correct them"
            _LOG.warning("%s", masked(f"the settings were not read again: {error.message} (hint: {hint})"))


async def checked(found: Loaded) -> bool:
    """Return whether who asks needs a key. Raises `ConfigError` where it would be open to others without one."""
    async with Client(found) as client:
        doorkeeper = Doorkeeper(client)
        await doorkeeper.check_bind()
        return await doorkeeper.needs_key()


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
