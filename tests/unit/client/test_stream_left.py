"""A stream that is left lets go of its connection and of what it holds, without waiting for the client to be closed."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from importlib import import_module
from pathlib import Path

import anyio
import pytest

import shunpike
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.client.leaving import starter
from shunpike.client.stream import Stream
from shunpike.errors import UsageError
from shunpike.plugins import Host
from shunpike.types import Call, Chunk, Held, Limit, Settings, Unit, Usage, UsageRow
from shunpike_testkit.scripted import ScriptedProvider
from shunpike_testkit.upstream import Stall, Upstream, events, stream

from .conftest import START, MakeClient

END = Chunk(finish_reason="stop", usage=Usage(prompt_tokens=9, completion_tokens=2))
CHUNKS = [Chunk(text="a"), Chunk(text="b"), Chunk(text="c"), END]
WHY = "elsewhere a loop is noticed to be over only when its garbage is collected"
pytestmark = pytest.mark.skipif(sys.implementation.name != "cpython", reason=WHY)


class Trouble(Exception):
    """What a caller's own loop may raise."""


async def with_break(client: Client) -> None:
    async for _ in client.stream("hi"):
        break


async def with_an_error(client: Client) -> None:
    with pytest.raises(Trouble):
        async for _ in client.stream("hi"):
            raise Trouble


async def with_a_return(client: Client) -> None:
    async def first() -> Chunk:
        async for chunk in client.stream("hi"):
            return chunk
        raise AssertionError

    assert (await first()).text == "a"


async def with_a_cancellation(client: Client) -> None:
    with anyio.CancelScope() as scope:
        async for _ in client.stream("hi"):
            scope.cancel()
            await anyio.lowlevel.checkpoint()


async def with_a_kept_stream(client: Client) -> None:
    opened = client.stream("hi")
    async for _ in opened:
        break
    await settled(client)
    with pytest.raises(UsageError, match="was left before its end"):
        await opened.next()


async def by_dropping_it(client: Client) -> None:
    opened = client.stream("hi")
    await anext(opened)
    del opened


async def as_garbage(client: Client) -> None:
    circle: list[object] = [client.stream("hi")]
    circle.append(circle)
    await anext(circle[0])  # type: ignore[call-overload]
    del circle
    gc.collect()


WAYS = (
    with_break, with_an_error, with_a_return, with_a_cancellation, with_a_kept_stream, by_dropping_it, as_garbage,
)  # fmt: skip


async def settled(client: Client) -> UsageRow:
    """Let the loop turn, a bounded number of times, until nothing is held; the client stays open."""
    for _ in range(50):
        (row,) = await client.usage(0, START * 2)
        if not row.held:
            return row
        await anyio.sleep(0.001)
    return row


@pytest.mark.parametrize("leave", WAYS)
async def test_a_stream_that_is_left_is_closed_and_settled_at_once(
    make_client: MakeClient, leave: Callable[[Client], Awaitable[None]]
) -> None:
    """It stayed open, and what it held stayed held, until the client was closed."""
    only = ScriptedProvider("only", CHUNKS)
    async with make_client(only) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await leave(client)
        row = await settled(client)
        assert (row.held, only.backend.open) == (0, 0)
        assert (row.requests, row.answered) == (1, 0)


async def test_a_slot_that_a_left_stream_held_serves_the_next_request(make_client: MakeClient) -> None:
    one = Limit(unit=Unit.CONCURRENT, amount=1, window=Held(), scope="account", source="test")
    only = ScriptedProvider("only", CHUNKS, limits=[one])
    async with make_client(only) as client:
        for _ in range(3):
            await with_break(client)
            await settled(client)
        (row,) = await client.usage(0, START * 2)
    assert (row.requests, row.held) == (3, 0)


