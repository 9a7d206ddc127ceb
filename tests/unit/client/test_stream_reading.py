"""How a stream is read: by one task, to its one end, and never more of it than a whole answer may have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from shunpike.clock import Clock, SystemClock
from shunpike.errors import Interrupted, UsageError
from shunpike.routing import context
from shunpike.tokens import ESTIMATE
from shunpike.types import Answer, Call, Chunk, Usage
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient

END = Chunk(finish_reason="stop", usage=Usage(prompt_tokens=9, completion_tokens=2))


class Slow:
    """Begins to answer, and goes on when it is told."""

    cancel_safe = True

    def __init__(self) -> None:
        self.more, self.waits = anyio.Event(), anyio.Event()
        self.clock: Clock = SystemClock()

    async def complete(self, call: Call) -> Answer:
        del call
        return answer()

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
        del call
        yield self._play()

    async def _play(self) -> AsyncIterator[Chunk]:
        yield Chunk(text="a")
        self.waits.set()
        with self.clock.outside():
            await self.more.wait()
        yield Chunk(text="b")
        yield END

    async def aclose(self) -> None:
        """Nothing is open."""


async def test_a_second_task_that_reads_is_told_so_and_the_first_reads_on(make_client: MakeClient) -> None:
    only = ScriptedProvider("only")
    backend = Slow()
    only.backend = backend  # type: ignore[assignment]
    texts: list[str] = []
    async with make_client(only) as client, client.stream("hi") as stream:

        async def read() -> None:
            texts.extend([chunk.text async for chunk in stream])

        backend.clock = client.clock
        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await backend.waits.wait()
            for again in (stream.__anext__, stream.next):
                with pytest.raises(UsageError, match="the stream is being read by another task"):
                    await again()
            backend.more.set()
        assert stream.completion.text == "ab"
    assert texts == ["a", "b", ""]


async def test_two_tasks_that_begin_to_read_ask_once(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", answer("fine"))
    ended: list[object] = []
    async with make_client(only) as client:
        stream = client.stream("hi")

        async def read() -> None:
            try:
                ended.append("".join([chunk.text async for chunk in stream]))
            except UsageError as error:
                ended.append(error.message)

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            group.start_soon(read)
    assert sorted(map(str, ended)) == ["fine", "the stream is being read by another task"]
    assert len(only.backend.calls) == 1


async def test_whoever_reads_on_after_it_broke_off_is_told_so_again(make_client: MakeClient) -> None:
    only = ScriptedProvider("only", [Chunk(text="a"), Interrupted("gone", provider="only")])
    async with make_client(only) as client, client.stream("hi") as stream:
        assert (await anext(stream)).text == "a"
        for _ in range(3):
            with pytest.raises(Interrupted, match="only/m: gone"):
                await anext(stream)
        with pytest.raises(Interrupted):
            await stream.next()
    assert len(only.backend.calls) == 1


@pytest.mark.parametrize("wordless", [True, False], ids=["thinking", "text"])
async def test_a_stream_that_never_ends_is_ended_at_the_size_of_a_whole_answer(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, wordless: bool
) -> None:
    monkeypatch.setattr(context, "LARGEST", 1_000)
    flood = [Chunk(reasoning="x" * 90) if wordless else Chunk(text="x" * 90) for _ in range(20)]
    only = ScriptedProvider("only", [*flood, END])
    async with make_client(only) as client, client.stream("hi") as stream:
        with pytest.raises(Interrupted, match="larger than 1000 characters") as caught:
            _ = [chunk async for chunk in stream]
    assert caught.value.kind == "malformed"
    assert only.backend.open == 0


async def test_what_floods_before_its_first_content_is_left_for_the_next(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "LARGEST", 1_000)
    first, second = ScriptedProvider("first", [Chunk(text="x" * 2_000)]), ScriptedProvider("second", answer("two"))
    async with make_client(first, second) as client, client.stream("hi") as stream:
        assert "".join([chunk.text async for chunk in stream]) == "two"
    (left, _) = stream.completion.attempts
    assert (left.error, left.provider) == ("malformed", "first")


async def test_tokens_are_counted_as_they_come(make_client: MakeClient) -> None:
    pieces = ["So ", "it goes", " on.\n"] * 20
    only = ScriptedProvider("only", [*(Chunk(text=piece) for piece in pieces), END])
    async with make_client(only) as client, client.stream("hi") as stream:
        seen = 0
        async for chunk in stream:
            attempt = stream._run and stream._run.attempt
            assert attempt is not None
            seen += ESTIMATE.count(chunk.text)
            assert attempt.delivered_tokens >= seen
        assert attempt is not None
        assert attempt.delivered_tokens == sum(map(ESTIMATE.count, pieces))
