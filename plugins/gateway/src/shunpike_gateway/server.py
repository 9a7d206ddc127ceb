"""Serves the application over sockets, until it is told to end."""

from __future__ import annotations

import socket
from typing import Any

import uvicorn

from shunpike.types import GatewaySettings


def server_of(app: Any, settings: GatewaySettings) -> uvicorn.Server:
    """Return what serves ``app``; it writes no log of its own, and tells nobody what it is."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.drain),
    )
    return uvicorn.Server(config)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens at ``host`` and ``port``. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=1024)


def url_of(bound: socket.socket) -> str:
    """Return the address that clients are given."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
