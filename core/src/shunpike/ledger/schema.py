"""The ledger's tables, in the words of `Migrations`: the same in every database.

Money is in integer pico-dollars, times are epoch seconds. A bucket's ``used`` is at every commit the sum of the holds
of its attempts (``in_flight``) and of its slots: all change in one transaction, `check` compares them. ``ceiling`` is
what it was last allowed to hold, so that the database itself rejects an admission that the code above got wrong.

One place has no writer yet: ``attempts.arm``, by which the arms of an experiment are compared.
"""

from __future__ import annotations

from shunpike.storage.migrations import Migrations

_VERSION_1 = (
    """CREATE TABLE buckets (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        unit TEXT NOT NULL,
        "window" TEXT NOT NULL,
        used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0),
        in_flight INTEGER NOT NULL DEFAULT 0 CHECK (in_flight BETWEEN 0 AND used),
        ceiling INTEGER NOT NULL DEFAULT 0,
        counts TEXT NOT NULL DEFAULT 'used' CHECK (counts IN ('used', 'reserved')),
        CHECK (used <= ceiling)
    ) STRICT""",
    """CREATE TABLE attempts (
        id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL,
        provider TEXT NOT NULL,
        account TEXT NOT NULL,
        model TEXT NOT NULL,
        served_model TEXT,
        owner TEXT,
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
        overages INTEGER NOT NULL DEFAULT 0 CHECK (overages >= 0),
        tag TEXT,
        holds TEXT,
        CHECK ((state = 'held') = (owner IS NOT NULL)),
        CHECK ((state = 'held') = (holds IS NOT NULL)),
        CHECK ((state = 'held') = (ended_at IS NULL))
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX attempts_by_start ON attempts (started_at)",
    "CREATE INDEX attempts_by_owner ON attempts (owner) WHERE owner IS NOT NULL",
    "CREATE INDEX attempts_unconfirmed ON attempts (started_at) WHERE state = 'unconfirmed'",
    # What runs stands in its attempt's row; slots are only what has ended, one row for each sum.
    """CREATE TABLE slots (
        bucket INTEGER NOT NULL REFERENCES buckets (id),
        expires_at REAL NOT NULL,
        attempt TEXT NOT NULL DEFAULT '',
        amount INTEGER NOT NULL CHECK (amount > 0),
        PRIMARY KEY (bucket, expires_at, attempt)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX slots_by_attempt ON slots (attempt) WHERE attempt <> ''",
    """CREATE TABLE closures (
        bucket TEXT PRIMARY KEY,
        until REAL NOT NULL,
        reason TEXT NOT NULL,
        at REAL NOT NULL DEFAULT 0,
        origin TEXT NOT NULL DEFAULT '',
        test_at REAL,
        tester TEXT,
        failures INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID""",
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
    # The last three are JSON: a limit that no catalog lists, what refusals showed that named no amount, and what was
    # seen of how long its window is.
    """CREATE TABLE evidence (
        bucket TEXT PRIMARY KEY,
        amount INTEGER CHECK (amount >= 0),
        remaining INTEGER CHECK (remaining >= 0),
        resets_at REAL,
        at REAL NOT NULL,
        confidence TEXT NOT NULL,
        origin TEXT NOT NULL,
        overages INTEGER NOT NULL DEFAULT 0 CHECK (overages >= 0),
        unlisted TEXT,
        bound TEXT,
        span TEXT
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE factors (
        name TEXT PRIMARY KEY,
        mean REAL NOT NULL CHECK (mean > 0),
        deviation REAL NOT NULL CHECK (deviation >= 0),
        samples INTEGER NOT NULL CHECK (samples > 0),
        at REAL NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE reconciled (
        attempt TEXT NOT NULL,
        at REAL NOT NULL,
        before_pico INTEGER NOT NULL CHECK (before_pico >= 0),
        after_pico INTEGER NOT NULL CHECK (after_pico >= 0),
        note TEXT NOT NULL
    ) STRICT""",
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
    # What ends with a rolling window, and what a provider closed, is in steady time (``ledger/steady.py``).
    """CREATE TABLE clocks (
        boot TEXT PRIMARY KEY,
        start REAL NOT NULL,
        at REAL NOT NULL,
        ahead REAL NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

_VERSION_2 = (
    # Whose key it was admitted by, and of which arm of an experiment; how long it took, and how the answer ended.
    "ALTER TABLE attempts ADD COLUMN principal TEXT",
    "ALTER TABLE attempts ADD COLUMN arm TEXT",
    "ALTER TABLE attempts ADD COLUMN seconds REAL",
    "ALTER TABLE attempts ADD COLUMN first_token_seconds REAL",
    "ALTER TABLE attempts ADD COLUMN finish_reason TEXT",
    "ALTER TABLE attempts ADD COLUMN system_fingerprint TEXT",
    # When something was last admitted, as the expiry of its slots is kept: what paces a limit goes by it.
    "ALTER TABLE buckets ADD COLUMN admitted_at REAL",
    # The kind of failure that blocks; empty where a limit does.
    "ALTER TABLE closures ADD COLUMN kind TEXT NOT NULL DEFAULT ''",
    # Why a request went where it went, as JSON.
    """CREATE TABLE decisions (
        request_id TEXT NOT NULL,
        at REAL NOT NULL,
        decision TEXT NOT NULL,
        PRIMARY KEY (request_id, at)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX decisions_by_time ON decisions (at)",
)

# Nothing was ever written there: why a request went where it went is in a store of its own (``decisions/``).
_VERSION_3 = ("DROP INDEX decisions_by_time", "DROP TABLE decisions")

LEDGER = Migrations(store="ledger", steps=(_VERSION_1, _VERSION_2, _VERSION_3))
"""The ledger's stream. A step that a ledger may have is never changed."""
