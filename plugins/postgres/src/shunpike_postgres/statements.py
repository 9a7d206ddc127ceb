"""What a batch asks for, before it writes (``writes.py``). Lists of numbers and names travel as one text each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import LiteralString

from shunpike.ledger.records import BLOCK, FACTOR, OBSERVATION

MAKE_BUCKETS = """
INSERT INTO buckets (name, unit, "window")
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) AS made (name, unit, "window") ORDER BY name
ON CONFLICT (name) DO NOTHING"""
FIND_BUCKETS = 'SELECT id, name, unit, "window" FROM buckets WHERE name = ANY(%s) OR id = ANY(%s)'

# In one order, so that two batches never wait for each other; what is read after it is what the last one committed.
LOCK_BUCKETS = """
SELECT id, used, in_flight, ceiling, counts, admitted_at FROM buckets WHERE id = ANY(%s::integer[])
ORDER BY id FOR NO KEY UPDATE"""
LOCK_ATTEMPTS = """
SELECT id, worst_pico, held_prompt, held_output, holds FROM attempts
WHERE id = ANY (ARRAY (SELECT jsonb_array_elements_text(%s::jsonb))) AND state = 'held'
    AND (%s::bigint[] IS NULL OR owner IN (SELECT id FROM owners WHERE number = ANY (%s::bigint[])))
ORDER BY id FOR NO KEY UPDATE"""

EXPIRE = """
WITH gone AS (
    DELETE FROM slots WHERE bucket = ANY(%(keys)s::integer[]) AND expires_at <= %(now)s RETURNING bucket, amount
), sums AS (SELECT bucket, sum(amount)::bigint AS freed FROM gone GROUP BY bucket)
SELECT key, coalesce(freed, 0),
    (SELECT expires_at FROM slots WHERE bucket = key AND expires_at > %(now)s ORDER BY expires_at LIMIT 1),
    (SELECT expires_at FROM slots WHERE bucket = key AND expires_at > %(now)s ORDER BY expires_at DESC LIMIT 1)
FROM unnest(%(keys)s::integer[]) AS key LEFT JOIN sums ON bucket = key"""
"""Removes what has expired; returns how much that was of each bucket, and between when the others expire."""

CLOSED: LiteralString = f"""
SELECT {BLOCK} FROM closures
WHERE bucket = ANY (ARRAY (SELECT jsonb_array_elements_text(%s::jsonb)))"""  # noqa: S608 - a constant
LOCK_TESTS: LiteralString = f"""
SELECT {BLOCK} FROM closures
WHERE tester = ANY (ARRAY (SELECT jsonb_array_elements_text(%s::jsonb)))
    OR (test_at <= %s AND bucket = ANY (ARRAY (SELECT jsonb_array_elements_text(%s::jsonb))))
ORDER BY bucket FOR UPDATE"""  # noqa: S608 - a constant
"""Blocks that are tested, or may be: one attempt gets the test, whoever asks at once."""
OBSERVATIONS: LiteralString = f"SELECT {OBSERVATION} FROM evidence"  # noqa: S608 - a constant
FACTORS: LiteralString = f"SELECT {FACTOR} FROM factors"  # noqa: S608 - a constant
OBSERVATIONS_OF: LiteralString = f"""{OBSERVATIONS}
WHERE bucket = ANY (ARRAY (SELECT jsonb_array_elements_text(%s::jsonb)))
ORDER BY bucket FOR NO KEY UPDATE"""
FACTORS_OF: LiteralString = f"""{FACTORS}
WHERE name = ANY (ARRAY (SELECT jsonb_array_elements_text(%s::jsonb)))
ORDER BY name FOR NO KEY UPDATE"""
PULL_IN = "DELETE FROM slots WHERE bucket = %s AND expires_at > %s RETURNING attempt, amount"
HELD_BY = """
SELECT id, worst_pico, held_prompt, held_output, holds FROM attempts
WHERE owner = (SELECT id FROM owners WHERE number = %s)"""
HELD = """
SELECT id, worst_pico, held_prompt, held_output, holds FROM attempts
WHERE id = ANY (ARRAY (SELECT jsonb_array_elements_text(%s::jsonb))) AND state = 'held'"""

FIRST = "SELECT expires_at, amount FROM slots WHERE bucket = %s ORDER BY expires_at LIMIT 200"
PAGE = 200
"""So many of the first slots to expire nearly always tell when a full limit opens."""
FREED = """
SELECT expires_at FROM (
    SELECT expires_at, sum(amount) OVER (ORDER BY expires_at, attempt) AS freed FROM slots WHERE bucket = %s
) AS ended WHERE freed >= %s ORDER BY expires_at LIMIT 1"""
"""When so much of a bucket will have expired."""


def numbers(keys: Iterable[int]) -> str:
    """Return the text of an ``integer[]``."""
    return f"{{{','.join(map(str, keys))}}}"


def names(texts: Iterable[str]) -> str:
    """Return texts as a JSON array."""
    return json.dumps(list(texts))
