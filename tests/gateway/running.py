"""A gateway in process, called in ASGI's own words so that answers stream; and one that serves a port in a thread."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from shunpike.client import Client
from shunpike.types import Settings
from shunpike_gateway.app import GatewayApp
from shunpike_gateway.server import GatewayServer, listening, url_of
from shunpike_gateway.surface import Surface


@dataclass
class AsgiAnswer:
    """What came back, as far as it did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """The data of each server-sent event; ``[DONE]`` stays text."""
        lines = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]


class AsgiCall:
    """One call that runs: its answer part by part, and a way to hang up."""

    def __init__(self, app: Any, scope: dict[str, Any], parts: list[bytes]) -> None:
        self._parts = list(parts)
        self._gone = asyncio.Event()
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._started = asyncio.Event()
        self.answer = AsgiAnswer()
        self.task = asyncio.create_task(self._run(app, scope))

    async def _run(self, app: Any, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        finally:
            self._started.set()
            self._arrived.put_nowait(None)

    async def _receive(self) -> dict[str, Any]:
        if self._parts:
            part = self._parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self._parts)}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.answer.status = message["status"]
            self.answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self._started.set()
            return
        self.answer.body += message.get("body", b"")
        self._arrived.put_nowait(message.get("body", b""))

    async def started(self) -> AsgiAnswer:
        """Wait for the status and the headers."""
        await self._started.wait()
        return self.answer

    async def parts(self) -> AsyncIterator[bytes]:
        """Each part of the body as it comes."""
        while (part := await self._arrived.get()) is not None:
            yield part

    async def whole(self) -> AsgiAnswer:
        """Wait for the end of it."""
        await self.task
        return self.answer

    def hang_up(self) -> None:
        self._gone.set()


class InProcessGateway:
    """The application over a client of its own."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.client = Client(settings, **{"environ": {}, **options})
        self.surface = Surface(self.client)
        self.app = GatewayApp(self.surface)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.client.aclose()

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        parts: list[bytes] | None = None,
    ) -> AsgiCall:
        """Begin a call. ``body`` is bytes as they are, or anything that JSON has; ``parts`` come one by one."""
        sent = {"host": "127.0.0.1", **(headers or {})}
        if parts is None:
            raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            parts = [raw]
            if body is not None:
                sent = {"content-type": "application/json", "content-length": str(len(raw)), **sent}
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8484),
            "scheme": "http",
            "http_version": "1.1",
        }
        return AsgiCall(self.app, scope, parts)

    async def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> AsgiAnswer:
        return await self.call("POST", path, body, headers).whole()

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> AsgiAnswer:
        return await self.call("GET", path, None, headers).whole()

    @asynccontextmanager
    async def streaming(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[AsgiCall]:
        """A call that streams; leaving it hangs up."""
        call = self.call("POST", path, body, headers)
        try:
            await call.started()
            yield call
        finally:
            call.hang_up()
            await call.task


class RunningGateway:
    """A server in a thread of its own."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.settings, self._options = settings, options
        self._bound = listening(settings.gateway.host, settings.gateway.port)
        self.url = url_of(self._bound)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failed: Exception | None = None
        self.server: Any = None
        self.client: Any = None
        self.loop: Any = None

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def _run(self) -> None:
        try:
            with self._bound:
                asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - it is raised in the thread of the test
            self._failed = error
        self._ready.set()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        async with Client(self.settings, **{"environ": {}, **self._options}) as client:
            self.client = client
            self.surface = Surface(client)
            self.app = GatewayApp(self.surface)
            self.server = GatewayServer(self.app)
            self.loop.call_later(0, self._ready.set)
            await self.server.run_until_stopped(self._bound, client.runtime.obey)

    async def usage(self) -> Any:
        """What the ledger has of all that was asked, told by the server's own thread."""
        now = self.client.clock.now()
        asked = asyncio.run_coroutine_threadsafe(self.client.usage(now - 3600, now + 3600), self.loop)
        return await asyncio.wrap_future(asked)

    def stop(self) -> None:
        """Tell it to end, as SIGTERM does."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.server.stop)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60)
        self._tell_failure()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._tell_failure()

    def _tell_failure(self) -> None:
        if self._failed is not None:
            raise self._failed
