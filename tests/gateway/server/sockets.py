"""Bytes over a socket as no client library would send them, and an upstream that notices when nobody listens."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from shunpike.plugins import Host
from shunpike.types import GatewaySettings, Held, Limit, ProviderSettings, Settings, Unit

PATIENCE = 60.0
"""Seconds after which something is taken to hang."""


async def opened(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def exchanged(url: str, sent: bytes) -> bytes:
    """Everything that comes back, to the end of the connection."""
    reader, writer = await opened(url)
    with suppress(ConnectionError):
        writer.write(sent)
        await writer.drain()
    found = b""
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionError):
            while part := await reader.read(65536):
                found += part
    writer.close()
    return found


def post(body: bytes, *more: str, path: str = "/v1/chat/completions") -> bytes:
    """A request that asks for the end of the connection."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json", "connection: close", *more]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def asking(*, stream: bool, model: str = "home/m") -> bytes:
    return json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}).encode()


CHUNK = json.dumps(
    {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": {"content": "hi"}}]}
)

MODELS = b'HTTP/1.1 200 OK\r\ncontent-length: 37\r\nconnection: close\r\n\r\n{"object":"list","data":[{"id":"m"}]}'
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Patient:
    """Takes each request, begins to answer where a stream is asked for, and then waits for the caller to hang up."""

    url: str = ""
    came: int = 0
    left_mono: list[float] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    answer: bytes | None = None
    """What is answered to what is no stream; None = nothing."""

    async def until_left(self, count: int) -> None:
        """Wait until so many callers have hung up."""
        while len(self.left_mono) < count:
            self.left.clear()
            await self.left.wait()

    async def until_came(self, count: int) -> None:
        """Wait until so many have asked."""
        while self.came < count:
            self.arrived.clear()
            await self.arrived.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET"):
                writer.write(MODELS)
                await writer.drain()
                writer.close()
                return
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = json.loads(await reader.readexactly(length))
            self.came += 1
            self.arrived.set()
            if body.get("stream"):
                data = f"data: {CHUNK}\n\n".encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            elif self.answer is not None:
                writer.write(self.answer)
            await writer.drain()
            await reader.read(1)
        self.left_mono.append(time.monotonic())
        self.left.set()
        writer.close()


@asynccontextmanager
async def patient() -> AsyncIterator[Patient]:
    found = Patient()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = "http://{}:{}/v1".format(*server.sockets[0].getsockname())
    try:
        yield found
    finally:
        server.close()


def settings_over(url: str, gateway: GatewaySettings, store: str = "memory:") -> Settings:
    """Settings in which only a server at ``url`` answers, called ``home``."""
    others = {info.id: ProviderSettings(enabled=False) for info in Host.load().providers()}
    many = Limit(unit=Unit.CONCURRENT, amount=1000, window=Held(), overrides=True)  # of a stranger's server it is 4
    home = ProviderSettings(plugin="openai", price="free", base_url=url, models=("m",), limits=(many,))
    return Settings(store=store, providers={**others, "home": home}, gateway=gateway)


WHOLE = json.dumps(
    {
        "id": "c", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    }
).encode()  # fmt: skip
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(WHOLE), WHOLE)
