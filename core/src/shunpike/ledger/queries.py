"""What is asked of the ledger's tables beside admission and settlement, in SQL that every database takes.

Each is work for a `Transaction`; times are by the clock that the tables are kept by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from shunpike.ledger.records import (
    BLOCK,
    FACTOR,
    KNOWN,
    OBSERVATION,
    REOPENED,
    TIMING,
    UNCONFIRMED,
    block_of,
    factor_of,
    known_of,
    observation_of,
    reopening_of,
    reopening_values,
    timing_of,
    unconfirmed_of,
    usage_of,
)
from shunpike.ledger.slots import Counted, coming_back, remaining_of, room_at
from shunpike.ledger.totals import DAY
from shunpike.ledger.windows import GUARD
from shunpike.storage import Transaction
from shunpike.types import (
    Block,
    Factor,
    Hold,
    KnownAttempt,
    Money,
    Observation,
    Remaining,
    Reopening,
    Rolling,
    Timing,
    Unconfirmed,
    Unit,
    UsageRow,
)

_AT_ONCE = 100
"""Holds that are asked for by one statement."""

SUMS = """
    sum(sent) AS requests, sum(CASE WHEN outcome = 'ok' THEN 1 ELSE 0 END) AS answered,
    sum(CASE WHEN state = 'released' AND sent = 1 THEN 1 ELSE 0 END) AS released,
    sum(CASE WHEN state = 'unconfirmed' THEN 1 ELSE 0 END) AS unconfirmed,
    sum(CASE WHEN state = 'held' THEN 1 ELSE 0 END) AS held,
    sum(overages) AS overages, sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
    sum(CASE WHEN funds = 'credit' THEN 0 ELSE cost_pico END) AS cost_pico,
    sum(CASE WHEN funds = 'credit' THEN cost_pico ELSE 0 END) AS credit_pico,
    coalesce(sum(list_pico), 0) AS list_pico"""
"""The totals of attempts, by the names of the columns of ``totals``; and of those that are held."""

_USAGE = f"""
SELECT provider, model, {{day}}, {{tag}}, sum(requests), sum(answered), sum(released), sum(unconfirmed), sum(held),
       sum(overages), sum(prompt_tokens), sum(completion_tokens), sum(cost_pico), sum(credit_pico), sum(list_pico)
FROM (
    SELECT provider, model, {{day_of}} AS day, coalesce(tag, '') AS tag, {SUMS} FROM attempts
    WHERE started_at >= ? AND started_at < ?{{whose}} GROUP BY 1, 2, 3, 4
    UNION ALL
    SELECT provider, model, day, tag, requests, answered, released, unconfirmed, 0, overages, prompt_tokens,
           completion_tokens, cost_pico, credit_pico, list_pico
    FROM totals WHERE day * {DAY} >= ? AND day * {DAY} < ?
) AS parts GROUP BY 1, 2, 3, 4 HAVING sum(requests) > 0 ORDER BY 3, 1, 2, 4"""  # noqa: S608 - constants only

_LEFT = """
SELECT buckets.name, coalesce((SELECT sum(amount) FROM slots WHERE bucket = id AND expires_at > moment), 0), in_flight,
       (SELECT max(expires_at) FROM slots WHERE bucket = id AND expires_at > moment), admitted_at
FROM ({}) AS asked JOIN buckets ON buckets.name = asked.name"""
_ROOM = """
SELECT min(expires_at) FROM (
    SELECT expires_at, sum(amount) OVER (ORDER BY expires_at) AS freed FROM slots
    WHERE bucket = (SELECT id FROM buckets WHERE name = ?) AND expires_at > ?
) AS ended WHERE freed >= ?"""
"""When so much of a bucket's slots has expired."""
_ASKED = "SELECT CAST(? AS TEXT) AS name, CAST(? AS DOUBLE PRECISION) AS moment"


def _select(columns: str, source: str) -> str:
    return f"SELECT {columns} FROM {source}"  # noqa: S608 - both are constants of this package: values go by placeholders


async def read_observations(tx: Transaction) -> Mapping[str, Observation]:
    """Return bucket → what its provider was last seen to say."""
    return {row[0]: observation_of(row) for row in await tx.rows(_select(OBSERVATION, "evidence"))}


