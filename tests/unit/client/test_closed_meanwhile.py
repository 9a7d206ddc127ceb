"""A client that is closed while requests run: nothing is sent after it, and nobody is made ready to be sent to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest
from typing_extensions import override

from shunpike.client import Client
from shunpike.errors import Overloaded, StoreError
from shunpike.hookspecs import hookimpl
from shunpike.protocols import Backend
from shunpike.types import Answer, AttemptFailed, AttemptStarted, Call, ProviderSettings
from shunpike_testkit.scripted import Observer, ScriptedBackend, ScriptedProvider, answer

from .conftest import MakeClient


class Counted(ScriptedProvider):
    """A provider of which each backend that is made is another."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.made: list[ScriptedBackend] = []

    @override
    @hookimpl
    def shunpike_completion(self, provider: str, settings: ProviderSettings) -> Backend | None:
        if provider != self.name:
            return None
        self.made.append(ScriptedBackend([answer()]))
        return self.made[-1]


async def complete(client: Client) -> None:
    await client.complete("hi")


async def stream(client: Client) -> None:
    async with client.stream("hi"):
        pass


@pytest.mark.parametrize("ask", [complete, stream])
async def test_what_was_granted_is_not_sent_once_the_client_is_closed(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Client], Awaitable[None]]
) -> None:
    only, watcher, looks, closed = Counted("only"), Observer(), anyio.Event(), anyio.Event()
    client: Client = make_client(only)
    client.host.register(watcher, "watcher")
    control = client.runtime.control
    assert control is not None
    revision = control.revision

    async def slow() -> int:
        if any(isinstance(event, AttemptStarted) for event in watcher.events):
            looks.set()
            await closed.wait()
        return await revision()

    monkeypatch.setattr(control, "revision", slow)

    async def refused() -> None:
        with pytest.raises(StoreError, match="the ledger is closed"):
            await ask(client)

    async with anyio.create_task_group() as group:
        group.start_soon(refused)
        await looks.wait()
        await client.aclose()
        closed.set()
    assert [(backend.closed, backend.calls) for backend in only.made] == [(True, [])]
    (ended,) = (event for event in watcher.events if isinstance(event, AttemptFailed))
    assert (ended.error, ended.state) == ("unsent", "released")


async def test_nobody_else_is_made_ready_once_the_client_is_closed(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, sent, closed = Counted("first"), Counted("second"), anyio.Event(), anyio.Event()
    client: Client = make_client(first, second)

    async def fails(self: ScriptedBackend, call: Call) -> Answer:
        sent.set()
        await closed.wait()
        raise Overloaded("closed", provider="first", kind="connection")

    monkeypatch.setattr(ScriptedBackend, "complete", fails)

    async def refused() -> None:
        with pytest.raises(StoreError, match="the ledger is closed"):
            await client.complete("hi")

    async with anyio.create_task_group() as group:
        group.start_soon(refused)
        await sent.wait()
        await client.aclose()
        closed.set()
    assert second.made == []
    with pytest.raises(StoreError, match="the ledger is closed"):
        client.check_setup("second")
