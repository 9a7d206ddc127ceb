"""The event loop that the gateway runs on: uvloop where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from uvicorn.loops.auto import auto_loop_factory

T = TypeVar("T")


def run_here(main: Callable[[], Awaitable[T]]) -> T:
    """Run ``main`` to its end, and return what it gives."""

    async def work() -> T:
        return await main()

    with asyncio.Runner(loop_factory=auto_loop_factory(use_subprocess=False)) as runner:
        return runner.run(work())
