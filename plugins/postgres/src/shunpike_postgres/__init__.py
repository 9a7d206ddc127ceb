"""The ledger on PostgreSQL: one set of limits and budgets for many machines."""

from shunpike_postgres.plugin import plugin
from shunpike_postgres.store import PostgresStore

__all__ = ["PostgresStore", "plugin"]
