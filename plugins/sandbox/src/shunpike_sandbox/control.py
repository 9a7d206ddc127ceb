"""The control room below ``/_sandbox``: read the books, make trouble, start over."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from shunpike_sandbox.bodies import TooLarge, parse, read
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.refusals import Problem
from shunpike_sandbox.world import SimulatedWorld

_FIELDS = {"rate", "kinds", "only", "script", "seconds"}


def routes(world: SimulatedWorld) -> list[BaseRoute]:
    """Return the routes of the control room."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "now": world.clock.now(), "as_of": world.catalog.as_of.isoformat()})

    async def books(request: Request) -> Response:
        account = request.query_params.get("account")
        attempts = request.query_params.get("attempts", "1") not in ("0", "false")
        return JSONResponse(world.books(account, attempts=attempts))

    async def faults(request: Request) -> Response:
        try:
            world.set_faults(_faults(parse(await read(request))))
        except (Problem, TooLarge, TypeError, ValueError) as error:
            return JSONResponse({"error": {"message": str(error)}}, status_code=400)
        return JSONResponse(asdict(world.faults))

    async def reset(_: Request) -> Response:
        world.reset()
        return JSONResponse({"status": "ok"})

    async def index(_: Request) -> Response:
        return JSONResponse({"base_paths": dict(BASE_PATHS)})

    return [
        Route("/_sandbox", index),
        Route("/_sandbox/health", health),
        Route("/_sandbox/books", books),
        Route("/_sandbox/faults", faults, methods=["POST"]),
        Route("/_sandbox/reset", reset, methods=["POST"]),
    ]


def _faults(body: dict[str, Any]) -> Faults:
    unknown = set(body) - _FIELDS
    if unknown:
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
    lists = {name: tuple(body[name]) for name in ("kinds", "only", "script") if body.get(name) is not None}
    return Faults(**{**{name: value for name, value in body.items() if value is not None}, **lists})
