"""The words of the ledger: what is held before a byte is sent, and what became of it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shunpike.types.base import Record
from shunpike.types.limits import Limit, Remaining
from shunpike.types.money import ZERO, Money
from shunpike.types.usage import Usage


class Funds(StrEnum):
    """Who pays for an attempt: nobody, a granted credit, or the owner."""

    FREE = "free"
    CREDIT = "credit"
    PAID = "paid"


class Hold(Record):
    """So much of one limit, taken for one attempt. ``bucket`` is the identity of what is shared."""

    bucket: str
    limit: Limit
    amount: int = Field(ge=0)


class Reservation(Record):
    """The worst case of one attempt, taken all or nothing. Times are epoch seconds."""

    attempt_id: str
    request_id: str
    provider: str
    account: str
    model: str
    at: float
    holds: tuple[Hold, ...]
    worst: Money = ZERO
    prompt_tokens: int = 0
    output_tokens: int = 0
    funds: Funds = Funds.FREE
    tag: str | None = None


class Grant(Record):
    """The reservation stands, durably: the attempt may be sent."""

    attempt_id: str
    remaining: tuple[Remaining, ...] = ()


class Refusal(Record):
    """Nothing was taken: ``limit`` blocks, ``retry_at`` is the earliest moment it opens (None = never by waiting)."""

    limit: Limit
    bucket: str
    retry_at: float | None = None
    impossible: bool = False
    """The request alone is larger than the limit: no waiting helps."""
    fits: int | None = None
    """How much of the limit's unit would fit at once when it is empty; for tokens, what a smaller request may use."""


class State(StrEnum):
    """The life of an attempt's row. It leaves HELD once and never returns."""

    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"
    UNCONFIRMED = "unconfirmed"


class Closure(Record):
    """A bucket that a provider declared closed until ``until`` (epoch seconds)."""

    bucket: str
    until: float
    reason: str


class Settlement(Record):
    """What became of an attempt. ``RELEASED`` gives tokens and money back, ``UNCONFIRMED`` keeps the worst case."""

    state: State
    at: float
    headers_at: float | None = None
    usage: Usage = Usage()
    cost: Money = ZERO
    served_model: str | None = None
    outcome: str = "ok"
    """``ok`` or the kind of the error."""
    keeps_request: bool = True
    """False when no byte was sent, so that not even a request was used."""
    closures: tuple[Closure, ...] = ()


class UsageRow(Record):
    """Totals of a provider and model over a span of time; ``exact`` tells whether every attempt's end is known."""

    provider: str
    model: str
    requests: int
    answered: int
    released: int
    unconfirmed: int
    held: int
    prompt_tokens: int
    completion_tokens: int
    cost: Money
    """What the owner pays; for unconfirmed attempts the worst case."""
    credit: Money
    """Granted credit that was used up."""
    list_value: Money
    """What the answered tokens would have cost at list price, where it is known."""

    @property
    def exact(self) -> bool:
        """Whether every attempt's end is known."""
        return not (self.unconfirmed or self.held)
