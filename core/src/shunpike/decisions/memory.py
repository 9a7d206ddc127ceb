"""A store of decisions in this process's memory, which forgets everything at the end: for trials and tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Lock

from typing_extensions import override

from shunpike.decisions.store import PAGE, DecisionStore
from shunpike.decisions.written import discreet
from shunpike.types import Decision

KEPT = 500
"""The last so many records are kept."""


class MemoryDecisions(DecisionStore):
    """For the threads of one process: no other one sees it."""

    def __init__(self, kept: int = KEPT) -> None:
        self._lock = Lock()
        self._records: deque[Decision] = deque(maxlen=kept)

    @override
    def keep(self, decision: Decision) -> None:
        with self._lock:
            self._records.append(discreet(decision))

    @override
    async def of(self, request_id: str) -> Sequence[Decision]:
        return [one for one in self._known() if one.request_id == request_id]

    @override
    async def latest(self, before: float | None = None, limit: int = 100) -> Sequence[Decision]:
        found = [one for one in self._known() if before is None or one.began_at < before]
        return sorted(found, key=lambda one: one.began_at, reverse=True)[: min(limit, PAGE)]

    def _known(self) -> list[Decision]:
        with self._lock:
            return [*self._records]

    @override
    async def flush(self) -> None:
        """Do nothing: it is all there."""
