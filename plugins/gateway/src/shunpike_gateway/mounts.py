"""Applications of plugins below a path of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shunpike.client import Client
from shunpike.errors import PluginError
from shunpike.protocols import MountedApp
from shunpike.protocols.mounted import PREFIX
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiDialect
from shunpike_gateway.routes import ANY_METHOD, ApiRoute, Endpoint

HOOK = "shunpike_routes"


def mounted_routes(client: Client, own: Sequence[ApiRoute], dialect: ApiDialect) -> Sequence[ApiRoute]:
    """Return the routes of what plugins mount beside the gateway's ``own``. What can't be is told, and left out."""
    taken, found = {_first(one.path) for one in own}, list[ApiRoute]()
    for plugin, answer in client.host.routes(client):
        for one in answer if isinstance(answer, list | tuple) else [] if answer is None else [answer]:
            problem = _problem(one, taken)
            if problem is not None:
                client.host.complain(plugin, HOOK, PluginError(problem, plugin=plugin))
                continue
            taken.add(_first(one.prefix))
            endpoint = _endpoint(one)
            paths = (one.prefix, f"{one.prefix}/*")
            found += [ApiRoute(ANY_METHOD, path, endpoint, dialect, access=one.access) for path in paths]
    return found


def _first(path: str) -> str:
    return path.split("/")[1]


def _problem(one: Any, taken: set[str]) -> str | None:
    if not isinstance(one, MountedApp):
        return f"it answered with {type(one).__name__}, not with a MountedApp"
    if not PREFIX.fullmatch(str(one.prefix)):
        return f"{str(one.prefix)[:80]!r} is no path such as /dashboard"
    if _first(one.prefix) in taken:
        return f"/{_first(one.prefix)} is answered by something else"
    return None


def _endpoint(one: MountedApp) -> Endpoint:
    async def endpoint(call: HttpCall) -> None:
        await call.hand_over(one.app, {"root_path": one.prefix, "shunpike.caller": call.head.caller.name})

    return endpoint
