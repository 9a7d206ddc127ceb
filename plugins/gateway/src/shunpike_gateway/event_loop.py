"""The event loop that the gateway runs on: uvloop where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from uvicorn.loops.auto import auto_loop_factory


def run_here(main: Callable[[], Awaitable[None]]) -> None:
    """Run ``main`` to its end."""

    async def work() -> None:
        await main()

    with asyncio.Runner(loop_factory=auto_loop_factory(use_subprocess=False)) as runner:
        runner.run(work())
