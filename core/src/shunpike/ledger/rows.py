"""The rows that a store of the ledger keeps, made of the ledger's words: the same in every database."""

from __future__ import annotations

import json
from typing import NamedTuple

from shunpike.types import Basis, Reservation, Settlement, State, Usage
from shunpike.types.ledger import AttemptFacts

OWNER_DIED = "owner_died"
"""The outcome of an attempt whose process died: nobody knows whether it was answered, also where its cost is known."""
Holds = tuple[tuple[int, int], ...]
"""Pairs of a bucket's key and an amount."""


class HeldRow(NamedTuple):
    """An attempt in flight, as far as its end needs it."""

    attempt_id: str
    worst: int
    prompt: int
    output: int
    holds: Holds


FACTS = tuple(AttemptFacts.model_fields)
"""Their columns in an attempt's row."""


class EndedRow(NamedTuple):
    """What an attempt's row says from its end on, in the order of the columns' names."""

    state: str
    ended_at: float
    outcome: str
    served_model: str | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    basis: str
    cost_pico: int
    list_pico: int | None
    breach_pico: int
    breach_tokens: int
    sent: int
    overages: int
    seconds: float | None
    first_token_seconds: float | None
    finish_reason: str | None
    system_fingerprint: str | None


class BucketRow(NamedTuple):
    """A bucket that changed, and what it was: a row that is not what it was belongs to somebody else by now."""

    key: int
    name: str
    used: int
    in_flight: int
    ceiling: int
    counts: str
    admitted_at: float | None
    was_used: int
    was_in_flight: int


class BlockRow(NamedTuple):
    """A bucket that was closed. It stands against one that is open sooner, and against one ``beyond`` belief."""

    bucket: str
    until: float
    reason: str
    at: float
    origin: str
    test_at: float | None
    tester: str | None
    failures: int
    kind: str
    beyond: float
    """Until later than this, only a clock that was ahead can have closed the bucket."""
    certain: int
    """1 where nobody else can have changed what is kept meanwhile: then it is replaced whatever it says."""


class SlotRow(NamedTuple):
    """So much more that counts in a bucket until ``expires``; ``attempt_id`` is empty where it is certain."""

    bucket: int
    expires: float
    attempt_id: str
    amount: int


def holds_text(holds: Holds) -> str:
    """Return the holds as the JSON that stands in an attempt's row."""
    return f"[{','.join(f'[{key},{amount}]' for key, amount in holds)}]"


def read_holds(text: str) -> Holds:
    """Return the holds of `holds_text`."""
    return tuple((int(key), int(amount)) for key, amount in json.loads(text))


def held_row(reservation: Reservation, holds: Holds) -> HeldRow:
    """Return the row of an attempt that was just admitted."""
    return HeldRow(
        reservation.attempt_id, reservation.worst.pico, reservation.prompt_tokens, reservation.output_tokens, holds
    )


def ended_row(held: HeldRow, settlement: Settlement) -> EndedRow:
    """Return the row of an attempt that ended so. What is over its worst case stands there as a breach."""
    released = settlement.state is State.RELEASED
    usage = Usage(basis=Basis.ABSENT) if released else settlement.usage
    cost = booked_cost(held.worst, settlement)
    over = max(0, usage.prompt_tokens - held.prompt) + max(0, usage.completion_tokens - held.output)
    listed = None if settlement.list_value is None or released else settlement.list_value.pico
    return EndedRow(
        state=booked_state(held.worst, settlement).value,
        ended_at=settlement.at,
        outcome=settlement.outcome,
        served_model=settlement.served_model,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        basis=usage.basis.value,
        cost_pico=cost,
        list_pico=listed,
        breach_pico=max(0, cost - held.worst),
        breach_tokens=over,
        sent=int(settlement.keeps_request or not released),
        overages=int(settlement.overage),
        seconds=settlement.seconds,
        first_token_seconds=settlement.first_token_seconds,
        finish_reason=settlement.finish_reason,
        system_fingerprint=settlement.system_fingerprint,
    )


def booked_cost(worst: int, settlement: Settlement | None) -> int:
    """Return pico-dollars: what an attempt costs in the books, the worst case until, and unless, its end is known."""
    if settlement is None:
        return worst
    if settlement.state is State.RELEASED:
        return 0
    cost = settlement.cost.pico
    return max(worst, cost) if settlement.state is State.UNCONFIRMED else cost


def booked_state(worst: int, settlement: Settlement) -> State:
    """Return the state that the books show.

    Of an attempt that can't have cost anything nobody has to find out how it ended: it settles itself, at nothing. Its
    tokens and its request count in their windows as those of any attempt whose end is not known, at the worst case.
    """
    if settlement.state is State.UNCONFIRMED and not booked_cost(worst, settlement):
        return State.SETTLED
    return settlement.state


def orphaned(held: HeldRow, now: float) -> Settlement:
    """Return the settlement of an attempt whose owner died: nobody will ever tell how it ended."""
    usage = Usage(prompt_tokens=held.prompt, completion_tokens=held.output, basis=Basis.ESTIMATED)
    return Settlement(state=State.UNCONFIRMED, at=now, usage=usage, outcome=OWNER_DIED)
