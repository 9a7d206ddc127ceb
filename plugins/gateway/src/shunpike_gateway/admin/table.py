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
    table: dict[str, dict[str, Endpoint]] = {
        "controls": {"GET": showing.controls},
        "providers": {"GET": showing.providers},
        "health": {"GET": showing.health},
        "limits": {"GET": showing.limits, "PUT": changing.limits},
        "budgets": {"GET": showing.budgets},
        "switches": {"PUT": changing.switch},
        "order": {"PUT": changing.order},
        "max-attempts": {"PUT": changing.attempts},
        "decisions": {"GET": showing.decisions},
        "decisions/*": {"GET": partial(showing.decision, beginning=f"{PREFIX}/decisions/")},
        "audit": {"GET": showing.audit},
        "usage": {"GET": showing.usage},
        "clients": {"GET": keys.all, "POST": keys.create},
        "clients/*": {"GET": keys.one, "PATCH": keys.patch, "DELETE": keys.forget},
    }
    return [
        ApiRoute(method, f"{PREFIX}/{path}", endpoint, dialect, access="admin")
        for path, methods in table.items()
        for method, endpoint in methods.items()
    ]
