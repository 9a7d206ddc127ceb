"""A client over scripted providers, a virtual clock and the store of the test that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted
from shunpike.ledger.windows import GUARD
from shunpike.plugins import Host
from shunpike.types import Answer, Calendar, Call, Limit, Rolling, Settings
from shunpike.types.limits import Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

from ...machines.rig import open_store  # noqa: TID252 - the tests are no package

NOON = 1_795_348_800.0
"""2026-11-22 12:00 UTC, 04:00 in California."""
MINUTE, DAY = Rolling(seconds=60), Calendar(period="day", zone="America/Los_Angeles")
PLACE = {"url": "memory:"}
"""The store of the test that runs."""


def client_of(*providers: ScriptedProvider, **settings: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    clock = VirtualClock(NOON)
    url = PLACE["url"]
    books = MemoryStore() if url == "memory:" else open_store(url, clock=clock, guard=GUARD)
    return Client(Settings.model_validate(settings), host=host, clock=clock, store=books, environ={})


def limit(amount: int, unit: Unit = Unit.REQUEST, window: Any = MINUTE) -> Limit:
    return Limit(unit=unit, amount=amount, window=window)


class Waiting(ScriptedBackend):
    """Answers nobody until ``until`` calls have come and ``then`` holds."""

    def __init__(self, until: int, then: Callable[[], bool]) -> None:
        super().__init__([answer()])
        self._ready = lambda: len(self.calls) >= until and then()

    async def complete(self, call: Call) -> Answer:
        done = await super().complete(call)
        with anyio.fail_after(10):
            while not self._ready():
                await anyio.lowlevel.checkpoint()
        return done


async def blocked(client: Client, prompt: str = "hello", **options: Any) -> Exhausted:
    """Return the error of a request that does not wait."""
    with pytest.raises(Exhausted) as caught:
        await client.complete(prompt, wait=False, **options)
    return caught.value


async def used(client: Client, unit: Unit) -> int:
    return next(left.used for _, left in await client.limits() if left.limit.unit is unit)


def daily() -> ScriptedProvider:
    return ScriptedProvider("only", limits=[limit(3, window=DAY)])