async def read_factors(tx: Transaction) -> Mapping[str, Factor]:
    """Return name → what its samples taught."""
    return dict(factor_of(row) for row in await tx.rows(_select(FACTOR, "factors")))


async def read_unconfirmed(tx: Transaction) -> Sequence[Unconfirmed]:
    """Return the attempts whose end is not known, oldest first."""
    sql = _select(UNCONFIRMED, "attempts WHERE state = 'unconfirmed' ORDER BY started_at, id")
    return [unconfirmed_of(row) for row in await tx.rows(sql)]


async def read_attempts(tx: Transaction, request_id: str) -> Sequence[KnownAttempt]:
    """Return the attempts of a request, by their numbers."""
    found: list[KnownAttempt] = []
    sql = _select(KNOWN, "attempts WHERE id = ?")
    while rows := await tx.rows(sql, f"{request_id}-{len(found) + 1}"):
        found.append(known_of(rows[0]))
    return found


async def read_timings(tx: Transaction, since: float, most: int) -> Sequence[Timing]:
    """Return the latest answers to what began at ``since`` or later."""
    answered = "attempts WHERE started_at >= ? AND outcome = 'ok' AND seconds IS NOT NULL"
    rows = await tx.rows(_select(TIMING, f"{answered} ORDER BY started_at DESC, id LIMIT ?"), since, most)
    return [timing_of(row) for row in rows]


async def read_blocks(tx: Transaction, now: float = 0.0) -> Sequence[Block]:
    """Return what is closed at ``now``."""
    return [block_of(row) for row in await tx.rows(_select(BLOCK, "closures WHERE until > ?"), now)]


async def read_reopened(tx: Transaction) -> Sequence[Reopening]:
    """Return what was opened by hand, oldest first."""
    return [reopening_of(row) for row in await tx.rows(_select(REOPENED, "reopened ORDER BY at, bucket"))]


class UsageAsked(NamedTuple):
    """Which attempts are added up, and what has rows of its own."""

    span: tuple[float, float]
    """When they began, by the clock that the tables are kept by."""
    days: tuple[float, float]
    """The same by the wall's: a day that was folded counts as a whole, by its start (UTC)."""
    day: bool = False
    tag: bool = False
    principal: str | None = None
    """Whose they are, as far as they are kept one by one: what was folded is nobody's. None = of all."""


async def read_usage(tx: Transaction, day_of: str, asked: UsageAsked) -> Sequence[UsageRow]:
    """Return totals by provider and model; ``day_of`` is SQL for the UTC day of ``started_at``."""
    whose = () if asked.principal is None else (asked.principal,)
    sql = _USAGE.format(
        day="day" if asked.day else "NULL",
        tag="tag" if asked.tag else "NULL",
        day_of=day_of,
        whose=" AND principal = ?" if whose else "",
    )
    return [usage_of(row) for row in await tx.rows(sql, *asked.span, *whose, *((0.0, 0.0) if whose else asked.days))]


async def read_remaining(
    tx: Transaction, holds: Sequence[Hold], now: float, guard: float = GUARD, ahead: float = 0.0
) -> list[Remaining]:
    """Return what is left of each hold's limit at ``now``; rolling windows are kept ``ahead`` seconds later."""
    found = await _counted(tx, holds, now, ahead)
    return [remaining_of(hold, now, found.get(hold.bucket, Counted()), guard) for hold in holds]


async def read_openings(
    tx: Transaction, holds: Sequence[Hold], now: float, guard: float = GUARD, ahead: float = 0.0
) -> list[float | None]:
    """Return from when on there is room for each hold; rolling windows are kept ``ahead`` seconds later."""
    found, opens = await _counted(tx, holds, now, ahead), list[float | None]()
    for hold in holds:
        later, counted = _later(hold, ahead), found.get(hold.bucket, Counted())
        ended: list[tuple[float, int]] = []
        beyond = counted.used + hold.amount - hold.limit.amount - coming_back(hold.limit, counted.in_flight)
        if hold.amount and beyond > 0:
            [[at]] = await tx.rows(_ROOM, hold.bucket, now + later, beyond)
            ended += [] if at is None else [(float(at) - later, beyond)]
        opens.append(room_at(hold, now, counted, ended, guard))
    return opens


