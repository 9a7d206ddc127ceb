"""What the gateway brings to shunpike: the command `serve`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from shunpike.hookspecs import hookimpl


class GatewayPlugin:
    """Answers the hooks. The server is imported when its command is asked for."""

    @hookimpl
    def shunpike_commands(self) -> Sequence[Any]:
        """Return the command `serve`."""
        return [import_module("shunpike_gateway.serve").app]


plugin = GatewayPlugin()
