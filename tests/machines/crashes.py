"""Twelve named moments at which a process dies, between the first thought of a reservation and the last checkpoint.

A script: ``crashes.py STORE BOOK REPEATS`` forks a process for each death. A paid provider answers in the process; its
book is a file, written with one system call a line, so that it survives what the process does not. A server makes its
checkpoints itself: on PostgreSQL there are eleven (``test_server_crash.py`` has the twelfth).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import anyio
import apsw
from psycopg import AsyncConnection
from rig import is_file, open_store, write

from shunpike.builtin.plugin import plugin as builtin
from shunpike.builtin.sqlite import SqliteStore
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.storage.sqlite.connection import SqliteConnection
from shunpike.types import Answer, Billing, Budget, Call, Chunk, Money, Price, Settings
from shunpike_postgres.batch import Batch
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

POINTS = (
    "before the reserving commit",
    "after the reserving commit",
    "after connecting",
    "in the middle of the request's body",
    "after sending",
    "after the headers",
    "in the middle of the stream",
    "after the last piece",
    "before settling",
    "before the settling commit",
    "after the settling commit",
    "during the checkpoint",
)
BEFORE_COMMIT = "before the reserving commit", "before the settling commit"
AFTER_COMMIT = "after the reserving commit", "after the settling commit"
SENT = POINTS[4:]
"""Where the provider has the whole request, and bills it."""
STREAMED = POINTS[5:8]
PRICE = Price(prompt=10, completion=20)
BILL = PRICE.of(answer().usage).pico


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


class Doomed(ScriptedBackend):
    """Answers, writes its book, and dies where it is told to."""

    def __init__(self, point: str, book: Path) -> None:
        super().__init__([answer()])
        self._point, self._book = point, book

    def _arrive(self, call: Call) -> None:
        if self._point == "after connecting":
            die()
        write(self._book, "seen", call.attempt_id)
        if self._point == "in the middle of the request's body":
            die()
        write(self._book, "billed", call.attempt_id, BILL)
        if self._point == "after sending":
            die()

    async def complete(self, call: Call) -> Answer:
        self._arrive(call)
        return await super().complete(call)

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[Chunk]]:
        self._arrive(call)
        if self._point == "after the headers":
            die()
        async with super().stream(call) as chunks:
            yield chunks


class DyingFile(apsw.VFSFile):
    """Dies at the first page that a checkpoint writes: without one, the database itself is never written."""

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - its name in SQLite
        if Arm.point == "during the checkpoint" and Arm.armed:
            super().xWrite(bytes(data)[: len(bytes(data)) // 2], offset)
            die()
        super().xWrite(data, offset)


class DyingDisk(apsw.VFS):
    """Gives the main database files that die, and all others as they are."""

    def __init__(self) -> None:
        self._plain = apsw.vfs_names()[0]
        super().__init__("dying", self._plain, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - its name in SQLite
        kind = DyingFile if flags[0] & apsw.SQLITE_OPEN_MAIN_DB else apsw.VFSFile
        return kind(self._plain, name, flags)


class Arm:
    """Whether the next commit is the one."""

    point = ""
    armed = False


def arm_commits() -> None:
    """Die around the next commit, where it is armed."""
    arm_file_commits()
    arm_server_commits()


def arm_server_commits() -> None:
    execute: Callable[..., Any] = AsyncConnection.execute
    deny = Batch._deny

    async def dying_execute(self: AsyncConnection[Any], query: Any, *others: Any, **named: Any) -> Any:
        if query == "COMMIT" and Arm.armed and Arm.point in BEFORE_COMMIT:
            die()
        return await execute(self, query, *others, **named)

    async def dying_deny(self: Batch, *words: Any) -> None:
        await deny(self, *words)
        if Arm.armed and Arm.point in AFTER_COMMIT:
            die()

    AsyncConnection.execute = dying_execute  # type: ignore[method-assign]  # the fail-point
    Batch._deny = dying_deny  # type: ignore[method-assign]  # the fail-point


def arm_file_commits() -> None:
    plain: Callable[..., Any] = SqliteConnection.rows

    def rows(self: SqliteConnection, sql: str, *values: Any) -> Any:
        here = Arm.armed and sql == "COMMIT"
        if here and Arm.point in BEFORE_COMMIT:
            die()
        found = plain(self, sql, *values)
        if here and Arm.point in AFTER_COMMIT:
            die()
        return found

    SqliteConnection.rows = rows  # type: ignore[method-assign]  # the fail-point


def armed(store: SqliteStore | PostgresStore) -> SqliteStore | PostgresStore:
    """Arm what dies around the reservation and the settlement, just before either: other things commit as well."""
    admit, settle = store.admit, store.settle

    async def dying_admit(reservation: Any) -> Any:
        Arm.armed = Arm.point in POINTS[:2]
        return await admit(reservation)

    async def dying_settle(attempt_id: str, settlement: Any) -> bool:
        if Arm.point in ("after the last piece", "before settling"):
            die()
        if Arm.point in POINTS[9:]:
            if Arm.point == "during the checkpoint":
                assert isinstance(store, SqliteStore)
                await store._write(lambda books: books._db.rows("PRAGMA wal_autocheckpoint = 1"))
            Arm.armed = True
        return await settle(attempt_id, settlement)

    store.admit, store.settle = dying_admit, dying_settle  # type: ignore[method-assign]  # the fail-points
    return store


async def live(point: str, url: str, book: Path) -> None:
    """Make one paid call and die on the way."""
    Arm.point = point
    provider = ScriptedProvider("paid", billing=Billing.CARD, price=PRICE)
    provider.backend = Doomed(point, book)
    host, store = Host(), armed(open_store(url, guard=1.0))
    host.register(builtin, "builtin")
    host.register(provider, "paid")
    budget = Budget(amount=Money.usd("1"), period="lifetime")
    client = Client(Settings(allow_paid=True, budgets=(budget,)), host=host, store=store, environ={})
    await store.recover(0.0)
    if point not in STREAMED:
        await client.complete("hello", tag=point)
        return
    async with client.stream("hello", tag=point) as stream:
        async for _ in stream:
            if point == "in the middle of the stream":
                die()


def main(url: str, book: Path, repeats: int) -> None:
    """Let a process die at each point, ``repeats`` times."""
    anyio.run(anyio.lowlevel.checkpoint)  # the event loop is imported once, not in every child
    disk = DyingDisk()
    arm_commits()
    for point in (POINTS if is_file(url) else POINTS[:-1]) * repeats:
        child = os.fork()
        if child == 0:
            anyio.run(live, point, url, book)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            raise SystemExit(f"it did not die {point}")
    disk.unregister()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
