"""The routes of the admin API."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from shunpike.client import Client
from shunpike_gateway.admin.changing import Changing
from shunpike_gateway.admin.client_keys import ClientKeyAdmin
from shunpike_gateway.admin.reading import Showing
from shunpike_gateway.exchange import ApiDialect
from shunpike_gateway.routes import ApiRoute, Endpoint

PREFIX = "/admin/v1"


def admin_routes(client: Client, dialect: ApiDialect) -> Sequence[ApiRoute]:
    """Return them; errors are told in the words of ``dialect``."""
    showing = Showing(client)
    changing = Changing(client, showing)
    keys = ClientKeyAdmin(client, showing, changing, f"{PREFIX}/clients/")
    table: tuple[tuple[str, str, Endpoint], ...] = (
        ("GET", "controls", showing.controls),
        ("GET", "providers", showing.providers),
        ("GET", "health", showing.health),
        ("GET", "limits", showing.limits),
        ("PUT", "limits", changing.limits),
        ("GET", "budgets", showing.budgets),
        ("PUT", "switches", changing.switch),
        ("PUT", "order", changing.order),
        ("PUT", "max-attempts", changing.attempts),
        ("GET", "decisions", showing.decisions),
        ("GET", "decisions/*", partial(showing.decision, beginning=f"{PREFIX}/decisions/")),
        ("GET", "audit", showing.audit),
        ("GET", "usage", showing.usage),
        ("GET", "clients", keys.all),
        ("POST", "clients", keys.create),
        ("GET", "clients/*", keys.one),
        ("PATCH", "clients/*", keys.patch),
        ("DELETE", "clients/*", keys.forget),
    )
    return [ApiRoute(method, f"{PREFIX}/{path}", endpoint, dialect, access="admin") for method, path, endpoint in table]
