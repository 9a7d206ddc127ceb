"""What the ledger has learned and needs at every admission: kept in the store, and here for a few seconds."""

from __future__ import annotations

from collections.abc import Mapping

from shunpike.clock import Clock
from shunpike.ledger.abilities import Learns
from shunpike.ledger.counting import held_factor, learned
from shunpike.ledger.learning import merged
from shunpike.protocols import Store
from shunpike.types import Factor, Proof, Settlement

FRESH = 5.0
"""Seconds after which what other processes learned is looked at again; closures of theirs hold at once."""


class Knowledge:
    """Proofs about limits, and factors of token counts. A store that does not learn leaves this process its own."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._read_at: float | None = None
        self._factors: dict[str, Factor] = {}
        self.proofs: dict[str, Proof] = {}

    async def refresh(self) -> None:
        """Look at the store again when it is time. Raises `StoreError`."""
        now = self._clock.monotonic()
        if not isinstance(self._store, Learns) or (self._read_at is not None and now - self._read_at < FRESH):
            return
        self._read_at = now
        self.proofs.update(await self._store.proofs())
        self._factors.update(await self._store.factors())

    def take(self, settlement: Settlement) -> None:
        """Take in what an attempt of this process taught."""
        for lesson in settlement.lessons:
            bucket = lesson.proof.bucket
            self.proofs[bucket] = merged(self.proofs.get(bucket), lesson.proof)
        if settlement.sample is not None:
            model = settlement.sample.model
            self._factors[model] = learned(self._factors.get(model), settlement.sample)

    def factor(self, model: str) -> float:
        """Return by what the estimate of a prompt is multiplied where ``model`` is asked."""
        return held_factor(self._factors.get(model))

    @property
    def factors(self) -> Mapping[str, Factor]:
        """Provider/model → what was learned of its counts."""
        return self._factors