async def test_inside_its_context_a_loop_may_be_left_and_gone_on_with(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", CHUNKS)) as client, client.stream("hi") as opened:
        async for chunk in opened:
            assert chunk.text == "a"
            break
        await anyio.lowlevel.checkpoint()
        assert [chunk.text async for chunk in opened] == ["b", "c", ""]
        assert opened.completion.text == "abc"


async def test_closing_the_client_waits_for_what_is_being_closed(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", CHUNKS)
    client = make_client(only)
    await with_break(client)
    await client.aclose()
    assert only.backend.open == 0
    (row,) = await client.usage(0, START * 2)
    assert row.held == 0


async def by_closing_the_client(client: Client, opened: Stream) -> None:
    await client.aclose()


async def by_closing_it(client: Client, opened: Stream) -> None:
    await opened.aclose()


async def by_cancelling_a_read(client: Client, opened: Stream) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await opened.next()


@pytest.mark.parametrize("cut", [by_closing_the_client, by_closing_it, by_cancelling_a_read])
async def test_a_stream_that_was_cut_does_not_end_like_a_whole_answer(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, cut: Callable[[Client, Stream], Awaitable[None]]
) -> None:
    only = ScriptedProvider("only", CHUNKS)
    play = only.backend.stream

    @asynccontextmanager
    async def unhurried(call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
        async def each() -> AsyncIterator[Chunk]:
            async with play(call) as chunks:
                async for chunk in chunks:
                    await anyio.lowlevel.checkpoint()
                    yield chunk

        async with aclosing(each()) as chunks:
            yield chunks

    monkeypatch.setattr(only.backend, "stream", unhurried)
    async with make_client(only) as client, client.stream("hi") as opened:
        await anext(opened)
        await cut(client, opened)
        with pytest.raises(UsageError, match="was left before its end"):
            _ = [chunk async for chunk in opened]


async def test_the_real_connection_is_closed_though_the_client_stays_open(tmp_path: Path) -> None:
    raw_chunk = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "word "}}]}
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream([*events(raw_chunk, done=False), Stall()]))
        host = Host()
        host.register(builtin, "builtin")
        host.register(import_module("shunpike_openai").plugin, "openai")
        section = {"plugin": "openai", "base_url": upstream.base_url, "price": "free", "models": ["m"]}
        settings = Settings.model_validate({"store": f"sqlite:{tmp_path / 'ledger.db'}", "providers": {"own": section}})
        async with Client(settings, host=host, environ={}) as client:
            async for _ in client.stream("hi", model="own/m"):
                break
            with anyio.fail_after(10):
                await upstream.idle()
            assert (await settled(client)).held == 0


async def test_the_one_liner_closes_its_client_when_it_is_left(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = ScriptedProvider("only", CHUNKS)
    client = make_client(only)
    monkeypatch.setattr("shunpike.sync.Client", lambda: client)
    chunks: AsyncIterator[Chunk] = shunpike.stream("hi")
    async for _ in chunks:
        break
    del chunks
    for _ in range(50):
        await anyio.lowlevel.checkpoint()
    assert (only.backend.open, only.backend.closed) == (0, True)


def test_a_blocking_loop_that_is_left_closes_everything(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = ScriptedProvider("only", CHUNKS)
    monkeypatch.setattr("shunpike.sync.Client", lambda: make_client(only))
    for _ in shunpike.stream_sync("hi"):
        break
    assert (only.backend.open, only.backend.closed) == (0, True)
    with pytest.raises(Trouble):
        for _ in shunpike.stream_sync("hi"):
            raise Trouble
    assert only.backend.open == 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_what_is_dropped_after_its_loop_has_ended_is_no_error(make_client: MakeClient, backend: str) -> None:
    kept: list[object] = []

    async def open_one() -> None:
        opened = make_client(ScriptedProvider("only", CHUNKS)).stream("hi")
        await anext(opened)
        kept.append(opened)

    anyio.run(open_one, backend=backend)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept.clear()
        gc.collect()


async def test_a_closing_that_fails_disturbs_nobody() -> None:
    done = anyio.Event()

    async def close() -> None:
        done.set()
        raise OSError

    starter()(close)
    with anyio.fail_after(5):
        await done.wait()
    await anyio.lowlevel.checkpoint()
