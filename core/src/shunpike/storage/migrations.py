"""The way of a store's tables from version to version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Migrations:
    """The migration stream of one store, whose tables no other store touches.

    Statements are in SQLite's words: ``INTEGER`` (64 bits), ``REAL``, ``TEXT``, ``STRICT``, ``WITHOUT ROWID``. Another
    database translates them. A step is applied all or nothing, with the note that it was; a process that is killed
    between two of them is followed by one that goes on. A step that a database may have is never changed.
    """

    store: str
    """Unique among the stores of a database, such as ``ledger``."""
    steps: Sequence[Sequence[str]]
    """The statements that lead from version ``n`` to ``n + 1``, from version 0, which has no tables."""

    @property
    def version(self) -> int:
        """The version that the last step leads to."""
        return len(self.steps)
