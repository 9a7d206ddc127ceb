"""Where the decisions of a process are kept: in the place of its ledger, if that can keep them."""

from __future__ import annotations

from shunpike.decisions.database import DatabaseDecisions
from shunpike.decisions.store import DecisionStore, HasDecisions
from shunpike.storage import HasDatabase


def decisions_of(store: object, keep_days: float) -> DecisionStore | None:
    """Return the store of decisions of a ledger's store; None where that keeps a ledger and nothing else."""
    if isinstance(store, HasDecisions):
        return store.decisions
    return DatabaseDecisions(store.database, keep_days) if isinstance(store, HasDatabase) else None
