"""What never lets go of what it has does not hold up whoever has the answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import pytest

from shunpike import patience
from shunpike.builtin.memory import MemoryStore
from shunpike.client import Client
from shunpike.types import Chunk
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

from .conftest import MakeClient

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "CLOSING", 0.02, raising=False)


class HangingBackend(ScriptedBackend):
    async def aclose(self) -> None:
        await anyio.sleep_forever()


class HangingStream(ScriptedBackend):
    @asynccontextmanager
    async def stream(self, call: object) -> AsyncGenerator[AsyncGenerator[Chunk, None], None]:
        async with super().stream(call) as chunks:  # type: ignore[arg-type]
            yield chunks  # type: ignore[misc]
        await anyio.sleep_forever()


class HangingStore(MemoryStore):
    async def aclose(self) -> None:
        await anyio.sleep_forever()


async def test_a_backend_that_never_closes_is_left_and_the_others_are_closed(make_client: MakeClient) -> None:
    hangs, well = ScriptedProvider("hangs"), ScriptedProvider("well", answer())
    hangs.backend = HangingBackend([answer()])
    with anyio.fail_after(2):
        async with make_client(hangs, well) as client:
            assert (await client.complete("hi", model="hangs/m")).text == "fine"
            assert (await client.complete("hi", model="well/m")).text == "fine"
    assert well.backend.closed


async def test_a_store_that_never_closes_is_left(make_client: MakeClient) -> None:
    client = make_client(ScriptedProvider("odd", answer()))
    hung = Client(client.settings, host=client.host, clock=client.clock, store=HangingStore(client.clock), environ={})
    with anyio.fail_after(2):
        async with hung:
            assert (await hung.complete("hi")).text == "fine"


async def test_a_stream_that_never_closes_is_left_with_a_warning(make_client: MakeClient) -> None:
    odd = ScriptedProvider("odd")
    odd.backend = HangingStream([answer("fine")])
    with anyio.fail_after(2):
        async with make_client(odd) as client, client.stream("hi") as stream:
            assert "".join([chunk.text async for chunk in stream]) == "fine"
            assert stream.completion.warnings == ("plugin 'odd': closing its stream took too long, it was left",)
