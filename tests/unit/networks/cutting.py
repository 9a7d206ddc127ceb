"""A server on loopback that resets connections in the midst of a request, and counts what it got in whole."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, Self

import anyio
from anyio.abc import Listener, SocketAttribute, SocketStream, TaskGroup
from anyio.streams.buffered import BufferedByteReceiveStream

from .conftest import BODY

LOST = (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER that makes a close a reset."""
ANSWER = None
"""In the place of a cut: read all and answer."""
STALL = -1.0
"""In the place of a cut: read no more, and keep the connection."""


class Cutting:
    """Answers requests one after the other, or resets their connection after a share of the body: 0.0 to 1.0.

    ``cuts`` are what happens to each; all further ones are answered. ``whole`` counts what came to its last byte,
    ``begun`` the heads.
    """

    def __init__(self, cuts: Sequence[float | None]) -> None:
        self._cuts = list(cuts)
        self.whole = 0
        self.begun = 0
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._listener: Listener[Any] = await anyio.create_tcp_listener(local_host="127.0.0.1")
        raw = self._listener.extra(SocketAttribute.raw_socket)  # noqa: S610 - no SQL near
        # What nobody reads must not vanish in a buffer: then it would look like sent.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.base_url = f"http://127.0.0.1:{self._listener.extra(SocketAttribute.local_port)}"  # noqa: S610
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self._listener.serve, self._connection, self._tasks)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._tasks is not None
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._listener.aclose()

    async def _connection(self, stream: SocketStream) -> None:
        try:
            async with stream:
                reader = BufferedByteReceiveStream(stream)
                while await self._exchange(stream, reader):
                    pass
        except LOST:
            pass

    async def _exchange(self, stream: SocketStream, reader: BufferedByteReceiveStream) -> bool:
        head = (await reader.receive_until(b"\r\n\r\n", 65536)).lower()
        size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        cut = self._cuts[self.begun] if self.begun < len(self._cuts) else ANSWER
        self.begun += 1
        if cut == STALL:
            await anyio.sleep_forever()
        read = size if cut is ANSWER else int(size * cut)
        await reader.receive_exactly(read)
        self.whole += read == size
        if cut is not ANSWER:
            stream.extra(SocketAttribute.raw_socket).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)  # noqa: S610
            return False
        body = json.dumps(BODY).encode()
        await stream.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        return True
