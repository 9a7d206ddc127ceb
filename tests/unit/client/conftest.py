"""A client over scripted providers, a virtual clock and a ledger in memory."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from shunpike import SyncClient
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.types import Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider

START = 1_795_300_000.0
"""2026-11-21 21:46:40 UTC."""

MakeClient = Callable[..., Client]
MakeSync = Callable[..., SyncClient]


@pytest.fixture
def make_client() -> MakeClient:
    """Return ``make(*providers, **settings)``."""

    def make(*providers: ScriptedProvider, environ: dict[str, str] | None = None, **settings: Any) -> Client:
        host = Host()
        host.register(builtin, "builtin")
        for place, provider in enumerate(providers):
            provider.order = place
            host.register(provider, provider.name)
        made = Settings.model_validate({"store": "memory:", **settings})
        return Client(made, host=host, clock=VirtualClock(START), environ=environ or {})

    return make


@pytest.fixture
def make_sync() -> Iterator[MakeSync]:
    """Return ``make(*providers, **settings)``; what it made is closed at the end."""
    made: list[SyncClient] = []

    def make(
        *providers: ScriptedProvider,
        kept: bool = True,
        auto: bool = True,
        environ: dict[str, str] | None = None,
        **settings: Any,
    ) -> SyncClient:
        host = Host()
        host.register(builtin, "builtin")
        for place, provider in enumerate(providers):
            provider.order = place
            host.register(provider, provider.name)
        said = Settings.model_validate({"store": "memory:", **settings})
        client = SyncClient(
            said, host=host, clock=VirtualClock(START, auto=auto), environ={} if environ is None else environ
        )
        if kept:
            made.append(client)
        return client

    yield make
    for client in made:
        client.close()


class Hanging(ScriptedProvider):
    """Never answers; ``begun`` is set when it is asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.begun = threading.Event()
        self.cancelled = threading.Event()
        self.backend.complete = self._hang  # type: ignore[method-assign]
        self.backend.stream = self._open  # type: ignore[method-assign]

    async def _hang(self, call: object) -> Any:
        self.begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.set()

    @asynccontextmanager
    async def _open(self, call: object) -> AsyncIterator[Any]:
        yield await self._hang(call)
