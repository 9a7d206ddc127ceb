"""A proxy on loopback: whatever name it is asked for, it leads to the one server that the test started."""

from __future__ import annotations

import base64
import ssl
from typing import Any, Self

import anyio
from anyio.abc import ByteStream, Listener, SocketAttribute, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener

LOST = (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


class Relay:
    """Tunnels and forwards to 127.0.0.1:``port``. ``asked`` holds the first line of each request that it got.

    ``login`` ("user:password") is asked for; a ``status`` is all that it answers; a ``silent`` one says nothing;
    one that ``hangs_up`` closes at once.
    """

    def __init__(
        self,
        port: int,
        *,
        login: str | None = None,
        status: str | None = None,
        silent: bool = False,
        hangs_up: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._to = port
        self._login = login and "basic " + base64.b64encode(login.encode()).decode()
        self._status = status
        self._silent = silent
        self._hangs_up = hangs_up
        self._tls = tls
        self.asked: list[str] = []
        self.heads: list[str] = []
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self.port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no SQL near
        self.address = f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"
        self._listener: Listener[Any] = listener if self._tls is None else TLSListener(listener, self._tls)
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._listener.serve, self._serve, self._tasks)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._tasks is not None
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._listener.aclose()

    async def _serve(self, client: ByteStream) -> None:
        try:
            async with client:
                await self._answer(client)
        except LOST:
            pass

    async def _answer(self, client: ByteStream) -> None:
        reader = BufferedByteReceiveStream(client)
        head = (await reader.receive_until(b"\r\n\r\n", 65536)).decode("latin-1")
        line, _, rest = head.partition("\r\n")
        self.asked.append(line)
        self.heads.append(head)
        if self._hangs_up:
            return
        if self._silent:
            await anyio.sleep_forever()
        if self._login is not None and f"proxy-authorization: {self._login}" not in rest.lower().replace(
            self._login.lower(), self._login
        ):
            await client.send(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        if self._status is not None:
            await client.send(f"HTTP/1.1 {self._status}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        async with await anyio.connect_tcp("127.0.0.1", self._to) as server:
            method, target, version = line.split(" ")
            if method == "CONNECT":
                await client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = "/" + target.partition("://")[2].partition("/")[2]
                rows = [row for row in rest.split("\r\n") if not row.lower().startswith("proxy-")]
                await server.send("\r\n".join([f"{method} {path} {version}", *rows]).encode("latin-1") + b"\r\n\r\n")
            if reader.buffer:
                await server.send(reader.buffer)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_pump, client, server, tasks)
                tasks.start_soon(_pump, server, client, tasks)


async def _pump(source: ByteStream, sink: ByteStream, tasks: TaskGroup) -> None:
    try:
        while True:
            await sink.send(await source.receive())
    except LOST:
        tasks.cancel_scope.cancel()
