"""The running event loop as one object, asyncio's and trio's alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio.lowlevel import current_token


def current_loop() -> Any:
    """Return the event loop of this thread. Raises `RuntimeError` where none runs."""
    token: Any = current_token()
    # Before anyio 4.11 the token is the loop's own.
    return getattr(token, "native_token", token)


def call_soon(loop: Any, function: Callable[..., object], *arguments: object) -> None:
    """Have ``function`` called in a loop, from any thread. Raises `RuntimeError` once the loop has ended."""
    soon = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
    soon(function, *arguments)
