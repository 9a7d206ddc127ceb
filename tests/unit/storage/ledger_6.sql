-- A ledger as the last version before streams of migrations wrote it (schema 6): what it held, learned and closed.
PRAGMA application_id = 1397248075;
CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at REAL NOT NULL) STRICT;
CREATE TABLE buckets (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        unit TEXT NOT NULL,
        window TEXT NOT NULL,
        used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0),
        ceiling INTEGER NOT NULL DEFAULT 0, counts TEXT NOT NULL DEFAULT 'used' CHECK (counts IN ('used', 'reserved')), in_flight INTEGER NOT NULL DEFAULT 0 CHECK (in_flight BETWEEN 0 AND used),
        CHECK (used <= ceiling)
    ) STRICT;
CREATE TABLE owners (
        id TEXT PRIMARY KEY,
        pid INTEGER NOT NULL,
        started_at REAL NOT NULL
    , process TEXT NOT NULL DEFAULT '', lock INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE attempts (
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
        tag TEXT, overages INTEGER NOT NULL DEFAULT 0 CHECK (overages >= 0), holds TEXT CHECK (holds IS NULL OR state = 'held'),
        CHECK ((state = 'held') = (owner IS NOT NULL)),
        CHECK ((state = 'held') = (ended_at IS NULL))
    ) STRICT, WITHOUT ROWID;
CREATE TABLE clocks (
        boot TEXT PRIMARY KEY,
        start REAL NOT NULL,
        at REAL NOT NULL,
        ahead REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
CREATE TABLE reopened (
        bucket TEXT NOT NULL,
        until REAL NOT NULL,
        reason TEXT NOT NULL,
        closed_at REAL NOT NULL,
        origin TEXT NOT NULL,
        at REAL NOT NULL,
        who TEXT NOT NULL,
        note TEXT NOT NULL
    ) STRICT;
CREATE TABLE closures (
        bucket TEXT PRIMARY KEY,
        until REAL NOT NULL,
        reason TEXT NOT NULL
    , at REAL NOT NULL DEFAULT 0, origin TEXT NOT NULL DEFAULT '', test_at REAL, tester TEXT, failures INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE slots (
        bucket INTEGER NOT NULL REFERENCES buckets (id),
        expires_at REAL NOT NULL,
        attempt TEXT NOT NULL DEFAULT '',
        amount INTEGER NOT NULL CHECK (amount > 0),
        PRIMARY KEY (bucket, expires_at, attempt)
    ) STRICT, WITHOUT ROWID;
CREATE TABLE evidence (
        bucket TEXT PRIMARY KEY,
        amount INTEGER CHECK (amount >= 0),
        remaining INTEGER CHECK (remaining >= 0),
        resets_at REAL,
        at REAL NOT NULL,
        confidence TEXT NOT NULL,
        origin TEXT NOT NULL,
        overages INTEGER NOT NULL DEFAULT 0 CHECK (overages >= 0)
    , unlisted TEXT, bound TEXT, span TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE factors (
        name TEXT PRIMARY KEY,
        mean REAL NOT NULL CHECK (mean > 0),
        deviation REAL NOT NULL CHECK (deviation >= 0),
        samples INTEGER NOT NULL CHECK (samples > 0)
    , at REAL NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE reconciled (
        attempt TEXT NOT NULL,
        at REAL NOT NULL,
        before_pico INTEGER NOT NULL CHECK (before_pico >= 0),
        after_pico INTEGER NOT NULL CHECK (after_pico >= 0),
        note TEXT NOT NULL
    ) STRICT;
CREATE TABLE totals (
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
    ) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_start ON attempts (started_at);
CREATE INDEX attempts_by_owner ON attempts (owner) WHERE owner IS NOT NULL;
CREATE INDEX slots_by_attempt ON slots (attempt) WHERE attempt <> '';
CREATE INDEX attempts_unconfirmed ON attempts (started_at) WHERE state = 'unconfirmed';
INSERT INTO migrations VALUES (1, 0.0), (2, 0.0), (3, 0.0), (4, 0.0), (5, 0.0), (6, 0.0);
INSERT INTO owners VALUES ('gone', 1, 0.0, '', 0);
INSERT INTO buckets (id, name, unit, window, used, ceiling, in_flight) VALUES (7, 'money', 'usd', '{"kind": "lifetime"}', 60, 99, 30);
INSERT INTO attempts (id, request_id, provider, account, model, owner, state, funds, started_at, ended_at, held_prompt, held_output, worst_pico, cost_pico, holds)
VALUES ('a', 'r1', 'north', 'default', 'm-1', 'gone', 'held', 'paid', 1, NULL, 1, 1, 30, 30, '[[7,30]]'),
       ('b', 'r2', 'north', 'default', 'm-1', NULL, 'unconfirmed', 'paid', 1, 2, 1, 1, 20, 20, NULL),
       ('c', 'r3', 'north', 'default', 'm-1', NULL, 'settled', 'paid', 1, 2, 1, 1, 20, 10, NULL);
INSERT INTO slots VALUES (7, 253402300800.0, 'b', 20), (7, 253402300800.0, '', 10);
INSERT INTO totals VALUES (20000, 'north', 'm-1', '', 3, 2, 1, 0, 0, 30, 20, 7, 0, 9);
INSERT INTO closures VALUES ('north|account:|gate', 253402300800.0, 'sick', 1.0, 'HTTP 503', NULL, NULL, 2);
INSERT INTO evidence VALUES ('north|account:|calls', 9, 4, NULL, 1.0, 'reported', 'x-ratelimit', 0, NULL, NULL, NULL);
INSERT INTO factors VALUES ('north/m-1', 1.2, 0.1, 7, 1.0);
INSERT INTO reconciled VALUES ('z', 1.0, 9, 8, 'invoice');
