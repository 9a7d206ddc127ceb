"""Runs an ASGI application inside the caller's own task, with real streaming and nothing left behind.

There is no second task, thread or queue. The application is a coroutine; it is stepped until it has something
to send, then rests at that ``send`` until the caller wants more. What it waits for in between (a clock, an
event) is awaited by the caller's task, whatever the event loop. So one piece at most is buffered, cancelling
the caller cancels the application at its own await, and closing the response resumes the application with the
news that nobody listens. That is also why a virtual clock of the caller's loop works inside the application.

The price is one rule: no cancel scope or task group of the application may stay open across a ``send``.
The scope extension `STEPPED` tells the application so; the sandbox obeys, and so does Starlette from ASGI 2.4 on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, MutableMapping
from typing import Any

import anyio
import httpx
from typing_extensions import override

from shunpike_sandbox.replies import STEPPED

Message = MutableMapping[str, Any]
App = Callable[
    [dict[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


_BROKEN = "peer closed connection without sending complete message body"


class _Pause:
    """What the application's ``send`` yields up to the stepper: it never reaches the event loop."""

    __slots__ = ("message",)

    def __init__(self, message: Message) -> None:
        self.message = message

    def __await__(self) -> Generator[Any, Any, None]:
        yield self


class _Step:
    """Awaiting it runs the application up to its next message, or to its end (None)."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Message | None]:
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                asked = self._coroutine.send(value) if error is None else self._coroutine.throw(error)
            except StopIteration:
                return None
            if isinstance(asked, _Pause):
                return asked.message
            value, error = None, None
            try:
                # Whatever this is, it is between the application and the event loop.
                value = yield asked
            except BaseException as thrown:  # noqa: BLE001  # cancellation included: it belongs to the application
                error = thrown


class _Run:
    """One request inside the application."""

    def __init__(self, app: App, scope: dict[str, Any], body: bytes) -> None:
        self._body: bytes | None = body
        self._gone = False
        self._ended = False
        self._coroutine = self._main(app, scope)

    async def _main(self, app: App, scope: dict[str, Any]) -> None:
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if not self._gone:
            await anyio.sleep_forever()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone:
            raise OSError("the client has closed the response")
        await _Pause(message)
        if self._gone:
            raise OSError("the client has closed the response")

    async def step(self) -> Message | None:
        """Return the next message, or None when the application has returned."""
        if self._ended:
            return None
        try:
            message = await _Step(self._coroutine)
        except BaseException:
            self._ended = True
            raise
        self._ended = message is None
        return message

    async def close(self) -> None:
        """Let the application know that nobody listens, and let it come to its end."""
        self._gone = True
        try:
            while await self.step() is not None:
                pass
        except Exception:  # noqa: BLE001, S110  # what it thinks of the hang-up concerns nobody any more
            pass
        finally:
            self._ended = True
            self._coroutine.close()


class _Body(httpx.AsyncByteStream):
    """The body as an iterator of its own: a generator that is left half read would need a task to clean it up."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._more = True

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while self._more:
            try:
                message = await self._run.step()
            except Exception as error:
                raise httpx.RemoteProtocolError(_BROKEN) from error
            if message is None:
                raise httpx.RemoteProtocolError(_BROKEN)
            self._more = bool(message.get("more_body"))
            if message.get("body"):
                return bytes(message["body"])
        # The application may have something to do after its last byte.
        await self._run.close()
        raise StopAsyncIteration

    @override
    async def aclose(self) -> None:
        await self._run.close()


class InProcess(httpx.AsyncBaseTransport):
    """An httpx transport that answers from an ASGI application, on asyncio and on trio."""

    def __init__(self, app: App) -> None:
        self._app = app

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Run the application until its headers are there; its body follows as it is read."""
        run = _Run(self._app, _scope(request), await request.aread())
        try:
            start = await run.step()
        except Exception as error:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            ) from error
        if start is None or start["type"] != "http.response.start":
            await run.close()
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        return httpx.Response(start["status"], headers=start.get("headers", []), stream=_Body(run), request=request)


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "extensions": {STEPPED: {}},
    }
