"""What the gateway brings to shunpike."""

from __future__ import annotations


class GatewayPlugin:
    """Answers the hooks."""


plugin = GatewayPlugin()
