"""A loopback server that gives one recorded answer to whatever is asked, and remembers what was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import anyio
from anyio.abc import AsyncResource, SocketAttribute, SocketStream, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

MAX_HEAD = 64 * 1024
LOST = (
    anyio.EndOfStream,
    anyio.IncompleteRead,
    anyio.DelimiterNotFound,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    ValueError,
)
"""What ends a connection: the client is done with it, or sent what is no request."""
FRAMING = frozenset({"transfer-encoding", "content-length", "connection", "content-encoding", "keep-alive"})
"""Headers of the recorded connection, which say nothing about this one."""
BODILESS = frozenset({204, 304})
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What may be the name of a header."""
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived. ``target`` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON, None where it is empty."""
        return json.loads(self.body) if self.body else None


@dataclass(slots=True)
class Stage:
    """Use it as a context: inside, ``base_url`` is where it listens, ``set`` tells it what to answer from now on."""

    base_url: str = ""
    asked: list[Asked] = field(default_factory=list)
    _answer: bytes = b""
    _tasks: TaskGroup | None = None
    _listener: AsyncResource | None = None

    def set(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer so from now on, and forget what was asked."""
        kept = {name: value for name, value in headers.items() if TOKEN.fullmatch(name) and name not in FRAMING}
        rows = [f"{name}: {' '.join(CONTROL.sub(' ', value).split())}" for name, value in kept.items()]
        # These have no body on any wire: what was recorded as one would be read as the next answer.
        framing, body = ([], b"") if status in BODILESS else ([f"content-length: {len(body)}"], body)
        head = "\r\n".join([f"HTTP/1.1 {status} Recorded", *rows, *framing, "", ""])
        self._answer = head.encode("latin-1", "replace") + body
        self.asked.clear()

    async def __aenter__(self) -> Self:
        self._listener = listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self.base_url = f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"  # noqa: S610 - no SQL near
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(listener.serve, self._connection)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._tasks is not None:
            self._tasks.cancel_scope.cancel()
            await self._tasks.__aexit__(None, None, None)
        if self._listener is not None:
            await self._listener.aclose()

    async def _connection(self, stream: SocketStream) -> None:
        try:
            async with stream:
                reader = BufferedByteReceiveStream(stream)
                while True:
                    self.asked.append(await _read(reader))
                    await stream.send(self._answer)
        except LOST:
            pass


async def _read(reader: BufferedByteReceiveStream) -> Asked:
    head = (await reader.receive_until(b"\r\n\r\n", MAX_HEAD)).decode("latin-1")
    line, *rows = head.split("\r\n")
    method, target, _ = line.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
    body = await reader.receive_exactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)
