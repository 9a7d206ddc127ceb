"""The routes of operations."""

from __future__ import annotations

from collections.abc import Sequence

from shunpike.client import Client
from shunpike_gateway.exchange import ApiDialect
from shunpike_gateway.ops.operations import Operations
from shunpike_gateway.ops.usage import UsageEndpoint
from shunpike_gateway.routes import Access, ApiRoute


def operations_routes(
    client: Client, operations: Operations, access: Access, dialect: ApiDialect
) -> Sequence[ApiRoute]:
    """Return them: ``/metrics`` for who has ``access``; errors are told in the words of ``dialect``."""
    probes = (("/health", operations.health), ("/ready", operations.ready))
    return (
        *(
            ApiRoute(method, path, endpoint, dialect, access="open", logged=False)
            for path, endpoint in probes
            for method in ("GET", "HEAD")
        ),
        ApiRoute("GET", "/metrics", operations.metrics, dialect, access=access, logged=False),
        ApiRoute("GET", "/v1/usage", UsageEndpoint(client), dialect),
    )
