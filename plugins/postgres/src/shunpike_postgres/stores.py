"""The stores that stand on this database: their tables, what their dead owners held, what of them is old."""

from __future__ import annotations

from typing import NamedTuple

from shunpike.storage import Migrations, Transaction
from shunpike.storage.database import Recover, Upkeep
from shunpike_postgres.address import Address
from shunpike_postgres.connection import Connection
from shunpike_postgres.schema import DATABASE
from shunpike_postgres.versions import migrate


class _Store(NamedTuple):
    migrations: Migrations
    recover: Recover | None
    upkeep: Upkeep | None


class Stores:
    """Taken in by any thread, used by the worker's."""

    def __init__(self) -> None:
        self._known: dict[str, _Store] = {DATABASE.store: _Store(DATABASE, None, None)}
        self._up_to_date = 0

    def enroll(self, migrations: Migrations, recover: Recover | None, upkeep: Upkeep | None) -> None:
        """Take in a store; one that is in already stays as it is."""
        self._known.setdefault(migrations.store, _Store(migrations, recover, upkeep))

    @property
    def are_behind(self) -> bool:
        """Whether some were taken in since they were brought up to date."""
        return self._up_to_date < len(self._known)

    @property
    def have_leases(self) -> bool:
        """Whether a store may hold something for as long as this process lives."""
        return any(one.recover is not None for one in list(self._known.values()))

    async def bring_up(self, connection: Connection, address: Address) -> None:
        """Bring all tables up to date. Raises `psycopg.Error`, `StoreError` for one of a newer shunpike."""
        known = list(self._known.values())
        await migrate(connection, address, [store.migrations for store in known])
        self._up_to_date = len(known)

    async def recover(self, transaction: Transaction) -> int:
        """Take back what is held by nobody any more; return how much that was."""
        done = [await one.recover(transaction) for one in self._brought_up() if one.recover is not None]
        return sum(done)

    async def keep_small(self, transaction: Transaction) -> bool:
        """Fold or drop some of what is old; return whether there is more."""
        done = [await one.upkeep(transaction) for one in self._brought_up() if one.upkeep is not None]
        return any(done)

    def _brought_up(self) -> list[_Store]:
        return list(self._known.values())[: self._up_to_date]
