"""The admin API: what an operator sees and changes over HTTP, under a prefix and a key of its own."""

from shunpike_gateway.admin.table import PREFIX, admin_routes

__all__ = ["PREFIX", "admin_routes"]
