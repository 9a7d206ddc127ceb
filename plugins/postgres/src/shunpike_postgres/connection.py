"""Connections to the database, and what is said when something is wrong with one."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from shunpike.errors import StoreError
from shunpike_postgres.address import Address

Row = tuple[Any, ...]
Connection = AsyncConnection[Row]
Cursor = AsyncCursor[Row]

CONNECT_TIMEOUT = 10.0
"""Seconds until a server that does not answer is given up."""
STALE_AFTER = 5.0
"""Seconds after which the server ends a transaction, one of milliseconds, whose process stands still in the middle."""
LOCK_TIMEOUT = 20.0
"""Seconds to wait for another process's transaction before giving up: long enough for some that stand still in turn."""
PATIENCE = LOCK_TIMEOUT + 10.0
"""Seconds until a server that does not answer is taken for lost, in the middle of what was asked of it."""
READING = 60.0
"""Seconds that a reader may take: a total over years, not a line that is dead."""
QUICK = 3.0
"""Seconds for an answer that takes the server no work at all."""
HEARTBEAT = 5.0
"""Seconds until a process that holds something looks whether its connection still stands."""
READERS = 4

_ALIVE: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": round(PATIENCE * 1000),
}
"""When a line is dead: no answer to probes while nothing is sent, no receipt for what was sent (milliseconds)."""

# What the library says of a lost line we say ourselves, once, with the next step; who wants its words sets up logging.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_FATAL = re.compile(r"FATAL:\s+([^\n]+)")

_SPEECH: tuple[tuple[type[psycopg.Error], str, str], ...] = (
    (errors.InsufficientPrivilege, "does not allow this user to keep a ledger", "grant CREATE on the database to it"),
    (errors.DiskFull, "can't write: its disk is full", "free some space; nothing is sent until then"),
    (errors.ReadOnlySqlTransaction, "can't be written: it is a standby", "name the primary in the address"),
    (errors.LockNotAvailable, "was locked by another process for too long", "see what holds it: pg_stat_activity"),
)


@contextmanager
def patience(connection: Connection, seconds: float) -> Iterator[None]:
    """Cut the connection where this takes longer: the server is there, perhaps, but says nothing any more.

    The library, cancelled, would wait for the answer all the same; of a line that is cut it hears at once.
    """
    watch = asyncio.get_running_loop().call_later(seconds, _cut, connection)
    try:
        yield
    finally:
        watch.cancel()


def _cut(connection: Connection) -> None:
    if connection.closed:
        return
    line = socket.socket(fileno=connection.fileno())
    try:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
    finally:
        line.detach()


async def _still_there(connection: Connection) -> None:
    with patience(connection, QUICK):
        await AsyncConnectionPool.check_connection(connection)


def said(address: Address, error: BaseException) -> StoreError:
    """Return ``error`` as a `StoreError` with the next step, without anything secret."""
    for kind, what, hint in _SPEECH:
        if isinstance(error, kind):
            return StoreError(f"the ledger {address} {what}", hint=hint)
    if isinstance(error, psycopg.OperationalError | PoolTimeout | OSError):
        # While a connection is made the library has no codes, but the server's own last words say what it is.
        words = _FATAL.search(str(error))
        why = f": {words[1]}" if words else ""
        return StoreError(f"the ledger {address} can't be reached{why}", hint=f"try: psql {address}   or: pg_isready")
    state = getattr(error, "sqlstate", None) or type(error).__name__
    return StoreError(f"the ledger {address} failed ({state})", hint="run: shunpike doctor")


async def connect(address: Address) -> Connection:
    """Return a connection, still to be `prepare`d. Raises `psycopg.Error`."""
    return await AsyncConnection.connect(
        address.conninfo,
        autocommit=True,
        connect_timeout=round(CONNECT_TIMEOUT),
        application_name="shunpike",
        **_ALIVE,
    )


async def prepare(connection: Connection) -> None:
    """Make the session's settings: it is in the ledger's own schema then."""
    settings = {
        "search_path": "shunpike",
        "synchronous_commit": "on",
        "lock_timeout": f"{LOCK_TIMEOUT * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{STALE_AFTER * 1000:.0f}",
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }
    async with connection.pipeline():
        for name, value in settings.items():
            await connection.execute("SELECT set_config(%s, %s, false)", [name, value])


def reading_pool(address: Address) -> AsyncConnectionPool[Connection]:
    """Return the pool that is read through; it is closed, and empty when nobody reads."""
    return AsyncConnectionPool(
        address.conninfo,
        min_size=0,
        max_size=READERS,
        open=False,
        timeout=CONNECT_TIMEOUT,
        # A server that is back is read from again at once, not when the pool's patience ends.
        reconnect_timeout=0.5,
        check=_still_there,
        configure=prepare,
        kwargs={
            "autocommit": True,
            "connect_timeout": round(CONNECT_TIMEOUT),
            "application_name": "shunpike",
            **_ALIVE,
        },
    )
