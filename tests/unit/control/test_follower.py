"""Of the requests that look at the switches at once, one looks for all, and none overtakes another by it."""

from __future__ import annotations

import anyio
import pytest

from shunpike.clock import SystemClock
from shunpike.control import Follower, MemoryControl
from shunpike.types import Settings


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # trio starts what is ready in no order
@pytest.mark.anyio
async def test_who_comes_when_a_look_is_just_over_goes_on_behind_those_that_waited_for_it(anyio_backend: str) -> None:
    control, went_on, came = MemoryControl(), list[int](), anyio.Event()
    follower = Follower(Settings(), control, SystemClock())

    async def slowly() -> int:
        await came.wait()
        return 0

    async def begin(number: int) -> None:
        if follower.is_due:
            await follower.look()
        went_on.append(number)

    control.revision = slowly  # type: ignore[method-assign]
    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(begin, number)
        await anyio.wait_all_tasks_blocked()
        came.set()
        for number in range(10, 20):
            group.start_soon(begin, number)
            await anyio.lowlevel.checkpoint()
    assert went_on[:10] == list(range(10))
