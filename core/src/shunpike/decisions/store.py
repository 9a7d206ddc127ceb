"""The protocol of a store of decisions.

``plugins/testkit`` holds any implementation against it: `DecisionContract`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from shunpike.types import Decision

KEEP_DAYS = 30
"""Days for which records are kept, where the settings name no other number."""
PAGE = 1_000
"""Records that are read at once, at most."""
ROOM = 1_000
"""Records that wait to be written, at most: a store that can't be written loses the oldest."""


class DecisionStore(Protocol):
    """Records of requests that have ended. What reads raises `StoreError`."""

    def keep(self, decision: Decision) -> None:
        """Keep the record of a request that has ended, a moment later: nobody waits for it, and nothing is raised.

        It is there for whoever asks this object next. A process that is killed may lose what it kept last.
        """
        ...

    async def of(self, request_id: str) -> Sequence[Decision]:
        """Return the records of a request, oldest first: several, where one was asked again by its id."""
        ...

    async def latest(self, before: float | None = None, limit: int = 100) -> Sequence[Decision]:
        """Return the records of all requests, newest first, those that began before ``before`` where that is given.

        At most `PAGE` are returned.
        """
        ...

    async def flush(self) -> None:
        """Write what is kept and not written yet."""
        ...


@runtime_checkable
class HasDecisions(Protocol):
    """A store of the ledger that comes with a store of decisions."""

    @property
    def decisions(self) -> DecisionStore:
        """The store of decisions, of the same place."""
        ...
