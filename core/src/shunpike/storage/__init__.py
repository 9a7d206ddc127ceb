"""A database under small stores: one writer, transactions over several stores, migrations, owners, a change feed."""

from shunpike.storage.database import Database, HasDatabase, Row, Transaction, Value, Work
from shunpike.storage.feed import changes
from shunpike.storage.migrations import Migrations

__all__ = ["Database", "HasDatabase", "Migrations", "Row", "Transaction", "Value", "Work", "changes"]
