"""Whoever hangs up closes the connection to the provider at once."""

from __future__ import annotations

import random
import time

import anyio
import pytest

from shunpike.client import Client
from shunpike_testkit.upstream import Script, Stall, Upstream, head, stream

from .hangups import EVENTS, PATH, client

HANG_UPS, AT_ONCE = 200, 0.1
WHOLE = Script([head(200, {"content-type": "application/json", "content-length": "900"}) + b'{"id": "c"', Stall()])


async def leave(asked: Client, upstream: Upstream, chunks: int, *, streamed: bool) -> float:
    """Ask, hang up after so many chunks, and return the seconds until the provider saw it."""
    before = len(upstream.requests)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def hang_up() -> None:
                await upstream.received(before + 1)
                scope.cancel()

            if not streamed or not chunks:
                group.start_soon(hang_up)
            if not streamed:
                await asked.complete("hi", model="m")
            async with asked.stream("hi", model="m") as answer:
                for _ in range(chunks):
                    await anext(answer)
                began = time.monotonic()
                scope.cancel()
    began = time.monotonic() if not streamed or not chunks else began
    await upstream.idle()
    return time.monotonic() - began


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
async def test_two_hundred_who_hang_up_close_the_connection_at_once(*, streamed: bool) -> None:
    """F5, F7: the 99th percentile is a tenth of a second; on an idle machine it takes a few milliseconds."""
    draw, took = random.Random(7), []
    async with Upstream() as upstream:
        upstream.on(PATH, stream([*EVENTS[:4], Stall()]) if streamed else WHOLE)
        async with client(upstream) as asked:
            await asked.discover()
            with anyio.fail_after(60):
                for _ in range(HANG_UPS):
                    took.append(await leave(asked, upstream, draw.randint(0, 3), streamed=streamed))
            (row,) = await asked.usage(0.0, 2e10)
    assert (row.held, row.requests) == (0, HANG_UPS)
    assert sorted(took)[HANG_UPS * 99 // 100 - 1] <= AT_ONCE, f"the slowest: {sorted(took)[-5:]}"
