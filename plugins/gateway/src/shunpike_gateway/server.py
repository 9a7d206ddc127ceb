"""Serves the application over sockets, until it is told to end."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress

import uvicorn
from typing_extensions import override

from shunpike.clock import Clock
from shunpike.errors import ConfigError
from shunpike_gateway.app import GatewayApp
from shunpike_gateway.protocol import BoundedProtocol
from shunpike_gateway.surface import Surface

TICK = 0.5
"""Seconds between two looks at what an operator changed, also while nobody asks anything."""
LAST_WORDS = 1.0
"""Seconds in which a request that is cancelled may tell its client so."""


class GatewayServer(uvicorn.Server):
    """uvicorn's server, which is told by `stop` to end, and not by signals of its own."""

    def __init__(self, app: GatewayApp) -> None:
        self.app = app
        self._clock = app.surface.client.clock
        # It writes no log of its own, and tells nobody what it is.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().__init__(
            uvicorn.Config(
                app,
                http=bounded(app.surface),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # Whoever asks is who connects: a header would let one address pass for many that fail at the door.
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._ending: asyncio.Task[None] | None = None

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def run_until_stopped(self, bound: socket.socket, tick: Callable[[], Awaitable[object]]) -> None:
        """Serve ``bound``; ``tick`` is awaited twice a second."""
        beside = [
            asyncio.create_task(_repeat(tick, self._clock)),
            asyncio.create_task(self.app.surface.operations.watch()),
        ]
        try:
            await self.serve(sockets=[bound])
            await self._end_requests()
        finally:
            for one in beside:
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one

    async def _end_requests(self) -> None:
        """Cancel what uvicorn left running, which it does where it was interrupted, and wait until it is told."""
        left = list(self.server_state.tasks)
        for one in left:
            if not one.cancelling():
                one.cancel()
        with self._clock.move_on_after(LAST_WORDS):
            await asyncio.gather(*left, return_exceptions=True)

    def stop(self) -> None:
        """Begin no new request, let those that run end for as long as the settings say, and close."""
        if self._ending is None:
            self.app.draining = True
            self._ending = asyncio.get_running_loop().create_task(self._drain())

    def interrupt(self) -> None:
        """Do as `stop` does; where that has begun, end what runs now, as whoever presses Ctrl-C twice wants."""
        if self._ending is not None:
            self._ending.cancel()
            self.should_exit = self.force_exit = True
        self.stop()

    async def _drain(self) -> None:
        with self._clock.move_on_after(self.app.surface.settings.drain):
            await self.app.idle.wait()
        self.should_exit = True


def bounded(surface: Surface) -> type[BoundedProtocol]:
    """Return the protocol with the settings of ``surface``, whatever they are at the time."""
    return type("Protocol", (BoundedProtocol,), {"surface": surface})


async def _repeat(tick: Callable[[], Awaitable[object]], clock: Clock) -> None:
    while True:
        await clock.sleep(TICK)
        await tick()


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens at ``host`` and ``port``. Raises `ConfigError` where that can't be."""
    bare = host.strip("[]")
    try:
        return socket.create_server(
            (bare, port), family=socket.AF_INET6 if ":" in bare else socket.AF_INET, backlog=1024
        )
    except OSError as error:
        wants_port = error.errno in (errno.EADDRINUSE, errno.EACCES)
        hint = "another port: --port 0 takes a free one" if wants_port else "another: --host 127.0.0.1"
        raise ConfigError(f"can't listen at {host} port {port}: {error.strerror}", hint=hint) from None


def url_of(bound: socket.socket) -> str:
    """Return the address that clients are given."""
    return url_at(*bound.getsockname()[:2])


def url_at(host: str, port: int) -> str:
    """Return the address of ``port`` at ``host``, a name or an address with or without brackets."""
    bare = host.strip("[]")
    return f"http://[{bare}]:{port}" if ":" in bare else f"http://{bare}:{port}"
