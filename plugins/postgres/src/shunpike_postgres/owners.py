"""Who holds what, and whether it still lives: a lock of its session, which the server frees when a process dies.

Every opened store is an *incarnation* with a row in ``owners`` and an advisory lock of the same number. Death is known
by that lock being free, never by a time-out of ours: a process that was stopped for an hour still owns what it holds,
as long as the server has its connection.
"""

from __future__ import annotations

import os
import socket

from shunpike_postgres.connection import Connection

_CLASS = "'shunpike.owners'::regclass::oid::bigint::bit(32)::integer"
"""The first half of the locks' keys: the table's own number, so that two ledgers in one database do not meet."""

_DEAD = """
SELECT id FROM owners WHERE id <> %s AND NOT EXISTS (
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = 'shunpike.owners'::regclass::oid AND objid = owners.id::oid)
ORDER BY id"""


async def sign_in(connection: Connection, now: float) -> int:
    """Join the list of owners and return the number there; the lock is held before anybody can see the row."""
    async with connection.transaction():
        taken = await connection.execute("SELECT nextval(pg_get_serial_sequence('shunpike.owners', 'id'))")
        row = await taken.fetchone()
        number = 0 if row is None else int(row[0])
        await connection.execute(f"SELECT pg_advisory_lock({_CLASS}, %s)", [number])
        await connection.execute(
            "INSERT INTO owners (id, host, pid, started_at) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s)",
            [number, socket.gethostname(), os.getpid(), now],
        )
    return number


async def sign_out(connection: Connection, owner: int) -> None:
    """Leave the list of owners, unless something is still held: that is left to the next one's recovery.

    The lock is let go here: a session's end takes the server a moment.
    """
    await connection.execute(
        "DELETE FROM owners WHERE id = %s AND NOT EXISTS (SELECT 1 FROM attempts WHERE owner = owners.id)", [owner]
    )
    await connection.execute("SELECT pg_advisory_unlock_all()")


async def dead_owners(connection: Connection, me: int) -> list[int]:
    """Return the owners whose session has ended."""
    return [int(row[0]) for row in await (await connection.execute(_DEAD, [me])).fetchall()]


async def adopt(connection: Connection, old: int, new: int) -> None:
    """Take over what this process held before its connection was lost."""
    async with connection.transaction():
        await connection.execute("UPDATE attempts SET owner = %s WHERE owner = %s", [new, old])
        await connection.execute("DELETE FROM owners WHERE id = %s", [old])