def _later(hold: Hold, ahead: float) -> float:
    return ahead if isinstance(hold.limit.window, Rolling) else 0.0


async def _counted(tx: Transaction, holds: Sequence[Hold], now: float, ahead: float) -> dict[str, Counted]:
    """Return bucket → what counts in it, of those that are there."""
    later = {hold.bucket: _later(hold, ahead) for hold in holds}
    names, found = iter(later), dict[str, Counted]()
    while some := list(islice(names, _AT_ONCE)):
        sql = _LEFT.format(" UNION ALL ".join([_ASKED] * len(some)))
        values = [value for name in some for value in (name, now + later[name])]
        for name, ended, in_flight, *moments in await tx.rows(sql, *values):
            last, admitted_at = (None if at is None else at - later[name] for at in moments)
            found[name] = Counted(int(ended) + in_flight, in_flight, last, admitted_at)
    return found


async def reopen(
    tx: Transaction, buckets: Sequence[str], at: float, who: str, note: str, ahead: float = 0.0
) -> Sequence[Reopening]:
    """Remove blocks, kept ``ahead`` seconds later, and write down who did it; return them as they were."""
    done = []
    # In one order, so that two who open at once never wait for each other.
    for bucket in sorted(set(buckets)):
        for row in await tx.rows(f"DELETE FROM closures WHERE bucket = ? RETURNING {BLOCK}", bucket):  # noqa: S608
            done.append(Reopening(block=block_of(row).moved(-ahead), at=at, who=who, note=note))
            sql = f"INSERT INTO reopened ({REOPENED}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant
            await tx.execute(sql, *reopening_values(done[-1]))
    return done


async def reconcile(tx: Transaction, attempt_id: str, cost: Money, at: float, note: str) -> bool:
    """Settle an unconfirmed attempt at ``cost`` and write it down; False when it is none."""
    money = "SELECT bucket, expires_at, amount FROM slots JOIN buckets ON id = bucket WHERE attempt = ? AND unit = ?"
    # Locked first, in one order; read afterwards: what was read while others had the lock may be gone by now.
    for bucket in sorted({row[0] for row in await tx.rows(money, attempt_id, Unit.USD.value)}):
        await tx.execute("UPDATE buckets SET used = used WHERE id = ?", bucket)
    slots = await tx.rows(money, attempt_id, Unit.USD.value)
    before = await tx.rows("SELECT cost_pico FROM attempts WHERE id = ? AND state = 'unconfirmed'", attempt_id)
    done = await tx.execute(
        "UPDATE attempts SET state = 'settled', cost_pico = ?,"
        " breach_pico = CASE WHEN worst_pico < ? THEN ? - worst_pico ELSE 0 END WHERE id = ? AND state = 'unconfirmed'",
        *[cost.pico] * 3,
        attempt_id,
    )
    if not done:
        return False
    for bucket, expires, amount in slots:
        await _correct(tx, (bucket, expires, attempt_id), amount, cost.pico)
    sql = "INSERT INTO reconciled (attempt, at, before_pico, after_pico, note) VALUES (?, ?, ?, ?, ?)"
    await tx.execute(sql, attempt_id, at, before[0][0], cost.pico, note)
    return True


async def _correct(tx: Transaction, slot: tuple[int, float, str], was: int, amount: int) -> None:
    """Let a slot count as ``amount``: the truth is booked even where it is over the cap."""
    sql = """UPDATE buckets SET used = used + ?, ceiling = CASE WHEN ceiling < used + ? THEN used + ? ELSE ceiling END
    WHERE id = ?"""
    await tx.execute(sql, *[amount - was] * 3, slot[0])
    if amount:
        await tx.execute(
            "UPDATE slots SET amount = ? WHERE bucket = ? AND expires_at = ? AND attempt = ?", amount, *slot
        )
    else:
        await tx.execute("DELETE FROM slots WHERE bucket = ? AND expires_at = ? AND attempt = ?", *slot)
