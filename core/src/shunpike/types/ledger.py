"""The records of the ledger: what is held before a byte is sent, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from shunpike.types.base import Moment, Record
from shunpike.types.limit_updates import LimitUpdate, Sample, Text
from shunpike.types.limits import Evidence, Limit, Owner, Remaining
from shunpike.types.money import ZERO, Money
from shunpike.types.price import Price
from shunpike.types.usage import ABSENT, Usage


class Funds(StrEnum):
    """Who pays for an attempt: nobody, a granted credit, or the owner."""

    FREE = "free"
    CREDIT = "credit"
    PAID = "paid"


class Spread(Record):
    """How admissions to a long rolling window are spread over it: see ``ledger/pacing.py``."""

    whole: int
    """The limit's own amount: the hold may be judged by less of it."""
    curve: float = 1.0


class Hold(Record):
    """So much of one limit, taken for one attempt. ``bucket`` is the identity of what is shared."""

    bucket: str
    limit: Limit
    amount: int = Field(ge=0)
    owner: Owner = Owner.PROVIDER
    spread: Spread | None = None
    """Where given, it waits a while after the last admission."""


class Reservation(Record):
    """The worst case of one attempt, taken all or nothing."""

    attempt_id: str
    request_id: str
    provider: str
    account: str
    model: str
    reserved_at: Moment
    holds: tuple[Hold, ...]
    worst: Money = ZERO
    prompt_tokens: int = 0
    output_tokens: int = 0
    funds: Funds = Funds.FREE
    tag: Text | None = None
    principal: Text | None = None
    """Whom it is for, such as a client key; None = the operator."""
    arm: Text | None = None
    """The arm of the experiment that it is of."""


class Grant(Record):
    """The reservation stands, durably: the attempt may be sent."""

    attempt_id: str
    remaining: tuple[Remaining, ...] = ()
    at_mono: float | None = None
    """When it was given, on the monotonic clock of this process: it does not keep (``routing/send.py``)."""
    max_output: int | None = None
    """The output tokens per choice that it was given for, where the ask left that open."""
    capped_by: str = ""
    """The limit or budget that made them less than the ask would have taken."""
    worst: Money = ZERO
    """The most that the attempt can cost."""


class State(StrEnum):
    """The life of an attempt's row. It leaves HELD once and never returns."""

    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"
    UNCONFIRMED = "unconfirmed"


UNTIL_CLEARED = 253_402_300_800.0
"""The start of the year 10000: until when a bucket is closed that only a person opens."""


class Block(Record):
    """A bucket that was declared closed until ``until``. Times are epoch seconds."""

    bucket: str
    until: Moment
    """`UNTIL_CLEARED` = no time opens it."""
    reason: Text
    at: Moment = 0.0
    """When it was made."""
    origin: Text = ""
    """What said so, such as ``HTTP 429`` or ``header x-ratelimit-remaining-requests``."""
    test_at: Moment | None = None
    """For one that is doubtful: from when on one attempt at a time may test it. None = it is believed."""
    tester: str | None = None
    """The attempt that tests it now."""
    failures: int = 0
    """How many in a row closed it, of what is in trouble; 0 = a limit did, or a bill. What is in trouble holds up
    nobody's admission: routing looks at it, and lets each process test it from ``test_at`` on."""

    kind: str = ""
    """The kind of the failure that closed it, such as ``overloaded``; empty where a limit did, or a bill."""

    def moved(self, seconds: float) -> Block:
        """Return it by a clock that is ahead by so much; what only a person opens has no moment of that."""
        until = self.until if self.is_freeze else self.until + seconds
        test_at = None if self.test_at is None else self.test_at + seconds
        return self.model_copy(update={"until": until, "at": self.at + seconds, "test_at": test_at})

    @property
    def is_freeze(self) -> bool:
        """Whether only a person opens it: a bill was above the worst case."""
        return self.until >= UNTIL_CLEARED


class AttemptFacts(Record):
    """What is kept of an attempt's end that nothing is reckoned by."""

    seconds: float | None = None
    """From the moment it was sent to its end."""
    first_token_seconds: float | None = None
    """From then to the first token of the answer, where it came as a stream."""
    finish_reason: Text | None = None
    """Of the first choice, where the answer came to its end."""
    system_fingerprint: Text | None = None
    """What the provider calls the state of the model that answered."""


BAD = "bad:"
"""Before the kind of an answer that is of no use, where the ledger keeps it: it counts as none."""


