"""Every route with every kind of caller: who is let in is what the table of routes says; nothing is open by slip."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from shunpike.control.client_keys import new_key
from shunpike.types import Settings
from shunpike_gateway.admin import PREFIX
from shunpike_gateway.failed_logins import FailedLogins
from shunpike_gateway.routes import ApiRoute

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package
from .making import ADMIN, bearer, keep, make

pytestmark = pytest.mark.anyio
OPEN = {
    *("/", "/api/hello", "/api/event_logging/batch"),
    *("/health", "/ready", "/openapi.json"),
}
"""What needs no key: it tells nothing of anybody, and costs nothing."""
LET_IN, UNKNOWN, FORBIDDEN = "let in", 401, 403
EXPECTED: dict[str, dict[str, str | int]] = {
    "open": dict.fromkeys(("nobody", "client", "admin", "expired", "revoked", "stranger"), LET_IN),
    "client": {**dict.fromkeys(("nobody", "admin", "expired", "revoked", "stranger"), UNKNOWN), "client": LET_IN},
    "admin": {
        **dict.fromkeys(("nobody", "stranger"), UNKNOWN),
        **dict.fromkeys(("client", "expired", "revoked"), FORBIDDEN),
        "admin": LET_IN,
    },
}


@dataclass
class Doors:
    gateway: InProcessGateway
    callers: dict[str, dict[str, str]]


@pytest.fixture
async def doors(settings: Settings) -> AsyncIterator[Doors]:
    """A gateway with an admin key, a client key that opens, one that expired, and one that was revoked."""
    async with InProcessGateway(settings, environ={"SHUNPIKE_ADMIN_KEY": ADMIN}) as gateway:
        key, _ = await make(gateway)
        expired, _ = await make(gateway, "expired", expires_at=1.0)
        revoked, made = await make(gateway, "revoked")
        await keep(gateway, "revoked", made.model_copy(update={"revoked_at": 1.0}))
        keys = {"client": key, "admin": ADMIN, "expired": expired, "revoked": revoked, "stranger": new_key()}
        yield Doors(gateway, {"nobody": {}, **{name: bearer(one) for name, one in keys.items()}})


def addressed(route: ApiRoute) -> str:
    return route.path.replace("*", "x")


async def entered(doors: Doors, route: ApiRoute, caller: str) -> str | int:
    """Say whether ``caller`` was let in, or with which status not."""
    sent = {"content-type": "application/json", **doors.callers[caller]}
    doors.gateway.surface.doorkeeper._failed = FailedLogins()
    method = "GET" if route.method == "*" else route.method
    told = await doors.gateway.call(method, addressed(route), {} if method != "GET" else None, sent).whole()
    return told.status if told.status in (UNKNOWN, FORBIDDEN) else LET_IN


async def test_each_route_lets_in_who_it_is_for_and_nobody_else(doors: Doors) -> None:
    routes = doors.gateway.surface.routes.routes
    assert len(routes) > 20
    found = {
        f"{one.method} {one.path}": {caller: await entered(doors, one, caller) for caller in doors.callers}
        for one in routes
    }
    assert found == {f"{one.method} {one.path}": EXPECTED[one.access] for one in routes}


async def test_what_is_open_is_named_here_and_what_changes_something_is_the_operators(doors: Doors) -> None:
    routes = doors.gateway.surface.routes.routes
    assert {one.path for one in routes if one.access == "open"} <= OPEN
    assert {one.access for one in routes if one.path.startswith(PREFIX)} == {"admin"}
    assert {one.access for one in routes if one.path.startswith("/v1")} == {"client"}


@pytest.mark.parametrize(
    "path",
    [
        f"{PREFIX}/../v1/models",
        f"{PREFIX}//controls",
        "/ADMIN/v1/controls",
        f"{PREFIX}/controls/",
        "/admin",
        "/v1/../x",
    ],
)
async def test_no_other_spelling_of_a_path_opens_more(doors: Doors, path: str) -> None:
    for caller, headers in doors.callers.items():
        told = await doors.gateway.get(path, headers)
        assert (caller, told.status) in {(caller, 404), (caller, 401), (caller, 403), (caller, 405)}
