"""The ASGI application: finds who answers a request, and tells what went wrong in the words of its dialect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from shunpike.errors import ShunpikeError
from shunpike_gateway.bodies import Disconnected, Receive
from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiDialect, ApiError, ApiFailure, Head, RejectedBody
from shunpike_gateway.problems import broken, problem_of, rejected
from shunpike_gateway.replies import Send, error_reply
from shunpike_gateway.routes import ApiRoute
from shunpike_gateway.surface import CHAT, Surface

_LOG = logging.getLogger("shunpike.gateway")


class GatewayApp:
    """Answers HTTP over one client."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"the gateway speaks HTTP, no {scope['type']}")
        head = head_of(scope)
        call = HttpCall(head, receive, send, self.surface.settings)
        dialect: ApiDialect = CHAT
        try:
            route = self._route(head)
            dialect = route.dialect
            if route.access != "open":
                caller = await self.surface.doorkeeper.admit(head, route.access)
                head = call.head = replace(head, caller=caller)
            await route.endpoint(call)
        except Disconnected:
            return
        except ApiFailure as failure:
            await _tell(call, dialect, failure.problem, failure.headers)
        except RejectedBody as error:
            await _tell(call, dialect, rejected(error))
        except ShunpikeError as error:
            await _tell(call, dialect, problem_of(error))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this request and no other
            # What an exception says may hold a prompt: its kind and place are all that is logged.
            _LOG.error("%s %s failed: %s", head.method, head.path, type(error).__name__)
            await _tell(call, dialect, broken(type(error).__name__))

    def _route(self, head: Head) -> ApiRoute:
        methods = self.surface.routes.at(head.path)
        found = methods.get(head.method)
        if found is not None:
            return found
        if not methods:
            message = f"there is nothing at {head.path[:200]!a}"
            raise ApiFailure(ApiError(404, "invalid_request_error", "not_found", message, hint="/v1/chat/completions"))
        message = f"{head.path} takes {', '.join(sorted(methods))}, not {head.method[:20]}"
        problem = ApiError(405, "invalid_request_error", "method_not_allowed", message)
        raise ApiFailure(problem, {"allow": ", ".join(sorted(methods))})


def head_of(scope: Mapping[str, Any]) -> Head:
    """Return what came before the body. Of a header that came twice, both values, with a comma between."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raw_query = scope.get("query_string", b"")
    query = (
        dict(parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True, max_num_fields=100)) if raw_query else {}
    )
    return Head(scope["method"], scope["path"], query, headers, (scope.get("client") or ("",))[0])


async def _tell(
    call: HttpCall, dialect: ApiDialect, problem: ApiError, headers: Mapping[str, str] | None = None
) -> None:
    if not call.begun:
        await call.write(error_reply(dialect, problem, headers))
