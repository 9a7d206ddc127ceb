"""An answer is returned whatever becomes of its settlement, and no request waits longer than its timeout."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded, StoreError
from shunpike.plugins import Host
from shunpike.protocols import Store
from shunpike.types import Answer, Call, Held, Limit, Settings, Settlement, Unit
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, Step, answer

from .rig import open_store, rows
from .test_store_stuck import booked, break_down, locked, repair

CALLS = Limit(unit=Unit.CONCURRENT, amount=1, window=Held())
NOT_YET = "its cost is booked once the ledger can be written, or held at its worst case if this process ends first: "


@asynccontextmanager
async def client_of(store: Store, *steps: Step) -> AsyncIterator[tuple[Client, ScriptedProvider]]:
    provider = ScriptedProvider("only", *steps, limits=(CALLS,))
    host = Host()
    host.register(builtin, "builtin")
    host.register(provider, provider.name)
    async with Client(Settings(), host=host, store=store, environ={}) as client:
        yield client, provider


async def whole(client: Client, **options: Any) -> Sequence[str]:
    return (await client.complete("hello", **options)).warnings


async def streamed(client: Client, **options: Any) -> Sequence[str]:
    async with client.stream("hello", **options) as chunks:
        assert "".join([chunk.text async for chunk in chunks]) == "fine"
        return chunks.completion.warnings


@pytest.mark.parametrize("way", [whole, streamed])
async def test_a_good_answer_is_returned_though_it_can_not_be_booked_and_booked_when_it_can(
    store_url: str, way: Any
) -> None:
    """With a warning; and a slot that stayed held for a moment is free again without anybody's doing."""
    store = open_store(store_url)

    def then(call: Call) -> Answer:
        break_down(store_url)
        return answer()

    steps = (then, answer()) if way is whole else (answer(),)
    async with client_of(store, *steps) as (client, _):
        if way is streamed:
            await client.check_store()
            break_down(store_url)
        (warning,) = await way(client)
        assert warning.startswith(NOT_YET)
        assert client.ledger.unbooked == 1
        repair(store_url)
        await booked(store)
        assert rows(store_url, "SELECT state, outcome FROM attempts") == [("settled", "ok")]
        assert await way(client) == ()
        await client.check_store()


class Forgetful(MemoryStore):
    """A store of somebody else's, that fails now and then and tries nothing again."""

    broken: Exception | None = None

    @override
    async def settle(self, attempt_id: str, settlement: Settlement) -> bool:
        if self.broken is not None:
            raise self.broken
        return await super().settle(attempt_id, settlement)


@pytest.mark.parametrize("error", [StoreError("the disk is full"), KeyError("x")], ids=["typed", "mistake"])
async def test_the_ledger_tries_again_for_a_store_that_does_not(error: Exception) -> None:
    store = Forgetful()
    async with client_of(store) as (client, _):
        store.broken = error
        (warning,) = await whole(client)
        assert warning.startswith(NOT_YET)
        assert client.ledger.unbooked == 1
        store.broken = None
        await anyio.sleep(0.2)
        assert await whole(client) == ()
        assert client.ledger.unbooked == 0
        store.broken = error
        await whole(client)
        store.broken = None
    (row,) = await store.usage(0.0, 1e12)
    assert (row.requests, row.answered, row.held) == (3, 3, 0), "the last one is booked at the end"


async def test_a_failure_of_the_provider_is_told_though_it_can_not_be_booked() -> None:
    store = Forgetful()
    async with client_of(store, Overloaded("down", provider="only", kind="server", status=500)) as (client, _):
        await client.check_store()
        store.broken = StoreError("the disk is full")
        with pytest.raises(Exhausted, match="down"):
            await client.complete("hello", timeout=1.0)
        store.broken = None


async def test_a_deadline_holds_while_the_ledger_is_locked(store_url: str) -> None:
    """Nothing is sent, and what is granted after all is given back."""
    store = open_store(store_url)
    async with client_of(store) as (client, provider):
        await whole(client)
        with locked(store_url):
            began = time.monotonic()
            with pytest.raises(StoreError, match="did not answer within"):
                await client.complete("hello", timeout=1.0)
            assert 0.9 < time.monotonic() - began < 3.0
        assert len(provider.backend.calls) == 1
        assert await whole(client) == (), "nothing holds the only slot"
        assert [row.requests for row in await client.usage(0.0, 1e12)] == [2]


async def test_an_answer_is_not_held_back_by_a_ledger_that_is_locked_when_it_comes(store_url: str) -> None:
    store = open_store(store_url)
    async with client_of(store) as (client, provider):
        await client.check_store()
        plain = ScriptedBackend.complete
        locks: list[Any] = []

        async def complete(self: ScriptedBackend, call: Call) -> Answer:
            locks.append(locked(store_url))
            locks[0].__enter__()
            return await plain(self, call)

        provider.backend.complete = complete.__get__(provider.backend)  # type: ignore[method-assign]
        try:
            began = time.monotonic()
            (warning,) = await whole(client, timeout=0.5)
            assert warning.startswith(NOT_YET)
            assert time.monotonic() - began < 4.0
        finally:
            locks[0].__exit__(None, None, None)
        with anyio.fail_after(30):
            assert await store.recover(time.time()) == 0, "it comes after what was queued"
        assert rows(store_url, "SELECT state FROM attempts") == [("settled",)]
