"""What one process knows of the controls: its requests look, before they are sent and while they wait."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import anyio

from shunpike.clock import Clock
from shunpike.control.overlay import overlaid
from shunpike.control.store import ControlStore
from shunpike.storage.database import SEEN_WITHIN
from shunpike.types.control import UNCONTROLLED, Controls
from shunpike.types.settings import Settings


class Controlled(NamedTuple):
    """Settings of files and variables with ``controls`` laid over them."""

    settings: Settings
    controls: Controls


class Follower:
    """Settings of files and variables, with what an operator changes laid over them, as it is now.

    Args:
        base: What holds where nothing is changed.
        store: None = nothing is ever changed.
        clock: Tells when it is to be looked again.

    """

    def __init__(self, base: Settings, store: ControlStore | None, clock: Clock) -> None:
        self._base = base
        self._store = store
        self._clock = clock
        self._looked_mono: float | None = None
        self._looking: anyio.Event | None = None
        """Set when the look that one of them has begun is over: it wakes all that wait, where a lock is handed on."""
        self.in_force = Controlled(base, UNCONTROLLED)
        """What is known: replaced as a whole, never changed, so that any thread may read it."""

    @property
    def controls(self) -> Controls:
        """The controls in force."""
        return self.in_force.controls

    @property
    def has_looked(self) -> bool:
        """Whether the store has told what is in force, be it some time ago."""
        return self._looked_mono is not None

    def expect_change(self) -> None:
        """Let the next look ask the store, however short ago the last one was: something was changed here."""
        self._looked_mono = None if self._looked_mono is None else -inf

    @property
    def base(self) -> Settings:
        """The settings of files and variables."""
        return self._base

    def rebase(self, base: Settings) -> None:
        """Let other settings of files and variables hold, with what is known of the controls over them."""
        self._base = base
        self.in_force = Controlled(overlaid(base, self.controls), self.controls)

    @property
    def is_due(self) -> bool:
        """Whether a look may have to wait: for the store, or for its turn behind those that wait for one look."""
        return self._store is not None and (self._looking is not None or self._is_old)

    @property
    def _is_old(self) -> bool:
        return self._looked_mono is None or not 0 <= self._clock.monotonic() - self._looked_mono < SEEN_WITHIN

    async def look(self) -> bool:
        """Return whether something has changed since the last look, and is in force from now on.

        Of those that come at once one looks for all, and is told. Raises `StoreError` where the store can't tell: what
        is known stays in force.
        """
        if self._store is None:
            return False
        if self._looking is not None and self._looking.is_set():
            await self._over(self._looking)
        if not self._is_old:
            return await self._look(self._store, self._looked_mono)
        came_mono = self._clock.monotonic()
        while self._looking is not None:
            await self._over(self._looking)
            if (self._looked_mono is not None and self._looked_mono >= came_mono) or not self._is_old:
                return False  # Whoever looked meanwhile has told what was found.
        looking = self._looking = anyio.Event()
        try:
            return await self._look(self._store, self._clock.monotonic())
        finally:
            looking.set()  # The first that goes on forgets it: who comes before that goes on behind all that waited.

    async def _over(self, looking: anyio.Event) -> None:
        await looking.wait()
        if self._looking is looking:
            self._looking = None

    async def _look(self, store: ControlStore, begun_mono: float | None) -> bool:
        revision = await store.revision()
        found = self.controls if revision == self.controls.revision else await store.controls()
        self._looked_mono = begun_mono
        if found == self.controls:
            return False
        self.in_force = Controlled(overlaid(self._base, found), found)
        return True
