"""What one process knows of the controls: looked at whenever it is about to send, never in the background."""

from __future__ import annotations

from shunpike.control.overlay import overlaid
from shunpike.control.store import ControlStore
from shunpike.errors import StoreError
from shunpike.types.control import UNCONTROLLED, Controls
from shunpike.types.settings import Settings


class Follower:
    """Settings of files and variables, with what an operator changes laid over them, as it is now.

    Args:
        base: What holds where nothing is changed.
        store: None = nothing is ever changed.

    """

    def __init__(self, base: Settings, store: ControlStore | None) -> None:
        self._base = base
        self._store = store
        self.controls: Controls = UNCONTROLLED
        """What is known: replaced as a whole, never changed."""

    async def look(self, *, strict: bool = False) -> Settings | None:
        """Return the settings that hold from now on, None where nothing has changed since the last look.

        A store that can't tell leaves what is known in force; with ``strict`` it raises `StoreError`.
        """
        try:
            return await self._look()
        except StoreError:
            if strict:
                raise
            return None

    async def _look(self) -> Settings | None:
        if self._store is None or await self._store.revision() == self.controls.revision:
            return None
        found = await self._store.controls()
        if found == self.controls:
            return None
        self.controls = found
        return overlaid(self._base, found)
