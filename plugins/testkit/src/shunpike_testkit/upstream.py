"""A provider on loopback that does exactly what a test wrote down, byte by byte.

It is a server, not a patched transport, so that it also serves plugins that are built on a vendor's SDK. What a test
has to wait for, it waits for with events; nothing here sleeps.
"""

from __future__ import annotations

import json
import ssl
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import anyio
from anyio.abc import ByteStream, Listener, SocketAttribute, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener

MAX_HEAD = 64 * 1024
LOST = (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError)


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection here."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Send nothing more, and wait until the client hangs up."""


Step = bytes | anyio.Event | HangUp | Stall
"""Send these bytes, wait until the test sets the event, hang up, or stall."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived. Header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Script:
    """What to send for one request: head and body, cut as the steps say."""

    steps: Sequence[Step]
    keep_alive: bool = True


@dataclass(slots=True)
class _Route:
    scripts: list[Script] = field(default_factory=list)
    next: int = 0

    def take(self) -> Script:
        script = self.scripts[min(self.next, len(self.scripts) - 1)]
        self.next += 1
        return script


class Upstream:
    """Answers each path with its scripts in turn, the last one again and again; an unknown path gets a 404.

    Use it as a context: inside, ``base_url`` is where it listens and ``requests`` is what came. ``host`` may be
    ``::1``; with ``tls`` it speaks https.
    """

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self._tls = tls
        self.requests: list[Received] = []
        self.connections = 0
        """How many connections were ever opened."""
        self.base_url = ""
        self.port = 0
        self._open = 0
        self._changed = anyio.Event()
        self._routes: defaultdict[str, _Route] = defaultdict(_Route)
        self._tasks: TaskGroup | None = None

    def on(self, path: str, *scripts: Script) -> Self:
        """Answer ``path`` (without its query) with ``scripts``; an earlier call's come first."""
        self._routes[path].scripts.extend(scripts)
        return self

    async def received(self, count: int) -> None:
        """Wait until so many requests have arrived."""
        while len(self.requests) < count:
            await self._changed.wait()

    async def idle(self) -> None:
        """Wait until no connection is open any more."""
        while self._open:
            await self._changed.wait()

    async def __aenter__(self) -> Self:
        listener = await anyio.create_tcp_listener(local_host=self._host)
        self.port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no SQL near
        self._listener: Listener[Any] = listener
        if self._tls is not None:
            self._listener = TLSListener(listener, self._tls, standard_compatible=False)
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.base_url = f"{'http' if self._tls is None else 'https'}://{host}:{self.port}"
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._listener.serve, self._connection, self._tasks)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if self._tasks is not None:
                self._tasks.cancel_scope.cancel()
                # What the test raised is not the server's: it leaves unwrapped.
                await self._tasks.__aexit__(None, None, None)
        finally:
            await self._listener.aclose()

    def _note(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def _connection(self, stream: ByteStream) -> None:
        self.connections += 1
        self._open += 1
        try:
            async with stream:
                reader = BufferedByteReceiveStream(stream)
                while await self._exchange(stream, reader):
                    pass
        except LOST:
            pass  # The client went away, which a test may be about.
        finally:
            self._open -= 1
            self._note()

    async def _exchange(self, stream: ByteStream, reader: BufferedByteReceiveStream) -> bool:
        head = (await reader.receive_until(b"\r\n\r\n", MAX_HEAD)).decode("latin-1")
        line, *rows = head.split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
        body = await reader.receive_exactly(int(headers.get("content-length", "0")))
        self.requests.append(Received(method, target, headers, body))
        self._note()
        route = self._routes.get(target.partition("?")[0])
        script = route.take() if route is not None else reply({"error": {"message": "no such path"}}, status=404)
        for step in script.steps:
            if isinstance(step, HangUp):
                return False
            if isinstance(step, bytes):
                await stream.send(step)
            else:
                await self._wait(anyio.Event() if isinstance(step, Stall) else step, stream)
        return script.keep_alive

    async def _wait(self, event: anyio.Event, stream: ByteStream) -> None:
        """Wait for ``event``, but notice at once when the client hangs up meanwhile."""
        lost = False

        async def watch() -> None:
            nonlocal lost
            try:
                await stream.receive(1)
            except LOST:
                lost = True
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await event.wait()
            tasks.cancel_scope.cancel()
        if lost:
            raise anyio.EndOfStream


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the head of an answer."""
    rows = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Scripted\r\n{rows}\r\n".encode("latin-1")


def reply(
    data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None, content_type: str = "application/json"
) -> Script:
    """Return a complete answer. ``data`` is sent as it is if it is text or bytes, else as JSON."""
    body = data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else json.dumps(data).encode()
    fields = {"content-type": content_type, **(headers or {}), "content-length": str(len(body))}
    return Script([head(status, fields) + body])


def stream(
    parts: Iterable[bytes | str | anyio.Event | HangUp | Stall],
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "text/event-stream",
) -> Script:
    """Return an answer that is sent part by part, each in a chunk of its own. It ends well unless a part hangs up."""
    fields = {"content-type": content_type, **(headers or {}), "transfer-encoding": "chunked"}
    steps: list[Step] = [head(200, fields)]
    for part in parts:
        if isinstance(part, str | bytes):
            data = part.encode() if isinstance(part, str) else part
            steps.append(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        else:
            steps.append(part)
    steps.append(b"0\r\n\r\n")
    return Script(steps)


def events(*data: Any, done: bool = True) -> list[str]:
    """Return ``data`` as server-sent events, one part each; with ``done`` the customary end follows."""
    found = [f"data: {row if isinstance(row, str) else json.dumps(row)}\n\n" for row in data]
    return [*found, "data: [DONE]\n\n"] if done else found


def hang_up(*steps: Step) -> Script:
    """Return a connection that is closed after ``steps``, at once if there are none."""
    return Script([*steps, HangUp()])
