"""Streams: fall over until the first content, then stay to the end; whatever happens, the ledger knows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from shunpike.client import Client
from shunpike.errors import Exhausted, Interrupted, Overloaded, RequestError, UsageError
from shunpike.types import Chunk, ToolCallDelta, Usage, UsageRow
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START, MakeClient

END = Chunk(finish_reason="stop", usage=Usage(prompt_tokens=9, completion_tokens=2))


async def row_of(client: Client) -> UsageRow:
    (row,) = await client.usage(0, START * 2)
    return row


async def test_chunks_arrive_and_the_completion_is_there_at_the_end(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", [Chunk(text="Hel"), Chunk(text="lo"), END])
    async with make_client(only) as client:
        async with client.stream("hi") as stream:
            with pytest.raises(UsageError, match="has not ended"):
                _ = stream.completion
            text = "".join([str(chunk) async for chunk in stream])
            assert stream.completion.text == text == "Hello"
            assert stream.completion.usage == END.usage
        assert (await row_of(client)).held == 0
    assert only.backend.open == 0


async def test_a_stream_works_without_its_context(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", answer("Hello"))) as client:
        assert "".join([chunk.text async for chunk in client.stream("hi")]) == "Hello"


@pytest.mark.parametrize(
    "trouble",
    [
        Overloaded("busy", provider="first"),
        [Chunk(model="x"), Overloaded("error in the stream", provider="first")],
        [END],
        [],
    ],
    ids=["refused", "error before content", "empty", "nothing at all"],
)
async def test_trouble_before_the_first_content_is_invisible(make_client: MakeClient, trouble: object) -> None:
    first = ScriptedProvider("first", trouble)  # type: ignore[arg-type]
    async with make_client(first, ScriptedProvider("second", answer("two"))) as client:
        async with client.stream("hi") as stream:
            text = "".join([chunk.text async for chunk in stream])
        rows = await client.usage(0, START * 2)
    assert text == "two"
    assert stream.completion.provider == "second"
    assert len(stream.completion.attempts) == 2
    assert sum(row.held for row in rows) == 0
    assert first.backend.open == 0


async def test_after_the_first_content_a_broken_stream_is_never_retried(make_client: MakeClient) -> None:
    first = ScriptedProvider("first", [Chunk(text="Hel"), Interrupted("cut", provider="first")])
    second = ScriptedProvider("second")
    async with make_client(first, second) as client:
        got: list[str] = []
        with pytest.raises(Interrupted, match="cut"):
            async with client.stream("hi") as stream:
                async for chunk in stream:
                    got.append(chunk.text)
        row = await row_of(client)
    assert got == ["Hel"]
    assert second.backend.calls == []
    assert (row.held, row.answered, row.requests) == (0, 0, 1)


async def test_leaving_in_the_middle_closes_the_connection_and_settles(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", [Chunk(text="a"), Chunk(text="b"), END])
    async with make_client(only) as client:
        async with client.stream("hi") as stream:
            async for _ in stream:
                break
        row = await row_of(client)
        assert only.backend.open == 0
    assert (row.requests, row.held) == (1, 0)


async def test_cancelling_the_reader_settles_too(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", [Chunk(text="a")] * 1_000 + [END])
    async with make_client(only) as client:
        with anyio.CancelScope() as scope:
            async with client.stream("hi") as stream:
                async for _ in stream:
                    scope.cancel()
        row = await row_of(client)
        assert scope.cancelled_caught
        assert only.backend.open == 0
    assert (row.requests, row.held) == (1, 0)


async def test_a_refusal_of_the_request_is_raised_on_entering(make_client: MakeClient) -> None:
    first = ScriptedProvider("first", RequestError("no", provider="first", status=400))
    async with make_client(first, ScriptedProvider("second")) as client:
        with pytest.raises(RequestError):
            async with client.stream("hi"):
                pytest.fail("it must not be entered")


async def test_all_failing_is_exhausted(make_client: MakeClient) -> None:
    async with make_client(ScriptedProvider("only", Overloaded("busy", provider="only"))) as client:
        with pytest.raises(Exhausted):
            async with client.stream("hi"):
                pytest.fail("it must not be entered")


async def test_tool_calls_are_content(make_client: MakeClient) -> None:
    calls = (ToolCallDelta(index=0, id="c1", name="weather", arguments='{"city":'),)
    more = (ToolCallDelta(index=0, arguments='"Rome"}'),)
    chunks = [Chunk(tool_calls=calls), Chunk(tool_calls=more), Chunk(finish_reason="tool_calls")]
    async with make_client(ScriptedProvider("only", chunks)) as client, client.stream("weather?") as stream:
        _ = [chunk async for chunk in stream]
    (call,) = stream.completion.choices[0].message.tool_calls or ()
    assert (call.id, call.function.name, call.function.arguments) == ("c1", "weather", '{"city":"Rome"}')
    assert stream.completion.choices[0].finish_reason == "tool_calls"


async def test_a_stream_that_was_closed_before_it_began_asks_nobody(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", answer("Hello"))
    async with make_client(only) as client:
        stream = client.stream("hi")
        await stream.aclose()
        with pytest.raises(UsageError, match="the stream was closed"):
            _ = [chunk async for chunk in stream]
        with pytest.raises(UsageError, match="the stream was closed"):
            await stream.__aenter__()
    assert only.backend.calls == []


async def test_a_stream_that_is_closed_while_it_opens_keeps_nothing_open(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    only, opens, closed = ScriptedProvider("only", answer("Hello")), anyio.Event(), anyio.Event()
    play = only.backend.stream

    @asynccontextmanager
    async def slow(call: Any) -> AsyncIterator[Any]:
        opens.set()
        await closed.wait()
        async with play(call) as chunks:
            yield chunks

    monkeypatch.setattr(only.backend, "stream", slow)
    async with make_client(only) as client:
        stream = client.stream("hi")

        async def enter() -> None:
            with pytest.raises(UsageError, match="the stream was closed"):
                await stream.__aenter__()

        async with anyio.create_task_group() as group:
            group.start_soon(enter)
            await opens.wait()
            await stream.aclose()
            closed.set()
        assert (only.backend.open, (await row_of(client)).held) == (0, 0)


async def test_a_stream_that_never_makes_anybody_wait_ends_at_its_timeout(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bound of time ends waits, and here is none."""
    endless = ScriptedProvider("endless")
    client = make_client(endless)

    async def chunks() -> AsyncIterator[Chunk]:
        for _ in range(1000):
            client.clock.advance(1)  # type: ignore[attr-defined]
            yield Chunk(text="on and ")

    @asynccontextmanager
    async def stream(_call: object) -> AsyncIterator[AsyncIterator[Chunk]]:
        yield chunks()

    monkeypatch.setattr(endless.backend, "stream", stream)
    async with client:
        with pytest.raises(Interrupted, match="no end within"):
            async for _ in client.stream("hi", timeout=30):
                pass
        assert client.clock.monotonic() < 100
