"""Waiting for the ledger, and for what is let go of, never without a bound."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shunpike.clock import Clock
from shunpike.errors import StoreError

T = TypeVar("T")
CLOSING = 3.0
"""Seconds that a backend or a stream may take to let go of what it has: the caller has its answer by then."""


async def answered(call: Awaitable[T], clock: Clock, seconds: float) -> T:
    """Return what the ledger answers within so many seconds. Raises `StoreError` where it does not, and what it raises.

    Whoever is asked for something sees to it that nothing is left behind when nobody waits any more.
    """
    with clock.move_on_after(seconds):
        return await call
    raise StoreError(
        f"the ledger did not answer within {seconds:.3g} s: another program may have locked it",
        hint="see what has it open, and run: shunpike doctor",
    )


async def let_go(close: Callable[[], Awaitable[object]], clock: Clock, seconds: float = CLOSING) -> None:
    """Close something, also where the caller is being cancelled. Raises `TimeoutError` where it takes too long."""
    with clock.fail_after(seconds, shield=True):
        await close()
