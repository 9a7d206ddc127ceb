"""A booking that asyncio cancels in a store that obeys: no scope holds that off, and it is booked later."""

from __future__ import annotations

import asyncio

import pytest
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.client import Client
from shunpike.types import Held, Limit, Settlement, Unit
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient


class Remote(MemoryStore):
    """A store that waits for an answer while it settles, as any does that is reached over a network."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        self.writes_first = False

    @override
    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        done = await super().settle(attempt_id, settlement) if self.writes_first else None
        self.reached.set()
        await self.go_on.wait()
        return await super().settle(attempt_id, settlement) if done is None else done


@pytest.mark.parametrize("writes_first", [False, True])
def test_what_was_cancelled_while_it_was_booked_is_booked_later(make_client: MakeClient, *, writes_first: bool) -> None:
    """Its place stayed held for as long as the process lived."""
    one_at_a_time = Limit(unit=Unit.CONCURRENT, amount=1, window=Held())
    made = make_client(ScriptedProvider("acme", answer("here"), limits=[one_at_a_time]))

    async def play() -> None:
        store = Remote()
        store.writes_first = writes_first
        async with Client(made.settings, host=made.host, clock=made.clock, store=store, environ={}) as client:
            asking = asyncio.create_task(client.complete("hi"))
            await store.reached.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            store.go_on.set()
            await made.clock.sleep(1.0)
            assert (await client.complete("hi")).text == "here"
            (row,) = await client.usage(0, 2e10)
            assert row.requests == 2

    asyncio.run(play())
