"""The timeout of a call begins with the call: planning looks at the ledger within it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import StoreError
from shunpike.plugins import Host
from shunpike.types import Block, Denial, Grant, Reservation, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer


class Late(MemoryStore):
    """Takes its time for every word."""

    def __init__(self, clock: VirtualClock, seconds: float) -> None:
        super().__init__()
        self._time, self._seconds = clock, seconds

    @override
    async def closed(self, now: float) -> Mapping[str, Block]:
        await self._time.sleep(self._seconds)
        return await super().closed(now)

    @override
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        await self._time.sleep(self._seconds / 4)
        return await super().admit(reservation)


def client(store: MemoryStore, clock: VirtualClock) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    host.register(ScriptedProvider("only", answer("fine")), "only")
    return Client(Settings(), host=host, clock=clock, store=store, environ={})


async def test_a_timeout_begins_before_the_ledger_is_looked_at() -> None:
    clock = VirtualClock()
    async with client(Late(clock, 1.8), clock) as opened:
        with pytest.raises(StoreError, match=r"did not answer within 0\.2 s"):
            await opened.complete("hi", timeout=2)
    assert clock.monotonic() == pytest.approx(2.0)
