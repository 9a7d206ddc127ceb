"""What a store asks of the database that it shares with others; SQLite and PostgreSQL are two of them.

A store hands in *work*: a coroutine function that is given a `Transaction`. It is run to its end inside one write
transaction, which it shares with the work of the same call (all of it is kept, or none) and perhaps with that of
others. So it must await nothing but its transaction, change nothing outside of it, and bear to be run again: where
somebody else's work failed, or a connection was lost before the commit, it is.

    async def disable(tx: Transaction) -> int:
        await tx.announce("control")
        return await tx.execute("UPDATE switches SET enabled = 0 WHERE name = ?", name)

    [changed] = await database.transaction(disable)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from shunpike.storage.migrations import Migrations

Value = str | int | float | None
Row = tuple[Any, ...]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

SEEN_WITHIN = 0.2
"""Seconds after which at the latest a process sees what another one has announced."""


class Transaction(Protocol):
    """One transaction. Placeholders are ``?``; every method raises `StoreError`.

    Work must not catch that and go on: the transaction is over, and nothing of it is kept.
    """

    owner: str
    """The name of this process in ``owners.id``. A row that holds it is a lease: see `Recover`."""
    now: float
    """The time that rules, in epoch seconds: where several machines share a database, its clock's."""

    async def rows(self, sql: str, *values: Value) -> list[Row]:
        """Run one statement and return its rows."""
        ...

    async def execute(self, sql: str, *values: Value) -> int:
        """Run one statement and return how many rows it changed."""
        ...

    async def many(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Run one statement for each of ``rows``."""
        ...

    async def announce(self, topic: str) -> None:
        """Let everybody who follows ``topic`` see a change once this transaction is committed."""
        ...


class Work(Protocol[T_co]):
    """A unit of work that a store supplies."""

    def __call__(self, tx: Transaction, /) -> Awaitable[T_co]:
        """Do it; what it raises undoes the whole transaction and is raised to whoever asked for it."""
        ...


Recover = Callable[[Transaction], Awaitable[int]]
"""Takes back every lease whose owner is not in ``owners``: whoever died was taken off it. Returns how many."""
Kept = Callable[[BaseException | None], None]
"""Told what became of work that nobody waits for: None = it is durable, else what went wrong, and nothing is kept."""
LATER = 0.2
"""Seconds after which at the latest a database begins with work that nobody waits for."""
Upkeep = Callable[[Transaction], Awaitable[bool]]
"""Folds or drops some of what is old, now and then; returns whether there is more."""


class Database(Protocol):
    """Owns the connections and the one writer of a process. Opened at the first use. Every method is durable."""

    def enroll(self, migrations: Migrations, *, recover: Recover | None = None, upkeep: Upkeep | None = None) -> None:
        """Take in a store, before it is first used; its tables are brought up to date when it is.

        Args:
            migrations: Of its tables. Enrolling a store again, by another object of the same process, changes nothing.
            recover: Called when it is opened, and in each transaction that takes dead owners off the list.
            upkeep: Called in a transaction of its own, about once an hour.

        """
        ...

    async def transaction(self, *work: Work[Any]) -> tuple[Any, ...]:
        """Do all of ``work`` in one transaction, in order, and return their results; all or nothing.

        It is done even when the caller is cancelled meanwhile. Raises what one of them raises, and `StoreError`.
        """
        ...

    def later(self, work: Work[Any], then: Kept) -> None:
        """Let ``work`` be done while nobody waits: with what is written next, or by itself after `LATER` seconds.

        It is done at the end, too, and not again where it fails. Raises `StoreError` once the database is closed.

        Args:
            work: As in `transaction`; what it returns is not looked at.
            then: Called afterwards, in another thread. It must not wait, and raise nothing.

        """
        ...

    async def read(self, work: Work[T]) -> T:
        """Do ``work``, which only reads, as of one moment, beside the writer. Raises what that raises, `StoreError`."""
        ...

    async def revision(self, topic: str) -> int:
        """Return how often ``topic`` was announced, as it was `SEEN_WITHIN` seconds ago at the oldest.

        What this process has announced is seen at once. Cheap: most calls read nothing. Raises `StoreError`.
        """
        ...

    async def aclose(self) -> None:
        """Finish what is queued and let go of files and connections; calling it again does nothing."""
        ...


@runtime_checkable
class HasDatabase(Protocol):
    """A ledger's store that stands on a database, where other stores may stand too. A store need not be one."""

    @property
    def database(self) -> Database:
        """The database."""
        ...
