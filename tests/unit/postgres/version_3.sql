-- The tables of a ledger that was the only store of its database.
CREATE SCHEMA shunpike;
SET search_path TO shunpike;
CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMPTZ);
INSERT INTO migrations VALUES (1, now()), (2, now()), (3, now());
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
);
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
ALTER TABLE evidence ADD COLUMN bound TEXT;
ALTER TABLE closures ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE evidence ADD COLUMN span TEXT;
INSERT INTO owners (host, pid, started_at, dead_since) VALUES ('elsewhere', 1, 0, 0);
INSERT INTO buckets (name, unit, "window", used, in_flight, ceiling) VALUES
    ('money', 'usd', '{"kind": "lifetime"}', 17, 10, 100), ('idle', 'request', '{"kind": "lifetime"}', 0, 0, 0);
INSERT INTO attempts (id, request_id, provider, account, model, owner, state, funds, started_at, held_prompt, held_output,
    worst_pico, cost_pico, holds) VALUES ('runs', 'r', 'north', 'default', 'm-1', 1, 'held', 'paid', 1000, 1, 1, 10, 10, '[[1, 10]]');
INSERT INTO slots (bucket, expires_at, amount) VALUES (1, 253402300800, 7);
