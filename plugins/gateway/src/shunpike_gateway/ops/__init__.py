"""Running the gateway: whether it is well, what it did, and what was used."""

from shunpike_gateway.ops.operations import Operations
from shunpike_gateway.ops.table import operations_routes

__all__ = ["Operations", "operations_routes"]
