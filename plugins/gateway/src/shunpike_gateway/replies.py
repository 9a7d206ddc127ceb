"""Answers that are whole, and the ASGI words for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from shunpike_gateway.exchange import ApiDialect, ApiError
from shunpike_gateway.provenance import id_headers

Send = Callable[[dict[str, Any]], Awaitable[None]]
JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class HttpReply:
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    kind: str = JSON
    """Its content-type."""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def write(self, send: Send, more: Mapping[str, str]) -> None:
        """Send it, with ``more`` headers."""
        headers = [*self.raw_headers(), *raw_headers(more)]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return its headers as they are sent."""
        raw = [] if self.status == 204 else [(b"content-length", b"%d" % len(self.body))]
        if self.body:
            raw.append((b"content-type", self.kind.encode()))
        return raw + raw_headers(self.headers)


def raw_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return ``headers`` as they are sent; a value that no header can have is left out."""
    return [
        (name.encode(), value.encode()) for name, value in headers.items() if value.isascii() and value.isprintable()
    ]


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpReply:
    """Return ``value`` as JSON."""
    return HttpReply(status, to_json(value), headers=headers or {})


def error_reply(dialect: ApiDialect, problem: ApiError, headers: Mapping[str, str] | None = None) -> HttpReply:
    """Return ``problem`` in the words of ``dialect``, with the headers that tell a client what to do."""
    told = dict(headers or {})
    if problem.retry_after is not None:
        told["retry-after"] = str(max(1, round(problem.retry_after)))
    if problem.should_retry is not None:
        told["x-should-retry"] = "true" if problem.should_retry else "false"
    if problem.request_id is not None:
        told |= id_headers(problem.request_id)
    return json_reply(dialect.error(problem), problem.status, told)
