"""The ASGI application: finds who answers a request, and tells what went wrong in the words of its dialect."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from shunpike.errors import ShunpikeError
from shunpike_gateway.bodies import Disconnected, Receive
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiDialect, ApiError, ApiFailure, Head, RejectedBody
from shunpike_gateway.problems import broken, problem_of, rejected
from shunpike_gateway.replies import Send, error_reply
from shunpike_gateway.routes import ANY_METHOD, ApiRoute
from shunpike_gateway.surface import CHAT, Surface

_LOG = logging.getLogger("shunpike.gateway")
_ENDING = ApiError(503, "overloaded_error", "shutting_down", "the gateway is being stopped", retry_after=1.0)
_CLOSE = {"connection": "close"}
MOST_PARAMETERS = 100
"""In the query of a path."""


class GatewayApp:
    """Answers HTTP over one client."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        surface.operations.look_at(self)
        self.draining = False
        """Whether the server is about to end: no new request is begun."""
        self.running = 0
        """How many requests are being answered, those of probes not counted."""
        self.idle = asyncio.Event()
        """Set while none is."""
        self.idle.set()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"the gateway answers scopes of the type http alone, got {scope['type']!r}")
        call = HttpCall(head_of(scope), receive, send, self.surface.settings)
        call.scope = scope
        clock = self.surface.client.clock
        begun_mono = clock.monotonic()
        try:
            await self._run(call)
        finally:
            self.surface.operations.answered(call, clock.monotonic() - begun_mono)

    async def _run(self, call: HttpCall) -> None:
        dialect: ApiDialect = CHAT
        try:
            head = call.head = replace(call.head, query=query_of(call.scope.get("query_string", b"")))
            self.surface.hosts.check(head.headers.get("host"))
            preflight = self.surface.origins.preflight(head)
            if preflight is not None:
                await call.write(preflight)
                return
            call.shown = self.surface.origins.shown_to(head)
            route = self._route(head)
            call.route, call.logged, dialect = (route.method, route.path), route.logged, route.dialect
            await self._answer(call, route)
        except Disconnected:
            call.gone = True
        except asyncio.CancelledError:
            # Only the end of the server cancels a request from outside.
            await self._tell(call, dialect, _ENDING, _CLOSE)
        except ApiFailure as failure:
            await self._tell(call, dialect, failure.problem, failure.headers)
        except RejectedBody as error:
            await self._tell(call, dialect, rejected(error))
        except ShunpikeError as error:
            await self._tell(call, dialect, problem_of(error, self._now()))
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this request and no other
            # What an exception says may hold a prompt, so the server, which logs all of it, must not get it.
            _LOG.error("%s %s failed: %s", *call.route, _place_of(error))
            await self._tell(call, dialect, broken(type(error).__name__))

    async def _answer(self, call: HttpCall, route: ApiRoute) -> None:
        if route.access == "open":
            await route.endpoint(call)
            return
        if self.draining:
            raise ApiFailure(_ENDING, _CLOSE)
        caller = await self.surface.doorkeeper.admit(call.head, route.access)
        call.head = replace(call.head, caller=caller)
        self.running += 1
        self.idle.clear()
        try:
            await route.endpoint(call)
        finally:
            self.running -= 1
            if not self.running:
                self.idle.set()

    async def _tell(
        self, call: HttpCall, dialect: ApiDialect, problem: ApiError, headers: Mapping[str, str] | None = None
    ) -> None:
        if call.begun:
            return
        if problem.retry_at is None and problem.retry_after is not None:
            problem = replace(problem, retry_at=self._now() + problem.retry_after)
        await call.write(error_reply(dialect, problem, headers))

    def _now(self) -> float:
        return self.surface.client.clock.now()

    def _route(self, head: Head) -> ApiRoute:
        if head.headers.get("upgrade", "").lower() == "websocket":
            message = "there is no WebSocket here; ask by POST"
            raise ApiFailure(
                ApiError(426, "invalid_request_error", "upgrade_required", message), {"upgrade": "HTTP/1.1"}
            )
        methods = self.surface.routes.at(head.path)
        found = methods.get(head.method) or methods.get(ANY_METHOD)
        if found is not None:
            return found
        if not methods:
            message = f"there is nothing at {head.path[:200]!a}"
            raise ApiFailure(ApiError(404, "invalid_request_error", "not_found", message, hint="/v1/chat/completions"))
        message = f"{head.path} takes {', '.join(sorted(methods))}, not {head.method[:20]}"
        problem = ApiError(405, "invalid_request_error", "method_not_allowed", message)
        raise ApiFailure(problem, {"allow": ", ".join(sorted(methods))})


def head_of(scope: Mapping[str, Any]) -> Head:
    """Return what came before the body, without its query. Values of a header that came twice are joined by a comma."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(scope["method"], scope["path"], {}, headers, (scope.get("client") or ("",))[0])


def query_of(raw: bytes) -> dict[str, str]:
    """Return the parameters in the query of a path. Raises `RejectedBody` where there are too many."""
    try:
        return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS))
    except ValueError:
        raise RejectedBody(f"the path has more than {MOST_PARAMETERS} parameters") from None


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
