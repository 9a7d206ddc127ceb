"""Closes what its caller left without closing it: at once, on the event loop on which it was opened.

An asynchronous generator would not do: trio ends it with a warning, and asyncio only where its hooks are set.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import anyio

Close = Callable[[], Awaitable[None]]
Start = Callable[[Close], None]
_closing: set[asyncio.Task[None]] = set()
"""Tasks that run: asyncio itself does not keep them."""


def starter() -> Start:
    """Return what starts a closing on the event loop that runs now.

    It may be called from any thread, also while garbage is collected. It never raises, and does nothing once the loop
    has ended.
    """
    if anyio.get_cancelled_exc_class() is asyncio.CancelledError:  # this is asyncio, not trio
        return partial(_on_asyncio, asyncio.get_running_loop())
    # Imported here because it need not be installed; where it runs, it is imported already.
    trio = importlib.import_module("trio")
    return partial(_on_trio, trio, trio.lowlevel.current_trio_token())


def _on_asyncio(loop: asyncio.AbstractEventLoop, close: Close) -> None:
    def begin() -> None:
        task = loop.create_task(_quietly(close))
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(begin)


def _on_trio(trio: Any, token: Any, close: Close) -> None:
    with suppress(trio.RunFinishedError):
        token.run_sync_soon(trio.lowlevel.spawn_system_task, _quietly, close)


async def _quietly(close: Close) -> None:
    # Nobody is there to be told. What could not be booked stays held at its worst case.
    with suppress(Exception):
        await close()
