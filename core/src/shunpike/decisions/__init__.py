"""Why each request went where it went, kept after its end: a record of every decision, in the ledger's place."""

from shunpike.decisions.database import DatabaseDecisions
from shunpike.decisions.memory import MemoryDecisions
from shunpike.decisions.place import decisions_of
from shunpike.decisions.store import DecisionStore, HasDecisions

__all__ = ["DatabaseDecisions", "DecisionStore", "HasDecisions", "MemoryDecisions", "decisions_of"]
