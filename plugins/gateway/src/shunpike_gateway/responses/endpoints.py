"""The routes of the Responses API: to ask, to count, and to read or forget what is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shunpike_gateway.connection import HttpCall
from shunpike_gateway.exchange import ApiDialect, ApiError, ApiFailure
from shunpike_gateway.replies import json_reply
from shunpike_gateway.responses.dialect import ResponsesDialect
from shunpike_gateway.responses.kept import KeptResponse
from shunpike_gateway.routes import ApiRoute, Endpoint

PATH = "/v1/responses"


Counts = Callable[[HttpCall, ApiDialect], Awaitable[int]]
"""Returns the tokens of the prompt of a call in the words of a dialect."""


def response_routes(dialect: ResponsesDialect, asks: Endpoint, counts: Counts) -> tuple[ApiRoute, ...]:
    """Return the routes; ``asks`` is the endpoint that runs what is asked in ``dialect``."""
    kept = _KeptEndpoints(dialect)

    async def count(call: HttpCall) -> None:
        tokens = await counts(call, dialect)
        await call.write(json_reply({"object": "response.input_tokens", "input_tokens": tokens}))

    return (
        ApiRoute("POST", PATH, asks, dialect),
        ApiRoute("POST", f"{PATH}/input_tokens", count, dialect),
        ApiRoute("GET", f"{PATH}/*", kept.show, dialect),
        ApiRoute("DELETE", f"{PATH}/*", kept.delete, dialect),
    )


class _KeptEndpoints:
    def __init__(self, dialect: ResponsesDialect) -> None:
        self._dialect = dialect

    async def show(self, call: HttpCall) -> None:
        await call.write(json_reply(self._find(call).body))

    async def delete(self, call: HttpCall) -> None:
        found = self._find(call)
        if self._dialect.kept is not None:
            self._dialect.kept.drop(call.head.caller, found.body["id"])
        await call.write(json_reply({"id": found.body["id"], "object": "response.deleted", "deleted": True}))

    def _find(self, call: HttpCall) -> KeptResponse:
        wanted = call.head.path.removeprefix(f"{PATH}/")
        kept = self._dialect.kept
        found = None if kept is None else kept.find(call.head.caller, wanted)
        if found is not None:
            return found
        message = f"Response with id {wanted[:80]!r} not found."
        hint = "answers are kept where store_responses is set" if kept is None else None
        raise ApiFailure(ApiError(404, "invalid_request_error", "not_found", message, hint=hint, should_retry=False))
