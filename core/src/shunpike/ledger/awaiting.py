"""A caller that leaves while it waits for a grant holds nothing afterwards."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import anyio

from shunpike.errors import StoreError
from shunpike.storage.pending import Pending
from shunpike.types import Denial, Grant, Reservation, Settlement, State

GIVING_BACK = 0.1
"""Seconds that a task which leaves still waits until what it was granted is given back: usually, milliseconds do."""

Release = Callable[[str, Settlement], Pending[bool]]
"""Queues a settlement behind what is queued already. Raises `StoreError`."""


async def admission(job: Pending[Grant | Denial], reservation: Reservation, release: Release) -> Grant | Denial:
    """Wait for a grant. A caller that is cancelled meanwhile leaves at once; what is granted is given back.

    While the store can be written that is done before the caller goes; else by the store's thread, as soon as it can.
    """
    try:
        await job.done()
    except anyio.get_cancelled_exc_class():
        job.withdrawn = True
        unsent = Settlement(state=State.RELEASED, at=reservation.reserved_at, outcome="cancelled", keeps_request=False)
        # A store that was closed meanwhile has finished what was queued: its next owner finds what is held.
        with suppress(StoreError):
            # Queued before anything is awaited: a caller may be cancelled again.
            # Where none was granted, it does nothing.
            given_back = release(reservation.attempt_id, unsent)
            with given_back.clock.move_on_after(GIVING_BACK, shield=True):
                await given_back.done()
        raise
    return job.outcome()
