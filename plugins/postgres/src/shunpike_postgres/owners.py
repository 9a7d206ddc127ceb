"""Who holds what, and whether it still lives: a lock of its session, which the server frees when a process dies.

Every opened database is an *owner*: a row with a name that stays, and the number of an advisory lock of its session.
While it has the lock it lives: a process that was stopped for an hour still owns what it holds, as long as the server
has its line. A connection that is made anew takes a new number: the old line may not have been given up yet.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import LiteralString

from shunpike_postgres.connection import CONNECT_TIMEOUT, HEARTBEAT, PATIENCE, Connection

_CLASS = "'shunpike.owners'::regclass::oid::bigint::bit(32)::integer"
"""The first half of the locks' keys: the table's own number, so that two ledgers in one database do not meet."""

_LIVING = """
SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = 'shunpike.owners'::regclass::oid"""
_DEAD: LiteralString = f"""
SELECT number, host, pid, dead_since FROM owners
WHERE id <> %s AND number NOT IN ({_LIVING}) ORDER BY number"""  # noqa: S608 - a constant

_SIGN_IN = """
INSERT INTO owners (id, number, host, pid, started_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET number = excluded.number, host = excluded.host, pid = excluded.pid, dead_since = NULL"""

GRACE = HEARTBEAT + PATIENCE + CONNECT_TIMEOUT
"""Seconds for an owner whose connection was lost to come back: to look, to give the line up, and to make another."""
SIGNED_OUT = 0.0
"""Since when an owner is dead that said so itself."""


def _host() -> str:
    """Name where process numbers mean the same: the machine, and in a container the container."""
    with suppress(OSError):
        return f"{socket.gethostname()}/{Path('/proc/self/ns/pid').stat().st_ino}"
    return socket.gethostname()


def _has_ended(host: str, pid: int) -> bool:
    """Tell whether it is certain, seen from here, that the process is no more."""
    if os.name != "posix" or host != _host():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


async def sign_in(connection: Connection, me: str, now: float) -> int:
    """Join the list of owners, or be back on it, and return the number there.

    The lock is held before anybody can see the number.
    """
    async with connection.transaction():
        taken = await connection.execute("SELECT nextval(pg_get_serial_sequence('shunpike.owners', 'number'))")
        row = await taken.fetchone()
        number = 0 if row is None else int(row[0])
        await connection.execute(f"SELECT pg_advisory_lock({_CLASS}, %s)", [number])
        await connection.execute(_SIGN_IN, [me, number, _host(), os.getpid(), now])
    return number


async def sign_out(connection: Connection, me: str, doubted: int | None) -> None:
    """Leave the list of owners, unless something is still held: that is left to the next one's recovery.

    The lock is let go here: a session's end takes the server a moment. Where something may still be admitted over the
    line that had the number ``doubted``, the owner stays on the list, and lives as long as that does.
    """
    if doubted is not None:
        await connection.execute("UPDATE owners SET number = %s WHERE id = %s", [doubted, me])
        return
    await connection.execute(
        "DELETE FROM owners WHERE id = %s AND NOT EXISTS (SELECT 1 FROM attempts WHERE owner = owners.id)", [me]
    )
    await connection.execute("UPDATE owners SET dead_since = %s WHERE id = %s", [SIGNED_OUT, me])
    await connection.execute("SELECT pg_advisory_unlock_all()")


async def living_numbers(connection: Connection) -> set[int]:
    """Return the numbers whose lines have not ended at the server: what was sent over one may still be done."""
    return {int(number) for (number,) in await (await connection.execute(_LIVING)).fetchall()}


async def dead_owners(connection: Connection, me: str, now: float) -> list[int]:
    """Return the numbers of the owners that will not come back, and note down since when the others are missed.

    A session that ended is no observation: the server may have been restarted, the line cut. Its process is given time,
    unless it ran here and is gone, or signed out itself.
    """
    dead, missed = list[int](), list[int]()
    for number, host, pid, since in await (await connection.execute(_DEAD, [me])).fetchall():
        if _has_ended(host, pid) or (since is not None and since <= now - GRACE):
            dead.append(int(number))
        elif since is None:
            missed.append(int(number))
    if missed:
        await connection.execute(
            "UPDATE owners SET dead_since = %s WHERE number = ANY(%s) AND dead_since IS NULL", [now, missed]
        )
    return dead
