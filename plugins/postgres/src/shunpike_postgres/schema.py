"""The schema, as it is in SQLite (``shunpike.ledger.schema``) but for the types, and the way from version to version.

Money is BIGINT pico-dollars, times are epoch seconds. A bucket's ``used`` is at every commit the sum of the holds of
its attempts and of its slots; ``ceiling`` is what it was last allowed to hold, so that the database itself refuses an
admission that the code above got wrong.
"""

from __future__ import annotations

import psycopg

from shunpike.errors import StoreError
from shunpike_postgres.address import Address
from shunpike_postgres.connection import Connection

_LOCK = 0x53_48_50_4B
"""The advisory lock under which the schema is changed."""

_VERSION_1 = """
CREATE TABLE buckets (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    unit TEXT NOT NULL,
    "window" TEXT NOT NULL,
    used BIGINT NOT NULL DEFAULT 0 CHECK (used >= 0),
    in_flight BIGINT NOT NULL DEFAULT 0 CHECK (in_flight BETWEEN 0 AND used),
    ceiling BIGINT NOT NULL DEFAULT 0,
    counts TEXT NOT NULL DEFAULT 'used' CHECK (counts IN ('used', 'reserved')),
    CHECK (used <= ceiling)
) WITH (fillfactor = 50);
CREATE TABLE owners (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at DOUBLE PRECISION NOT NULL,
    dead_since DOUBLE PRECISION
);
CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    model TEXT NOT NULL,
    served_model TEXT,
    owner INTEGER REFERENCES owners (id),
    state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released', 'unconfirmed')),
    funds TEXT NOT NULL CHECK (funds IN ('free', 'credit', 'paid')),
    outcome TEXT,
    started_at DOUBLE PRECISION NOT NULL,
    ended_at DOUBLE PRECISION,
    held_prompt BIGINT NOT NULL CHECK (held_prompt >= 0),
    held_output BIGINT NOT NULL CHECK (held_output >= 0),
    prompt_tokens BIGINT NOT NULL DEFAULT 0 CHECK (prompt_tokens >= 0),
    completion_tokens BIGINT NOT NULL DEFAULT 0 CHECK (completion_tokens >= 0),
    cached_tokens BIGINT NOT NULL DEFAULT 0 CHECK (cached_tokens >= 0),
    reasoning_tokens BIGINT NOT NULL DEFAULT 0 CHECK (reasoning_tokens >= 0),
    basis TEXT,
    worst_pico BIGINT NOT NULL CHECK (worst_pico >= 0),
    cost_pico BIGINT NOT NULL CHECK (cost_pico >= 0),
    list_pico BIGINT CHECK (list_pico >= 0),
    breach_pico BIGINT NOT NULL DEFAULT 0 CHECK (breach_pico >= 0),
    breach_tokens BIGINT NOT NULL DEFAULT 0 CHECK (breach_tokens >= 0),
    sent INTEGER NOT NULL DEFAULT 1 CHECK (sent IN (0, 1)),
    overages INTEGER NOT NULL DEFAULT 0 CHECK (overages >= 0),
    tag TEXT,
    holds TEXT,
    CHECK ((state = 'held') = (owner IS NOT NULL)),
    CHECK ((state = 'held') = (holds IS NOT NULL)),
    CHECK ((state = 'held') = (ended_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX attempts_by_start ON attempts (started_at);
CREATE INDEX attempts_by_owner ON attempts (owner) WHERE owner IS NOT NULL;
CREATE INDEX attempts_unconfirmed ON attempts (started_at) WHERE state = 'unconfirmed';
CREATE TABLE slots (
    bucket INTEGER NOT NULL REFERENCES buckets (id),
    expires_at DOUBLE PRECISION NOT NULL,
    attempt TEXT NOT NULL DEFAULT '',
    amount BIGINT NOT NULL CHECK (amount > 0),
    PRIMARY KEY (bucket, expires_at, attempt)
);
CREATE INDEX slots_by_attempt ON slots (attempt) WHERE attempt <> '';
CREATE TABLE closures (
    bucket TEXT PRIMARY KEY,
    until DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE evidence (
    bucket TEXT PRIMARY KEY,
    amount BIGINT CHECK (amount >= 0),
    remaining BIGINT CHECK (remaining >= 0),
    resets_at DOUBLE PRECISION,
    at DOUBLE PRECISION NOT NULL,
    confidence TEXT NOT NULL,
    origin TEXT NOT NULL,
    overages INTEGER NOT NULL DEFAULT 0 CHECK (overages >= 0)
);
CREATE TABLE factors (
    name TEXT PRIMARY KEY,
    mean DOUBLE PRECISION NOT NULL CHECK (mean > 0),
    deviation DOUBLE PRECISION NOT NULL CHECK (deviation >= 0),
    samples INTEGER NOT NULL CHECK (samples > 0),
    at DOUBLE PRECISION NOT NULL DEFAULT 0
);
CREATE TABLE reconciled (
    attempt TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    before_pico BIGINT NOT NULL CHECK (before_pico >= 0),
    after_pico BIGINT NOT NULL CHECK (after_pico >= 0),
    note TEXT NOT NULL
);
CREATE TABLE totals (
    day INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    tag TEXT NOT NULL DEFAULT '',
    requests BIGINT NOT NULL,
    answered BIGINT NOT NULL,
    released BIGINT NOT NULL,
    unconfirmed BIGINT NOT NULL,
    overages BIGINT NOT NULL DEFAULT 0,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    cost_pico BIGINT NOT NULL CHECK (cost_pico >= 0),
    credit_pico BIGINT NOT NULL CHECK (credit_pico >= 0),
    list_pico BIGINT NOT NULL CHECK (list_pico >= 0),
    PRIMARY KEY (day, provider, model, tag)
)"""

