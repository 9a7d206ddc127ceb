"""Where the decisions of a process are kept: in the place of its ledger, if that can keep them."""

from __future__ import annotations

from threading import Lock
from weakref import WeakValueDictionary

from shunpike.decisions.database import DatabaseDecisions
from shunpike.decisions.store import DecisionStore, HasDecisions
from shunpike.storage import Database, HasDatabase

_lock = Lock()
_known: WeakValueDictionary[int, DatabaseDecisions] = WeakValueDictionary()
"""Identity of a database → its records: those who share it, in several event loops, see at once what each has kept."""


def decisions_of(store: object, keep_days: float) -> DecisionStore | None:
    """Return the store of decisions of a ledger's store; None where that keeps a ledger and nothing else."""
    if isinstance(store, HasDecisions):
        return store.decisions
    return _shared(store.database, keep_days) if isinstance(store, HasDatabase) else None


def _shared(database: Database, keep_days: float) -> DatabaseDecisions:
    with _lock:
        found = _known.get(id(database))
        if found is None:
            found = _known[id(database)] = DatabaseDecisions(database, keep_days)
        return found