class Outcome(AttemptFacts):
    """How an attempt ended, as routing saw it; the ledger makes a `Settlement` of it (``ledger/settle.py``).

    Times are epoch seconds. Exactly one of: an answer (``error`` None), a failure (``error`` = its kind), or a caller
    that went away (``cancelled``).
    """

    at: Moment
    sent: bool = True
    """False when it is certain that no byte of the request left."""
    headers_at: Moment | None = None
    usage: Usage = ABSENT
    """What the provider stated, or ABSENT."""
    complete: bool | None = None
    """Whether the answer had come to its end when ``usage`` was stated: until then it is a running figure, a lower
    bound. None = yes, unless the caller went away or the stream broke off."""
    delivered_tokens: int = 0
    """Estimate, from above, of the output that reached us: for streams that broke off without usage."""
    cut: bool = False
    """Whether the output cap ended the answer: then some was made, were it unseen."""
    served_model: Text | None = None
    stated_cost: Money | None = None
    price: Price | None = None
    """The price of the model that answered; None = unknown, then the reservation's worst case stands."""
    error: str | None = None
    bad_answer: Text | None = None
    """For an answer that is of no use: its kind. It is billed, and used what it says, as any other is."""
    status: int | None = None
    billed: bool | None = None
    """For a failure: whether the provider charges for it; None = nobody knows."""
    cancelled: bool = False
    cancel_safe: bool = False
    """Whether the provider stops generating, and billing, when the connection closes."""
    closes: tuple[Block, ...] = ()
    """What is in trouble, as other processes shall know."""
    opens: tuple[str, ...] = ()
    """Buckets of what was in trouble and is well again."""
    closed_until: Moment | None = None
    """When the provider said that the limit it named opens again."""
    evidence: tuple[Evidence, ...] = ()

    @property
    def final(self) -> bool:
        """Whether the stated usage is the last word on it."""
        if self.complete is not None:
            return self.complete
        return not self.cancelled and self.error != "stream_interrupted"


class Reopening(Record):
    """A block that was opened by hand: what it was, who did it, when (epoch seconds) and why."""

    block: Block
    at: Moment
    who: Text
    note: Text = ""


class Settlement(AttemptFacts):
    """What became of an attempt. ``RELEASED`` gives tokens and money back, ``UNCONFIRMED`` keeps the worst case."""

    state: State
    at: Moment
    headers_at: Moment | None = None
    usage: Usage = Usage()
    cost: Money = ZERO
    list_value: Money | None = None
    """What the answered tokens cost at list price, whoever pays; None = unknown."""
    served_model: Text | None = None
    outcome: str = "ok"
    """``ok``, the kind of the error, or `BAD` and the kind of an answer that is of no use."""
    keeps_request: bool = True
    """False when no byte was sent, so that not even a request was used."""
    blocks: tuple[Block, ...] = ()
    opens: tuple[str, ...] = ()
    """Buckets whose blocks are over."""
    limit_updates: tuple[LimitUpdate, ...] = ()
    overage: bool = False
    """Whether a limit refused it that had room by our own books."""
    charges: tuple[Hold, ...] = ()
    """Money that it cost of what nothing was held of, as it could not cost anything: it counts there all the same."""
    samples: tuple[Sample, ...] = ()
    uncached: tuple[str, ...] = ()
    """Buckets in which those tokens of the prompt don't count that the provider had in its cache."""
    unbooked: str | None = None
    """Why it is not in the books yet; this process tries again until it is. No store keeps this."""


class Unconfirmed(Record):
    """An attempt whose end is not known: its worst case stands until somebody settles it by hand."""

    attempt_id: str
    provider: str
    account: str
    model: str
    at: Moment
    outcome: str
    cost: Money
    funds: Funds
    tag: str | None = None


class KnownAttempt(AttemptFacts):
    """An attempt as the ledger keeps it: what became of it, and what it cost; held or unconfirmed, at most."""

    attempt_id: str
    at: Moment
    """When it began, in epoch seconds."""
    outcome: Literal["held", "unconfirmed", "unsent", "answered", "failed"]
    cost: Money
    principal: str | None = None
    """Whom it was for; None = the operator."""


class UsageRow(Record):
    """Totals of a provider and model over a span of time: of what reached the provider, or may have.

    ``exact`` tells whether every attempt's end is known.
    """

    provider: str
    model: str
    requests: int
    answered: int
    released: int
    unconfirmed: int
    held: int
    overages: int = 0
    """Refusals by a limit that had room by our own books."""
    prompt_tokens: int
    completion_tokens: int
    cost: Money
    """What the owner pays; for unconfirmed attempts the worst case."""
    credit: Money
    """Granted credit that was used up."""
    list_value: Money
    """What the answered tokens would have cost at list price, where it is known."""
    day: str | None = None
    """The ISO date (UTC) that the row is of; None = of the whole span."""
    tag: str | None = None
    """The tag that the row is of, empty for attempts without one; None = of all."""

    @property
    def saved(self) -> Money:
        """What was not paid for at list price."""
        return Money(pico=max(0, self.list_value.pico - self.cost.pico))

    @property
    def exact(self) -> bool:
        """Whether every attempt's end is known."""
        return not (self.unconfirmed or self.held)
