"""What the store knows of how fast targets answer: of other processes, and of this program before it was started."""

from __future__ import annotations

from contextlib import suppress

from shunpike.clock import Clock
from shunpike.errors import StoreError
from shunpike.ledger import Ledger
from shunpike.patience import answered
from shunpike.routing.performance import Performance
from shunpike.routing.speeds import FORGOTTEN

EVERY = 30.0
"""Seconds between two looks, and only where a request has a strategy that needs it."""
MOST = 1_000
"""Answers that are read at a time, the latest ones."""


class Recall:
    """Brings what the store knows to a runtime's `Performance`."""

    def __init__(self, ledger: Ledger, performance: Performance, clock: Clock) -> None:
        self._ledger = ledger
        self._performance = performance
        self._clock = clock
        self._looked_mono: float | None = None

    async def refresh(self, within: float) -> None:
        """Look again when it is time, for ``within`` seconds at most. A store that fails teaches nothing."""
        now_mono = self._clock.monotonic()
        if self._looked_mono is not None and now_mono - self._looked_mono < EVERY:
            return
        self._looked_mono = now_mono  # Who comes meanwhile need not look as well.
        with suppress(StoreError):
            call = self._ledger.timings(self._clock.now() - FORGOTTEN, MOST)
            for one in sorted(await answered(call, self._clock, within), key=lambda one: one.ended_at):
                self._performance.answered(one)
