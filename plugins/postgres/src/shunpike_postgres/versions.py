"""The versions of the stores' tables, and the way from one to the next: a copy first, then all steps or none.

The whole way is one transaction under one lock: a process that is killed on it leaves what was there, and the next one
begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import LiteralString

from psycopg.sql import SQL, Identifier

from shunpike.errors import StoreError
from shunpike.storage import Migrations
from shunpike_postgres.address import Address
from shunpike_postgres.connection import Connection
from shunpike_postgres.schema import ADOPTED, ADOPTION, TUNING
from shunpike_postgres.words import definition

_LOCK = 0x53_48_50_4B
"""The advisory lock under which tables are made and changed."""
_MIGRATIONS = """
CREATE TABLE migrations (
    store TEXT NOT NULL, version BIGINT NOT NULL, applied_at TIMESTAMPTZ NOT NULL, PRIMARY KEY (store, version)
)"""
_NOTE = "INSERT INTO migrations (store, version, applied_at) VALUES (%s, %s, now())"
_ALIVE = """
SELECT host, pid FROM shunpike.owners WHERE EXISTS (
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = 'shunpike.owners'::regclass::oid AND objid = owners.id::oid)
ORDER BY id"""
"""The owners of a ledger that is alone, as far as they live."""
_ALONE = "alone"
"""What stands for the ledger's version while it was the only store, and its migrations had no name."""


async def migrate(connection: Connection, address: Address, streams: Iterable[Migrations]) -> None:
    """Bring the tables of ``streams`` up to date. Raises `psycopg.Error`, and `StoreError` for a newer shunpike."""
    streams = list(streams)
    if not _behind(await _versions(connection), streams, address):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        found = await _versions(connection)
        adopted = _ALONE in found
        if adopted:
            await _adopt(connection, found, address)
        elif not await _columns(connection):
            # Not IF NOT EXISTS first: that needs a right which a user of a schema that is there need not have.
            await connection.execute("CREATE SCHEMA IF NOT EXISTS shunpike")
            await connection.execute(_MIGRATIONS)
        found = await _versions(connection)
        for stream in _behind(found, streams, address):
            version = found.get(stream.store, 0)
            if version and not adopted:  # Else all was copied before.
                await _back_up(connection, f"{stream.store}_{version}")
            for number, statements in enumerate(stream.steps[version:], start=version + 1):
                for statement in (*map(definition, statements), *TUNING.get((stream.store, number), ())):
                    await connection.execute(statement)
                await connection.execute(_NOTE, [stream.store, number])


def _behind(found: Mapping[str, int], streams: Iterable[Migrations], address: Address) -> list[Migrations]:
    """Return the streams that have steps to go. Raises `StoreError` where one is further than it is known to go."""
    for stream in streams:
        version = found.get(stream.store, 0)
        if version > stream.version:
            raise StoreError(
                f"{address} was written by a newer shunpike: its {stream.store} has version {version}, this one knows"
                f" {stream.version}",
                hint="upgrade shunpike on this machine, or name another database in store = …",
            )
    return [stream for stream in streams if found.get(stream.store, 0) < stream.version]


async def _columns(connection: Connection) -> set[str]:
    """Return the columns of the list of versions, none where there is no such list."""
    # A name alone (``to_regclass``) is looked up in what this session has kept since before it waited for the lock.
    cursor = await connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'shunpike' AND table_name = 'migrations'"
    )
    return {name for (name,) in await cursor.fetchall()}


async def _versions(connection: Connection) -> dict[str, int]:
    columns = await _columns(connection)
    if not columns:
        return {}
    sql: LiteralString = "SELECT store, max(version) FROM shunpike.migrations GROUP BY 1"
    if "store" not in columns:
        sql = f"SELECT '{_ALONE}', coalesce(max(version), 0) FROM shunpike.migrations"  # noqa: S608 - a constant
    return {store: int(version) for store, version in await (await connection.execute(sql)).fetchall()}


async def _adopt(connection: Connection, found: Mapping[str, int], address: Address) -> None:
    """Make one of several stores of a ledger that was alone. Raises `StoreError` for one of an older version."""
    if found[_ALONE] != ADOPTED:
        raise StoreError(
            f"{address} was written by another version of shunpike, before the first release: its schema is"
            f" {found[_ALONE]}",
            hint="name another database in store = …",
        )
    await _check_alone(connection, address)
    await _back_up(connection, f"ledger_{ADOPTED}")
    await connection.execute("DROP TABLE migrations")
    await connection.execute(_MIGRATIONS)
    for statement in ADOPTION:
        await connection.execute(statement)
    for store in ("database", "ledger"):
        await connection.execute(_NOTE, [store, 1])


async def _check_alone(connection: Connection, address: Address) -> None:
    """Raise `StoreError` while a process lives that can't work with what is made of its tables."""
    alive = await (await connection.execute(_ALIVE)).fetchall()
    if alive:
        who = ", ".join(f"{pid} on {host.partition('/')[0]}" for host, pid in alive)
        raise StoreError(
            f"an older shunpike still uses {address}: process {who}",
            hint="stop it first: it could not book what it sends any more",
        )


async def _back_up(connection: Connection, name: str) -> None:
    """Copy all tables as they are into a schema of their own, whose name nothing has yet."""
    plain = copy = f"shunpike_before_{name}"
    number = 1
    while await (await connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [copy])).fetchone():
        number += 1
        copy = f"{plain}_{number}"
    await connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(copy)))
    tables = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'shunpike'")
    for (table,) in await tables.fetchall():
        source, target = Identifier("shunpike", table), Identifier(copy, table)
        await connection.execute(SQL("CREATE TABLE {} AS TABLE {}").format(target, source))
