"""The ledger on PostgreSQL: one set of limits and budgets for many machines."""

from shunpike_postgres.plugin import plugin

__all__ = ["plugin"]
