"""What other processes found in trouble, as the ledger knows it."""

from __future__ import annotations

from shunpike.errors import StoreError
from shunpike.patience import answered
from shunpike.runtime.snapshot import Shared


async def hear(shared: Shared, within: float) -> None:
    """Take in what other processes found in trouble. Raises `StoreError` where no time is left to ask the ledger.

    A ledger that fails is told of by the admission, where there is something to admit.
    """
    if within <= 0:
        return  # No time is left, which whoever admits says.
    if (known := shared.ledger.known_troubles) is not None:
        shared.health.hear(known)
        return
    begun_mono = shared.clock.monotonic()
    try:
        shared.health.hear(await answered(shared.ledger.troubles(), shared.clock, within))
    except StoreError:
        if shared.clock.monotonic() - begun_mono >= within:
            raise
