"""A stream that says nothing more is ended after ``idle`` seconds, whatever else keeps its connection busy."""

from __future__ import annotations

import time

import anyio
import pytest

from shunpike.errors import Interrupted
from shunpike_testkit.upstream import Stall, Upstream, stream

from .hangups import EVENTS, PATH, client, delta

IDLE = 2.0


async def drip(upstream: Upstream, piece: str) -> None:
    """Let ``upstream`` go on with ``piece`` ten times a second after its first words, for ever."""
    beats = [anyio.Event() for _ in range(200)]
    parts = [part for beat in beats for part in (beat, piece)]
    upstream.on(PATH, stream([*EVENTS[:3], *parts]))
    for beat in beats:
        await anyio.sleep(0.1)
        beat.set()


@pytest.mark.parametrize("kind", ["stall", "comments", "drip"])
async def test_silence_ends_a_stream_on_time_and_leaves_nothing_behind(kind: str) -> None:
    """F3: within a tenth of the time, and no task is left."""
    before = {task.id for task in anyio.get_running_tasks()}
    async with Upstream() as upstream, anyio.create_task_group() as group:
        if kind == "stall":
            upstream.on(PATH, stream([*EVENTS[:3], Stall()]))
        elif kind == "comments":
            group.start_soon(drip, upstream, ": OPENROUTER PROCESSING\n\n")
        else:
            group.start_soon(drip, upstream, f"data: {empty()}\n\n")
        await anyio.lowlevel.checkpoint()
        async with client(upstream, timeouts={"idle": IDLE}) as asked, asked.stream("hi", model="m") as answer:
            with pytest.raises(Interrupted, match="after it had begun"):
                async for chunk in answer:
                    if chunk.text:
                        last = time.monotonic()
            took = time.monotonic() - last
            await upstream.idle()
        group.cancel_scope.cancel()
    assert took == pytest.approx(IDLE, rel=0.1)
    assert {task.id for task in anyio.get_running_tasks()} == before


def empty() -> str:
    """Return an event that carries nothing on."""
    return str(delta("")).replace("'", '"').replace("None", "null")
