"""What came is what is billed, whatever of it is shown: a stream that is left counts all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from shunpike.types import Answer, Call, Chunk
from shunpike_testkit.scripted import ScriptedProvider, answer

from .plugged import client

BLANKS = [Chunk(text="\n" * 40) for _ in range(50)]
TWICE = [Chunk(reasoning="So it goes on. "), Chunk(text="<think>"), *[Chunk(text="So it goes on. ") for _ in range(50)]]
FENCED = [Chunk(text='```json\n{"a": 1}'), *BLANKS]


class Endless:
    """Sends its chunks and never ends; it stops billing when it is left."""

    cancel_safe = True

    def __init__(self, chunks: list[Chunk]) -> None:
        self._chunks = chunks
        self.sent = anyio.Event()

    async def complete(self, call: Call) -> Answer:
        del call
        return answer()

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
        del call
        yield self._play()

    async def _play(self) -> AsyncIterator[Chunk]:
        for chunk in self._chunks:
            yield chunk
        self.sent.set()
        await anyio.sleep_forever()

    async def aclose(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("chunks", "least"),
    [(BLANKS, 1_900), (TWICE, 200), (FENCED, 1_900)],
    ids=["blanks before any JSON", "thinking that was told apart too", "blanks behind a fence"],
)
async def test_a_stream_that_is_left_counts_what_came_and_was_not_shown(chunks: list[Chunk], least: int) -> None:
    sick = ScriptedProvider("sick")
    backend = Endless(chunks)
    sick.backend = backend  # type: ignore[assignment]
    more: dict[str, Any] = {"response_format": {"type": "json_object"}, "max_tokens": 4_000}
    asked = client(sick)
    async with asked:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:

                async def leave() -> None:
                    await backend.sent.wait()
                    scope.cancel()

                tasks.start_soon(leave)
                async with asked.stream("hi", **more) as stream:
                    async for _ in stream:
                        pass
        [row] = await asked.usage(0.0, 1e11)
    assert row.completion_tokens >= least
