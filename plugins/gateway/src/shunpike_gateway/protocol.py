"""HTTP/1.1 on one connection, with bounds: on connections, on heads, and on how long a head may take to come."""

from __future__ import annotations

import asyncio
import http
import re
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shunpike_gateway.exchange import ApiError
from shunpike_gateway.replies import error_reply
from shunpike_gateway.surface import CHAT, Surface

MOST_HEADERS = 100
MOST_HEAD = 64 * 1024
"""Bytes of a request line and its headers."""
LINGER = 2.0
"""Seconds for which what still comes is thrown away after an answer that did not wait for it: closing at once would
take the answer from the client as well."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which alone waits for ever and takes heads of any size."""

    surface: Surface
    """Whose settings hold; each server has a subclass with its own."""

    _late: asyncio.TimerHandle | None = None
    _lingers = False
    """Whether the last answer of this connection is on its way: what still comes is thrown away."""
    _head_size = 0
    _in_head = True
    _problem: tuple[int, str, str] | None = None

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()
        most = self.surface.settings.connections
        if len(self.connections) > most:
            self._refuse(503, "overloaded", f"{most} connections are open already")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._lingers or self.transport.is_closing() or self.parser is None:
            return
        if self._in_head:
            self._head_size += len(data)
        super().data_received(data)
        if self._in_head and self._head_size > MOST_HEAD and not self.transport.is_closing():
            self._refuse(431, "headers_too_large", f"the headers are larger than {MOST_HEAD} bytes")

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._await_head()

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        if _CONTROLS.search(value):
            self._fail(400, "invalid_header", f"the header {name[:60].decode('latin-1')!a} holds a control character")
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            self._fail(431, "headers_too_large", f"there are more than {MOST_HEADERS} headers")

    @override
    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._in_head, self._head_size = False, 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MOST_HEAD:
            self._fail(431, "headers_too_large", f"the headers are larger than {MOST_HEAD} bytes")
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # the parser reads nothing behind it

    def _fail(self, status: int, code: str, message: str) -> None:
        self._problem = (status, code, message)
        raise ValueError(message)

    @override
    def send_400_response(self, msg: str) -> None:
        cycle: Any = self.cycle  # None before the first request, whatever its type says
        if cycle is not None and not cycle.response_complete:
            self.transport.close()  # an answer is on its way already, or the body of a request is garbled
            return
        status, code, message = self._problem or (400, "invalid_http", "the request is no HTTP/1.1")
        self._refuse(status, code, message)

    @override
    def on_response_complete(self) -> None:
        asked_all = not self.cycle.more_body
        super().on_response_complete()
        if not asked_all and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._linger()

    def _await_head(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.surface.settings.header_timeout, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _head_is_late(self) -> None:
        self._late = None
        if self.transport.is_closing():
            return
        if self._head_size:
            seconds = self.surface.settings.header_timeout
            self._refuse(408, "request_timeout", f"the headers did not come in {seconds:g} seconds")
        else:
            self.transport.close()

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer before anything is asked of the application, and close."""
        overloaded = status == 503
        kind = "overloaded_error" if overloaded else "invalid_request_error"
        problem = ApiError(status, kind, code, message, retry_after=1.0 if overloaded else None)
        reply = error_reply(CHAT, problem, {"connection": "close"})
        head = b"HTTP/1.1 %d %s\r\n" % (status, http.HTTPStatus(status).phrase.encode())
        lines = b"".join(b"%s: %s\r\n" % pair for pair in reply.raw_headers())
        self.transport.write(head + lines + b"\r\n" + reply.body)
        self._linger()

    def _linger(self) -> None:
        self._stop_waiting()
        self._lingers = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)
