"""The file as the writing thread has it: its connection, its lock as an owner, and what its stores keep in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from shunpike.clock import Clock
from shunpike.errors import StoreError
from shunpike.storage.database import Recover, Upkeep, Work
from shunpike.storage.migrations import Migrations
from shunpike.storage.sqlite.connection import Patience, SqliteConnection
from shunpike.storage.sqlite.creation import create, tidy
from shunpike.storage.sqlite.file import is_new, real_path
from shunpike.storage.sqlite.owners import FileOwner, Incarnation, forget, is_alive, sweep
from shunpike.storage.sqlite.schema import DATABASE, migrate
from shunpike.storage.sqlite.transaction import SqliteTransaction, run

UPKEEP_EVERY = 3_600.0
"""Seconds between two rounds of upkeep."""


class Keeper(Protocol):
    """What a store keeps in memory of its tables between two transactions. Called in the writing thread."""

    def begin(self) -> None:
        """Look whether others have changed them. Called first in every transaction."""
        ...

    def flush(self) -> None:
        """Write what changed. Called last in every transaction."""
        ...

    def forget(self) -> None:
        """Drop what is known: a transaction was rolled back."""
        ...


@dataclass
class Enrolled:
    """A store of the file."""

    migrations: Migrations
    recover: Recover | None = None
    upkeep: Upkeep | None = None
    keep: Callable[[Session], Keeper] | None = None
    """Makes its keeper, in a transaction."""


class Session:
    """Opened at the first use. Every method is called in the writing thread, and raises `StoreError`.

    Args:
        stores: Those enrolled; more may follow.
        published: Topic → revision, for other threads to see what this one has announced.

    """

    def __init__(
        self, path: Path, patience: Patience, clock: Clock, stores: Sequence[Enrolled], published: dict[str, int]
    ) -> None:
        self._path = real_path(path)
        self._clock = clock
        self._stores = stores
        self._published = published
        self._ready: list[Enrolled] = []
        self._keepers: list[Keeper] = []
        self._tx: SqliteTransaction | None = None
        self._announced: dict[str, int] = {}
        self._upkeep_at = clock.now()
        stores = list(self._stores)  # more may follow while these are brought up
        streams = [DATABASE, *(one.migrations for one in stores)]
        if is_new(self._path):
            create(path, self._path, streams, self._upkeep_at)
        else:
            tidy(self._path)
        with ExitStack() as failed:
            self.connection = SqliteConnection(path, patience=patience)
            failed.callback(self.connection.close)
            migrate(self.connection, self._path, streams, self._upkeep_at)
            self.owner = Incarnation(self._path)
            failed.callback(self.owner.close, forget=True)
            with self._transaction():
                self._enter(stores)
            failed.pop_all()

    def _enter(self, stores: Sequence[Enrolled]) -> None:
        owner = self.owner
        sql = "INSERT INTO owners (id, pid, started_at, process, lock) VALUES (?, ?, ?, ?, ?)"
        self.connection.rows(sql, owner.id, owner.pid, self._upkeep_at, owner.process, owner.lock)
        self._prepare(stores)
        self.recover()
        self.flush()
        sweep(self._path)

    def _prepare(self, stores: Sequence[Enrolled]) -> None:
        """Take in those of ``stores``, which all have their tables, that were enrolled since."""
        for one in stores[len(self._ready) :]:
            self._ready.append(one)
            if one.keep is not None:
                self._keepers.append(one.keep(self))
                self._keepers[-1].begin()
            self._take_back([one])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit durably what is done inside, with `flush` at its end, or roll back on an exception."""
        stores = list(self._stores)
        if len(self._ready) < len(stores):
            migrate(self.connection, self._path, [one.migrations for one in stores], self._clock.now())
        with self._transaction():
            self._prepare(stores)
            yield

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._tx, self._announced = None, {}
        ready = len(self._ready), len(self._keepers)
        try:
            with self.connection.transaction():
                for keeper in self._keepers:
                    keeper.begin()
                if self.owner.keep():
                    self.connection.rows("UPDATE owners SET lock = ? WHERE id = ?", self.owner.lock, self.owner.id)
                yield
        except BaseException:
            del self._ready[ready[0] :], self._keepers[ready[1] :]
            for keeper in self._keepers:
                keeper.forget()
            raise
        self._published.update(self._announced)

    def flush(self) -> None:
        """Let the stores write what changed of what they keep in memory."""
        for keeper in self._keepers:
            keeper.flush()

    @property
    def tx(self) -> SqliteTransaction:
        """What work is given in the present transaction."""
        if self._tx is None:
            self._tx = SqliteTransaction(self.connection, self.owner.id, self._clock.now(), self._announced)
        return self._tx

    def run(self, work: Sequence[Work[Any]]) -> tuple[Any, ...]:
        """Do all of ``work`` in the present transaction."""
        return tuple(run(one(self.tx)) for one in work)

    def recover(self) -> int:
        """Take dead owners off the list, and let the stores take back what those held; return how much that was."""
        dead = []
        for row in self.connection.rows("SELECT id, process, lock FROM owners WHERE id <> ?", self.owner.id):
            if not is_alive(self._path, owner := FileOwner(*row)):
                dead.append(owner.id)
        if dead:
            # A file of the first version does not let go of an owner of whom a row still speaks.
            self.connection.rows("PRAGMA defer_foreign_keys = ON")
            self.connection.many("DELETE FROM owners WHERE id = ?", [(name,) for name in dead])
        recovered = self._take_back(self._ready)
        for name in dead:
            forget(self._path, name)
        return recovered

    def _take_back(self, stores: Sequence[Enrolled]) -> int:
        return sum(run(one.recover(self.tx)) for one in stores if one.recover is not None)

    def rest(self) -> None:
        """Let other processes have their turn; do the upkeep once an hour."""
        self.connection.rest()
        now = self._clock.now()
        if abs(now - self._upkeep_at) >= UPKEEP_EVERY:
            self._upkeep_at = now
            more = False
            for one in self._ready:
                if one.upkeep is not None:
                    with self.transaction():
                        more = run(one.upkeep(self.tx)) or more
                        self.flush()
            if more:
                self._upkeep_at = now - UPKEEP_EVERY

    def close(self) -> None:
        """Leave the list of owners, unless something is still held: that is left to the next one's recovery."""
        gone = False
        # A disk that fails at the end changes nothing for anybody: the free lock tells that this owner has gone.
        with suppress(StoreError), self.connection.transaction():
            self.connection.rows("DELETE FROM owners WHERE id = ?", self.owner.id)
            gone = True
        with suppress(StoreError):
            self.connection.close()
        self.owner.close(forget=gone)
