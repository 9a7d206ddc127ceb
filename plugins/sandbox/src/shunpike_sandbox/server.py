"""Serves a world over real sockets: in the foreground, or in a thread for demos and tests."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

from typing_extensions import override

from shunpike_sandbox.app import create_app
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.replies import HANGUP
from shunpike_sandbox.world import SimulatedWorld

if TYPE_CHECKING:
    import uvicorn

_START_SECONDS = 10.0


def serve(
    world: SimulatedWorld, host: str = "127.0.0.1", port: int = 8765, ready: Callable[[str], None] | None = None
) -> None:
    """Serve until interrupted; ``ready`` gets the root URL once the port is bound."""
    bound = socket.create_server((host, port))
    if ready is not None:
        ready("http://{}:{}".format(*bound.getsockname()[:2]))
    _server(world, host, port, "warning", signals=True).run(sockets=[bound])


class Running:
    """A world on an ephemeral loopback port, served by a thread of its own.

    Use it as a context manager, or call `start` and `stop`.
    """

    def __init__(self, world: SimulatedWorld, host: str = "127.0.0.1", port: int = 0) -> None:
        self.world = world
        self._socket = socket.create_server((host, port))
        self._address: tuple[str, int] = self._socket.getsockname()[:2]
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The root of all endpoints."""
        host, port = self._address
        return f"http://{host}:{port}"

    def base_url(self, provider: str) -> str:
        """Return the base URL of a provider, as its client would be given it."""
        return self.url + BASE_PATHS[provider]

    def start(self) -> Self:
        """Start serving; return when requests are accepted."""
        if self._thread is not None:
            raise RuntimeError("already running")
        started = threading.Event()
        self._server = _server(self.world, *self._address, "error")
        self._thread = threading.Thread(target=self._run, args=(started,), name="shunpike-sandbox", daemon=True)
        self._thread.start()
        if not started.wait(_START_SECONDS):
            raise RuntimeError("the sandbox did not start")
        return self

    def stop(self) -> None:
        """Stop serving and give the port back; safe to call twice."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_START_SECONDS)
            self._thread = None
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _run(self, started: threading.Event) -> None:
        async def main() -> None:
            task = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
            # uvicorn tells of its start in this attribute only.
            while not self._server.started and not task.done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            started.set()
            await task

        asyncio.run(main())


def _server(world: SimulatedWorld, host: str, port: int, level: str, *, signals: bool = False) -> uvicorn.Server:
    import uvicorn  # heavy, and not needed in process
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Hanging(H11Protocol):
        """Lets the application hang up without another byte, which ASGI has no word for."""

        @override
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            inner = self.app

            async def app(scope: Any, receive: Any, send: Any) -> None:
                scope.setdefault("extensions", {})[HANGUP] = transport.abort
                await inner(scope, receive, send)

            self.app = app

    config = uvicorn.Config(
        create_app(world),
        host=host,
        port=port,
        http=Hanging,
        log_level=level,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = uvicorn.Server(config)
    if not signals:
        # A thread may not touch them.
        server.capture_signals = nullcontext  # type: ignore[assignment, method-assign]
    return server
