"""One request on its connection: what was asked, its body, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from shunpike.protocols.mounted import Asgi
from shunpike.types import GatewaySettings
from shunpike_gateway.bodies import Disconnected, Receive, decoded, received
from shunpike_gateway.exchange import Head
from shunpike_gateway.replies import EVENTS, HttpReply, Send, raw_headers
from shunpike_gateway.strict_json import parsed

LARGE = 128 * 1024
"""Bytes from which on a body is read in a thread, so that others do not wait for it."""


class HttpCall:
    """One request: its head, its body when it is asked for, and one answer."""

    def __init__(self, head: Head, receive: Receive, send: Send, settings: GatewaySettings) -> None:
        self.head = head
        self._receive = receive
        self._send = send
        self._settings = settings
        self._body: bytes | None = None
        self._is_watched = False
        self._is_over = False
        self.scope: Mapping[str, Any] = {}
        """As the server gave it, for applications of others."""
        self.route = ("none", "none")
        """Method and path as the table of routes has them, once its line was found."""
        self.logged = True
        """Whether it is told in the log of requests."""
        self.gone = False
        """Whether the client hung up before the end of the answer."""
        self.told: Mapping[str, str] = {}
        """Headers of the answer that say where it comes from."""
        self.begun = False
        """Whether an answer has begun."""
        self.status = 0
        """Of the answer, once it has begun."""
        self.shown: Mapping[str, str] = {}
        """Headers that each answer gets, whatever it is."""

    async def load(self) -> None:
        """Take in the body, as it comes. Raises `RejectedBody`, `Disconnected`."""
        await self._raw()

    async def body(self) -> bytes:
        """Return the body, unpacked. Raises `RejectedBody`, `Disconnected`."""
        raw, most = await self._raw(), self._settings.max_body
        if len(raw) <= LARGE and "content-encoding" not in self.head.headers:
            return raw
        return await asyncio.to_thread(decoded, raw, self.head.headers, most)

    async def json(self) -> dict[str, Any]:
        """Return the body as a JSON object. Raises `RejectedBody`, `Disconnected`."""
        raw, packed = await self._raw(), "content-encoding" in self.head.headers
        if len(raw) <= LARGE and not packed:
            return parsed(raw)
        return await asyncio.to_thread(lambda: parsed(decoded(raw, self.head.headers, self._settings.max_body)))

    async def _raw(self) -> bytes:
        if self._body is None:
            settings = self._settings
            self._body = await received(self._receive, self.head.headers, settings.max_body, settings.body_timeout)
        return self._body

    async def write(self, reply: HttpReply) -> None:
        """Send a whole answer."""
        self._begin(reply.status, reply.headers)
        await reply.write(self._send, self.shown)
        self._is_over = True

    async def hand_over(self, app: Asgi, more: Mapping[str, Any]) -> None:
        """Let another application answer; its scope has ``more`` beside what the server gave."""

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self._begin(message["status"])
                message = {**message, "headers": [*message.get("headers", ()), *raw_headers(self.shown)]}
            await self._send(message)

        await app({**self.scope, **more}, self._receive, send)
        self._is_over = True

    def _begin(self, status: int, told: Mapping[str, str] | None = None) -> None:
        self.begun, self.status, self.told = True, status, told or {}

    async def begin_events(self, headers: Mapping[str, str] | None = None) -> None:
        """Begin a stream of events: 200, and no proxy may keep any of it back."""
        self._begin(200, headers)
        raw = [
            (b"content-type", EVENTS.encode()),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
            *raw_headers({**(headers or {}), **self.shown}),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": raw})

    async def write_events(self, data: bytes) -> None:
        """Send ``data`` now."""
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end_events(self, data: bytes = b"") -> None:
        """Send the last of it, and close the stream."""
        await self._send({"type": "http.response.body", "body": data})
        self._is_over = True

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None, None]:
        """Cancel what runs within as soon as the client hangs up; it then raises `Disconnected`.

        Within another one it does nothing. What is left to do after the answer is not cancelled.
        """
        if self._is_watched:
            yield
            return
        await self._raw()  # what comes after the body is the news that the client has gone
        self._is_watched = True
        task = asyncio.current_task()
        gone = False

        async def watch() -> None:
            nonlocal gone
            while (await self._receive())["type"] != "http.disconnect":
                pass
            if task is not None and not self._is_over:
                gone = True
                task.cancel()

        watcher = asyncio.create_task(watch())
        try:
            yield
        except asyncio.CancelledError:
            if gone and task is not None and task.uncancel() == 0:
                raise Disconnected from None
            raise
        finally:
            watcher.cancel()
            self._is_watched = False
