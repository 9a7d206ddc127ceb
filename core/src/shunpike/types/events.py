"""What happened, as observers get it: a frozen class for each event, never with a key or a prompt.

Every request has one `RequestStarted` and one `RequestEnded`, every attempt one `AttemptStarted` and one
`AttemptEnded`; what the ledger books is an event of its own. ``at`` is epoch seconds; ``seconds`` are counted on a
clock that is never set back.
"""

from __future__ import annotations

from typing import Literal

from shunpike.types.base import Moment, Record
from shunpike.types.decision import Cause
from shunpike.types.denial import DeniedBy
from shunpike.types.money import ZERO, Money
from shunpike.types.usage import ABSENT, Usage


class Event(Record):
    """Something that happened. Each kind is a class of its own, ``name`` is its name outside of Python."""

    name: str
    at: Moment


class RequestEvent(Event):
    """Something of one request."""

    request_id: str


class RequestStarted(RequestEvent):
    """A request has its plan and is about to ask the first provider."""

    name: Literal["request.started"] = "request.started"
    model: str
    """As the caller named it, such as ``auto``."""
    kind: Literal["chat", "embedding"]
    priority: Literal["interactive", "batch"]
    tag: str | None = None
    user: str | None = None
    """The caller's own name for whom it is."""
    candidates: int
    """How many could be asked."""


class RequestWaiting(RequestEvent):
    """A request begins to wait for something that is full or in trouble, or for something else than before."""

    name: Literal["request.waiting"] = "request.waiting"
    provider: str
    model: str
    limit: str
    """The limit or budget, or what is in trouble, in words for a person."""
    retry_at: Moment | None
    """When it opens, as far as time opens it."""
    held: bool
    """Whether running requests hold it, so that nobody knows when it opens."""
    earliest: bool
    """Whether ``retry_at`` is the earliest moment at best."""
    ahead: int
    """How many requests of this process come first."""


class RequestEnded(RequestEvent):
    """A request is over. Cost and tokens are those of all its attempts, as the ledger booked them."""

    attempts: int
    seconds: float
    cost: Money = ZERO
    usage: Usage = ABSENT


class RequestFinished(RequestEnded):
    """It was answered."""

    name: Literal["request.finished"] = "request.finished"
    provider: str
    model: str


class RequestExhausted(RequestEnded):
    """No provider could answer."""

    name: Literal["request.exhausted"] = "request.exhausted"
    retry_at: Moment | None
    """When the first of them opens, as far as it is known."""


class RequestFailed(RequestEnded):
    """It ended without an answer for another reason."""

    name: Literal["request.failed"] = "request.failed"
    error: str
    """The kind of the failure (``invalid_request``), ``cancelled`` where the caller went away, else a class."""


class AttemptEvent(RequestEvent):
    """Something of one attempt."""

    attempt_id: str
    provider: str
    model: str


class AdmissionDenied(AttemptEvent):
    """Nothing was sent: a limit, a budget, the pace, a block or the settings stood in the way of this id's attempt."""

    name: Literal["admission.denied"] = "admission.denied"
    by: DeniedBy
    """What stood in the way."""
    cause: Cause
    limit: str
    retry_at: Moment | None


class AttemptStarted(AttemptEvent):
    """An attempt was admitted and is about to be sent."""

    name: Literal["attempt.started"] = "attempt.started"


class AttemptEnded(AttemptEvent):
    """An attempt is over. Cost and tokens are as the ledger booked them."""

    seconds: float
    first_token_seconds: float | None = None
    """Of a streamed answer: until its first content."""
    state: str
    """What the ledger made of it: ``settled``, ``released`` or ``unconfirmed``."""
    cost: Money
    usage: Usage


class AttemptFinished(AttemptEnded):
    """It gave the answer."""

    name: Literal["attempt.finished"] = "attempt.finished"


class AttemptFailed(AttemptEnded):
    """It gave none, or one that was no use."""

    name: Literal["attempt.failed"] = "attempt.failed"
    error: str
    """The kind of the failure; ``cancelled`` where the caller went away."""
    status: int | None = None


class BucketBlocked(AttemptEvent):
    """The end of an attempt blocked a bucket: a limit that a provider named, or something in trouble."""

    name: Literal["bucket.blocked"] = "bucket.blocked"
    bucket: str
    until: Moment
    reason: str
    origin: str
    """What said so, such as ``HTTP 429``."""


class AccountFrozen(AttemptEvent):
    """A bill was above the worst case that was held: only a person opens the account again."""

    name: Literal["account.frozen"] = "account.frozen"
    bucket: str
    reason: str
    origin: str


class AttemptSettled(AttemptEvent):
    """The ledger booked the end of an attempt, once."""

    name: Literal["attempt.settled"] = "attempt.settled"
    principal: str | None = None
    """Whose budgets it drew on beside the owner's, such as a key of a gateway."""
    state: str
    outcome: str
    """``ok`` or the kind of the failure."""
    cost: Money
    list_value: Money | None
    """What it would have cost at list price, whoever pays; None = unknown."""
    usage: Usage
    seconds: float | None = None


class AttemptsRecovered(Event):
    """Attempts of a process that ended without booking them were found; their worst case stays held."""

    name: Literal["attempts.recovered"] = "attempts.recovered"
    count: int


class PluginBroken(Event):
    """A plugin did what its contract forbids; told once for each plugin and place."""

    name: Literal["plugin.broken"] = "plugin.broken"
    plugin: str
    what: str
    error: str


EVENTS: tuple[type[Event], ...] = (
    RequestStarted,
    RequestWaiting,
    RequestFinished,
    RequestExhausted,
    RequestFailed,
    AdmissionDenied,
    AttemptStarted,
    AttemptFinished,
    AttemptFailed,
    BucketBlocked,
    AccountFrozen,
    AttemptSettled,
    AttemptsRecovered,
    PluginBroken,
)
"""Every event there is, in the order in which a request meets them."""