_VERSION_2 = """
ALTER TABLE closures ADD COLUMN at DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE closures ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE closures ADD COLUMN test_at DOUBLE PRECISION;
ALTER TABLE closures ADD COLUMN tester TEXT;
CREATE TABLE reopened (
    bucket TEXT NOT NULL,
    until DOUBLE PRECISION NOT NULL,
    reason TEXT NOT NULL,
    closed_at DOUBLE PRECISION NOT NULL,
    origin TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    who TEXT NOT NULL,
    note TEXT NOT NULL
);
ALTER TABLE evidence ADD COLUMN unlisted TEXT;
ALTER TABLE evidence ADD COLUMN bound TEXT"""

_VERSION_3 = """
ALTER TABLE closures ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evidence ADD COLUMN span TEXT"""

MIGRATIONS: tuple[str, ...] = (_VERSION_1, _VERSION_2, _VERSION_3)
"""What leads from each version of the schema to the next; one that a ledger may have is never changed."""


async def migrate(connection: Connection, address: Address) -> None:
    """Bring the schema up to date, all or nothing. Raises `StoreError` for one of a newer shunpike."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if not await _exists(connection):
            # Not IF NOT EXISTS first: that needs a right which a user of a ledger that is there need not have.
            await connection.execute("CREATE SCHEMA IF NOT EXISTS shunpike")
            await connection.execute("CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMPTZ)")
        version = await _version(connection)
        if version > len(MIGRATIONS):
            raise StoreError(
                f"the ledger {address} was written by a newer shunpike: its schema is {version}, this one knows"
                f" {len(MIGRATIONS)}",
                hint="upgrade shunpike on this machine, or name another database in store = …",
            )
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            await connection.execute(statements)
            await connection.execute("INSERT INTO migrations VALUES (%s, now())", [number])


async def _exists(connection: Connection) -> bool:
    row = await (await connection.execute("SELECT to_regclass('shunpike.migrations') IS NOT NULL")).fetchone()
    return row is not None and bool(row[0])


async def _version(connection: Connection) -> int:
    row = await (await connection.execute("SELECT coalesce(max(version), 0) FROM migrations")).fetchone()
    if row is None:
        raise psycopg.DataError("no version")
    return int(row[0])
