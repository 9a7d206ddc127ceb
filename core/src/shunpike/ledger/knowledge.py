"""What the ledger has learned and needs at every admission: kept in the store, and here for a few seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import anyio

from shunpike.clock import Clock
from shunpike.ledger.capabilities import Learns
from shunpike.ledger.counting import held_factor, learned
from shunpike.ledger.learning import merged
from shunpike.ledger.refusals import is_bare
from shunpike.ledger.slots import opens_for_test
from shunpike.ledger.windows import CLOCK_SLACK
from shunpike.protocols import Store
from shunpike.types import Block, Factor, Observation, Remaining, Settlement
from shunpike.types.trouble import Troubles

FRESH = 5.0
"""Seconds after which what other processes learned is looked at again; blocks of theirs hold at once."""

_ROUNDING = 1e-6
"""Seconds by which a moment may differ that went to a store, on whose clock it is another one, and came back."""


class Knowledge:
    """Observations of limits and factors of token counts. A store that does not learn leaves this process its own."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._learns = store if isinstance(store, Learns) else None
        self._clock = clock
        self._read_mono: float | None = None
        self._missed = False
        """Whether an attempt of this process taught what only the books know: they are looked at again at once."""
        self._reading = anyio.Lock()
        self._all_know = False
        """Whether everybody who waited while it was read for the first time has gone on."""
        self.factors: dict[str, Factor] = {}
        """Name → what was learned of it, see ``ledger/counting.py``."""
        self.observations: dict[str, Observation] = {}
        self.troubles = Troubles()
        self._blocks: dict[str, Block] = {}
        """Bucket → block, as of the last look, with what this process told since."""

    @property
    def is_known(self) -> bool:
        """Whether nobody need wait for the store: it was looked at a moment ago, or somebody does so again."""
        return self._all_know and (self._is_fresh() or self._reading.locked())

    async def refresh(self) -> None:
        """Look at the store again when it is time. Raises `StoreError`.

        Whoever comes while it is read for the first time waits, and those who wait go on in their order before anybody
        who comes later; later on, with what was known before, nobody need.
        """
        if self._learns is None or self.is_known:
            return
        async with self._reading:
            if not self._is_fresh():
                await self._read(self._learns)
        # The lock is handed on to one after the other: who came later would overtake those that still wait for it.
        self._all_know = self._all_know or not self._reading.locked()

    async def _read(self, store: Learns) -> None:
        read_mono, self._missed = self._clock.monotonic(), False
        observations, factors = await store.observations(), await store.factors()
        closed = await self._store.closed(self._clock.now())
        self._bring(observations, factors)
        self._blocks = dict(closed)
        self.troubles = Troubles(read_mono, {name: one for name, one in closed.items() if one.failures})
        self._read_mono = read_mono

    def _is_fresh(self) -> bool:
        if self._read_mono is None or self._missed:
            return False
        return self._clock.monotonic() - self._read_mono < FRESH

    def _bring(self, observations: Mapping[str, Observation], factors: Mapping[str, Factor]) -> None:
        """Take what the store knows, unless an attempt of this process taught something newer while it was read."""
        latest = self._clock.now() + CLOCK_SLACK
        for bucket, observation in observations.items():
            known = self.observations.get(bucket)
            if known is None or not observation.at + _ROUNDING < known.at <= latest:
                self.observations[bucket] = observation
        for name, factor in factors.items():
            ours = self.factors.get(name)
            if ours is None or not factor.at < ours.at <= latest:
                self.factors[name] = factor

    def take(self, settlement: Settlement) -> None:
        """Take in what an attempt of this process taught."""
        now = max(self._clock.now(), settlement.at)
        self._blocks.update({one.bucket: one for one in settlement.blocks})
        for bucket in settlement.opens:
            self._blocks.pop(bucket, None)
        for update in settlement.limit_updates:
            bucket = update.observation.bucket
            self.observations[bucket] = merged(self.observations.get(bucket), update.observation, now)
            if is_bare(update.observation):
                # What it shows of the figure is told by the books alone.
                self._missed = True
        for sample in settlement.samples:
            self.factors[sample.name] = learned(self.factors.get(sample.name), sample)

    def seen(self, left: Remaining, gates: Iterable[str], now: float) -> Remaining:
        """Return what is left with until when it, or one of the gates before it, is blocked, and its overages."""
        blocks = [one for name in (left.bucket, *gates) if (one := self._blocks.get(name)) is not None]
        until = max((opens_for_test(one, now) for one in blocks if one.until > now), default=now)
        observation = self.observations.get(left.bucket)
        overages = 0 if observation is None else observation.overages
        if until <= now and not overages:
            return left
        return left.model_copy(update={"blocked_until": until if until > now else None, "overages": overages})

    def factor(self, model: str) -> float:
        """Return by what the estimate of a prompt is multiplied where ``model`` is asked."""
        return held_factor(self.factors.get(model))
