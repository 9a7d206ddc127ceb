"""What the storage code asks of a connection, and the schema that it works on.

Money is in integer pico-dollars, times are epoch seconds. A bucket's ``used`` is at every commit the sum of its slots:
both change in one transaction, `check` compares them. ``ceiling`` is what the bucket was last allowed to hold, so that
the database itself refuses an admission that the code above got wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from shunpike.errors import StoreError

Value = str | int | float | None
Row = tuple[Any, ...]

APPLICATION_ID = 0x53_48_50_4B
"""Marks a file as a shunpike ledger in its header."""


class Connection(Protocol):
    """An open database. Every method raises `StoreError`."""

    def rows(self, sql: str, *values: Value) -> list[Row]:
        """Run one statement to its end and return its rows."""
        ...

    def changes(self, sql: str, *values: Value) -> int:
        """Run one statement and return how many rows it changed."""
        ...

    def many(self, sql: str, rows: Sequence[tuple[Value, ...]]) -> None:
        """Run one statement for each of ``rows``."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Return a context that takes the write lock at once and commits durably, or rolls back on an exception."""
        ...


_VERSION_1 = (
    """CREATE TABLE buckets (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        unit TEXT NOT NULL,
        window TEXT NOT NULL,
        used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0),
        ceiling INTEGER NOT NULL DEFAULT 0,
        CHECK (used <= ceiling)
    ) STRICT""",
    """CREATE TABLE owners (
        id TEXT PRIMARY KEY,
        pid INTEGER NOT NULL,
        started_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE attempts (
        id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL,
        provider TEXT NOT NULL,
        account TEXT NOT NULL,
        model TEXT NOT NULL,
        served_model TEXT,
        owner TEXT REFERENCES owners (id),
        state TEXT NOT NULL CHECK (state IN ('held', 'settled', 'released', 'unconfirmed')),
        funds TEXT NOT NULL CHECK (funds IN ('free', 'credit', 'paid')),
        outcome TEXT,
        started_at REAL NOT NULL,
        ended_at REAL,
        held_prompt INTEGER NOT NULL CHECK (held_prompt >= 0),
        held_output INTEGER NOT NULL CHECK (held_output >= 0),
        prompt_tokens INTEGER NOT NULL DEFAULT 0 CHECK (prompt_tokens >= 0),
        completion_tokens INTEGER NOT NULL DEFAULT 0 CHECK (completion_tokens >= 0),
        cached_tokens INTEGER NOT NULL DEFAULT 0 CHECK (cached_tokens >= 0),
        reasoning_tokens INTEGER NOT NULL DEFAULT 0 CHECK (reasoning_tokens >= 0),
        basis TEXT,
        worst_pico INTEGER NOT NULL CHECK (worst_pico >= 0),
        cost_pico INTEGER NOT NULL CHECK (cost_pico >= 0),
        list_pico INTEGER CHECK (list_pico >= 0),
        breach_pico INTEGER NOT NULL DEFAULT 0 CHECK (breach_pico >= 0),
        breach_tokens INTEGER NOT NULL DEFAULT 0 CHECK (breach_tokens >= 0),
        sent INTEGER NOT NULL DEFAULT 1 CHECK (sent IN (0, 1)),
        tag TEXT,
        CHECK ((state = 'held') = (owner IS NOT NULL)),
        CHECK ((state = 'held') = (ended_at IS NULL))
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX attempts_by_start ON attempts (started_at)",
    "CREATE INDEX attempts_by_owner ON attempts (owner) WHERE owner IS NOT NULL",
    """CREATE TABLE slots (
        id INTEGER PRIMARY KEY,
        bucket INTEGER NOT NULL REFERENCES buckets (id),
        attempt TEXT REFERENCES attempts (id),
        amount INTEGER NOT NULL CHECK (amount > 0),
        expires_at REAL,
        CHECK (attempt IS NOT NULL OR expires_at IS NOT NULL)
    ) STRICT""",
    "CREATE INDEX slots_by_expiry ON slots (bucket, expires_at)",
    "CREATE INDEX slots_by_attempt ON slots (attempt) WHERE attempt IS NOT NULL",
    """CREATE TABLE closures (
        bucket TEXT PRIMARY KEY,
        until REAL NOT NULL,
        reason TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE totals (
        day INTEGER NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        requests INTEGER NOT NULL,
        answered INTEGER NOT NULL,
        released INTEGER NOT NULL,
        unconfirmed INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        cost_pico INTEGER NOT NULL CHECK (cost_pico >= 0),
        credit_pico INTEGER NOT NULL CHECK (credit_pico >= 0),
        list_pico INTEGER NOT NULL CHECK (list_pico >= 0),
        PRIMARY KEY (day, provider, model)
    ) STRICT, WITHOUT ROWID""",
)

_VERSION_2 = (
    "ALTER TABLE buckets ADD COLUMN counts TEXT NOT NULL DEFAULT 'used' CHECK (counts IN ('used', 'reserved'))",
    "ALTER TABLE attempts ADD COLUMN overages INTEGER NOT NULL DEFAULT 0 CHECK (overages >= 0)",
    "CREATE INDEX attempts_unconfirmed ON attempts (started_at) WHERE state = 'unconfirmed'",
    """CREATE TABLE evidence (
        bucket TEXT PRIMARY KEY,
        amount INTEGER CHECK (amount >= 0),
        remaining INTEGER CHECK (remaining >= 0),
        resets_at REAL,
        at REAL NOT NULL,
        confidence TEXT NOT NULL,
        origin TEXT NOT NULL,
        overages INTEGER NOT NULL DEFAULT 0 CHECK (overages >= 0)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE factors (
        model TEXT PRIMARY KEY,
        mean REAL NOT NULL CHECK (mean > 0),
        deviation REAL NOT NULL CHECK (deviation >= 0),
        samples INTEGER NOT NULL CHECK (samples > 0)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE reconciled (
        attempt TEXT NOT NULL,
        at REAL NOT NULL,
        before_pico INTEGER NOT NULL CHECK (before_pico >= 0),
        after_pico INTEGER NOT NULL CHECK (after_pico >= 0),
        note TEXT NOT NULL
    ) STRICT""",
    "ALTER TABLE totals RENAME TO totals_1",
    """CREATE TABLE totals (
        day INTEGER NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        tag TEXT NOT NULL DEFAULT '',
        requests INTEGER NOT NULL,
        answered INTEGER NOT NULL,
        released INTEGER NOT NULL,
        unconfirmed INTEGER NOT NULL,
        overages INTEGER NOT NULL DEFAULT 0,
        prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        cost_pico INTEGER NOT NULL CHECK (cost_pico >= 0),
        credit_pico INTEGER NOT NULL CHECK (credit_pico >= 0),
        list_pico INTEGER NOT NULL CHECK (list_pico >= 0),
        PRIMARY KEY (day, provider, model, tag)
    ) STRICT, WITHOUT ROWID""",
    """INSERT INTO totals (day, provider, model, requests, answered, released, unconfirmed, prompt_tokens,
                           completion_tokens, cost_pico, credit_pico, list_pico)
       SELECT day, provider, model, requests, answered, released, unconfirmed, prompt_tokens, completion_tokens,
              cost_pico, credit_pico, list_pico FROM totals_1""",
    "DROP TABLE totals_1",
)

_VERSION_3 = (
    # What runs stands in its attempt's row; slots are only what has ended, one row for each sum.
    "ALTER TABLE buckets ADD COLUMN in_flight INTEGER NOT NULL DEFAULT 0 CHECK (in_flight BETWEEN 0 AND used)",
    """UPDATE buckets SET in_flight = (
        SELECT coalesce(sum(amount), 0) FROM slots WHERE bucket = buckets.id AND expires_at IS NULL)""",
    "ALTER TABLE attempts ADD COLUMN holds TEXT CHECK (holds IS NULL OR state = 'held')",
    "ALTER TABLE slots RENAME TO slots_2",
    """CREATE TABLE slots (
        bucket INTEGER NOT NULL REFERENCES buckets (id),
        expires_at REAL NOT NULL,
        attempt TEXT NOT NULL DEFAULT '',
        amount INTEGER NOT NULL CHECK (amount > 0),
        PRIMARY KEY (bucket, expires_at, attempt)
    ) STRICT, WITHOUT ROWID""",
    """INSERT INTO slots (bucket, expires_at, attempt, amount)
       SELECT bucket, expires_at, coalesce(attempt, ''), sum(amount) FROM slots_2
       WHERE expires_at IS NOT NULL GROUP BY 1, 2, 3""",
    """UPDATE attempts SET holds = (
        SELECT json_group_array(json_array(bucket, amount)) FROM slots_2
        WHERE attempt = attempts.id AND expires_at IS NULL) WHERE state = 'held'""",
    "DROP TABLE slots_2",
    "CREATE INDEX slots_by_attempt ON slots (attempt) WHERE attempt <> ''",
    "ALTER TABLE factors RENAME COLUMN model TO name",
    "ALTER TABLE factors ADD COLUMN at REAL NOT NULL DEFAULT 0",
)

_VERSION_4 = (
    # By these an owner is known to live although its lock file was removed or replaced.
    "ALTER TABLE owners ADD COLUMN process TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE owners ADD COLUMN lock INTEGER NOT NULL DEFAULT 0",
    # What ends with a rolling window, and what a provider closed, is in steady time (``ledger/steady.py``).
    """CREATE TABLE clocks (
        boot TEXT PRIMARY KEY,
        start REAL NOT NULL,
        at REAL NOT NULL,
        ahead REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

_VERSION_5 = (
    "ALTER TABLE closures ADD COLUMN at REAL NOT NULL DEFAULT 0",
    "ALTER TABLE closures ADD COLUMN origin TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE closures ADD COLUMN test_at REAL",
    "ALTER TABLE closures ADD COLUMN tester TEXT",
    """CREATE TABLE reopened (
        bucket TEXT NOT NULL,
        until REAL NOT NULL,
        reason TEXT NOT NULL,
        closed_at REAL NOT NULL,
        origin TEXT NOT NULL,
        at REAL NOT NULL,
        who TEXT NOT NULL,
        note TEXT NOT NULL
    ) STRICT""",
    # A limit that no catalog lists, as JSON: what answers taught of it stands in the same row.
    "ALTER TABLE evidence ADD COLUMN unlisted TEXT",
    # What refusals showed that named no amount, as JSON.
    "ALTER TABLE evidence ADD COLUMN bound TEXT",
)

_VERSION_6 = (
    "ALTER TABLE closures ADD COLUMN failures INTEGER NOT NULL DEFAULT 0",
    # What was seen of how long its window is, as JSON.
    "ALTER TABLE evidence ADD COLUMN span TEXT",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6)
"""Statements that lead from each version of the schema to the next; one that a ledger may have is never changed."""


def _back_up(connection: Connection, path: str) -> None:
    """Copy a file of an older schema to ``<name>.v<schema>.backup``; a copy that is there already is kept."""
    if connection.rows("PRAGMA application_id")[0][0] != APPLICATION_ID:
        return
    version = connection.rows("SELECT coalesce(max(version), 0) FROM migrations")[0][0]
    copy = Path(f"{path}.v{version}.backup")
    if not 0 < version < len(MIGRATIONS) or copy.exists():
        return
    # Under its own name only once it is complete: two processes may do this at once.
    half = Path(f"{copy}.{uuid4().hex}")
    connection.rows("VACUUM INTO ?", str(half))
    half.replace(copy)


def migrate(connection: Connection, path: str, now: float) -> None:
    """Bring the schema up to date, after a copy of the file as it was has been put beside it.

    Raises `StoreError` for a file of something else, or of a newer shunpike.
    """
    _back_up(connection, path)
    with connection.transaction():
        if connection.rows("PRAGMA application_id")[0][0] != APPLICATION_ID:
            if connection.rows("SELECT 1 FROM sqlite_schema LIMIT 1"):
                raise StoreError(f"{path} is a database of something else", hint="name another file in store = …")
            connection.rows(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.rows("CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL) STRICT")
        version = connection.rows("SELECT coalesce(max(version), 0) FROM migrations")[0][0]
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{path} was written by a newer shunpike: its schema is {version}, this one knows {len(MIGRATIONS)}",
                hint="upgrade shunpike, or name another file in store = …",
            )
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in statements:
                connection.rows(statement)
            connection.rows("INSERT INTO migrations VALUES (?, ?)", number, now)
