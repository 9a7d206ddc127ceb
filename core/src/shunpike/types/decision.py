"""The record of a decision: who was considered, why not, which attempts were made, and what came of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from typing_extensions import override

from shunpike.types.affinity import SessionAffinity
from shunpike.types.base import Moment, Record, label
from shunpike.types.denial import DeniedBy
from shunpike.types.limits import Limit, Owner, Remaining
from shunpike.types.money import ZERO, Money
from shunpike.types.usage import ABSENT, Usage


class Verdict(StrEnum):
    """What became of a candidate."""

    ANSWERED = "answered"
    DROPPED = "dropped"
    """Not eligible: the plan left it out."""
    DENIED = "denied"
    """A limit, a budget, the settings or known trouble stood in the way: nothing was sent."""
    FAILED = "failed"
    UNUSED = "unused"
    """Eligible, but another answered first."""


class Cause(StrEnum):
    """Why a candidate was not asked, by what would change it."""

    QUOTA = "quota"
    """A limit or budget is used up."""
    TOO_LARGE = "too_large"
    """The request alone is larger than a limit."""
    POLICY = "policy"
    """The owner's own settings: money is not allowed, no budget bounds it, a limit of nothing."""
    CONFIG = "config"
    """A setting, a variable of the environment or a file that can't be used: nothing could be sent."""
    KEY = "key"
    """There is none."""
    BAD_KEY = "bad_key"
    """What stands where the key should be can't be one, such as a placeholder."""
    TROUBLE = "trouble"
    """It is out of order, or was a moment ago: it is looked at again soon."""
    UNABLE = "unable"
    """The model can't do what the request needs."""
    CONTEXT = "context"
    """The prompt is larger than the model's context: see ``Candidate.context``."""
    UNKNOWN_CONTEXT = "unknown_context"
    """Nobody knows whether the model's context has room for so large a prompt, and others have."""
    PRICE = "price"
    """It costs money, and nobody knows how much."""
    NO_PAID = "no_paid"
    """It costs money, and whoever asks wants nothing that does."""
    DATA_POLICY = "data_policy"
    """It trains on prompts, or may do so, and that is not allowed."""
    QUALITY = "quality"
    """Its answers are not as good as the caller wants, or nobody knows how good they are."""
    OFF = "off"
    """Its section of the settings switches it off."""
    DISABLED = "disabled"
    """An operator switched it off while processes run: ``shunpike providers enable`` undoes it."""
    ATTEMPTS = "attempts"
    """The request had used up its attempts."""
    TIME = "time"
    """The request's time was used up."""


class Blocking(Record):
    """What stood in the way of a candidate, in figures. Money is in pico-dollars, as limits count it."""

    bucket: str = ""
    """Where it was full: the name of what is shared."""
    limit: Limit | None = None
    """The limit or budget, with its source; None where a whole scope was closed."""
    owner: Owner = Owner.PROVIDER
    """Whose it is."""
    used: int | None = None
    """What was used of it, where that is known."""
    closed_by: str = ""
    """What closed it, where it was declared closed: such as ``HTTP 429``, or the kind of a failure."""
    failures: int = 0
    """How many failures in a row closed it; 0 = none did."""


class Candidate(Record):
    """A model at a provider that could have answered. ``retry_at`` is when it opens, where time opens it."""

    provider: str
    model: str
    verdict: Verdict
    reason: str = ""
    retry_at: Moment | None = None
    by: DeniedBy | None = None
    """Where a limit, a budget, the pace or the settings denied it: which of these."""
    context: int | None = None
    """Tokens of its context, where that is too small."""
    cause: Cause | None = None
    """Where it was not asked: what stood in the way, as far as a caller can change it."""
    score: float | None = None
    """What the strategy gave it, where it gives a figure."""
    why: str = ""
    """Why the strategy put it in its place, where it says so."""
    earliest: bool = False
    """Whether ``retry_at`` is the earliest moment at best: it opens some time after a running request has ended."""
    rank: int | None = None
    """Its place in the order in which the plan asks, from 1; None where the plan left it out."""
    evidence: Blocking | None = None
    """Where a limit, a budget, the pace or a block denied it: the figures."""


class AttemptRecord(Record):
    """One attempt. Times are epoch seconds, ``error`` is the kind of the failure, None when it answered."""

    id: str
    provider: str
    model: str
    started_at: Moment
    seconds: float
    first_token_seconds: float | None = None
    error: str | None = None
    message: str | None = None
    status: int | None = None
    usage: Usage = ABSENT
    cost: Money = ZERO
    state: str = "settled"
    admit_seconds: float = 0.0
    """How long the ledger took to admit it, before ``started_at``."""
    served_model: str | None = None
    """The model that the provider says it was, where it says so."""
    list_price: Money | None = None
    """What it is worth at list price, whoever pays; None = unknown."""


class RequestOutcome(StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    EXHAUSTED = "exhausted"
    """Every candidate was closed."""
    FAILED = "failed"
    """It ended with another error: its own fault, the set-up's, the ledger's, or a stream that broke off."""
    CANCELLED = "cancelled"
    """Its caller went away."""


class Decision(Record):
    """Why an answer came from where it came, or why none came. It holds no prompt, no answer and no key."""

    requested_model: str
    strategy: str
    user: str | None = None
    """The caller's own name for whom it was asked."""
    candidates: tuple[Candidate, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    remaining: tuple[Remaining, ...] = ()
    """What was left of the limits of the target that answered, while the worst case of this attempt was held."""
    notes: tuple[str, ...] = ()
    request_id: str = ""
    began_at: Moment = 0.0
    seconds: float = 0.0
    """From its beginning to its end."""
    kind: Literal["chat", "embedding"] = "chat"
    streamed: bool = False
    """Whether the answer was read as it was made."""
    ended: RequestOutcome | None = None
    """How it ended; None = it had not when this was written."""
    error: str | None = None
    """The kind of what it ended with, None where it was answered."""
    provider: str | None = None
    """Who answered."""
    served_model: str | None = None
    """The model that answered, as its provider names it."""
    alias: str | None = None
    """The alias of the settings that the request named, or a rule gave it."""
    rule: str | None = None
    """The rule of the settings that chose for it."""
    affinity: SessionAffinity | None = None
    """Whether it stayed where its conversation was, and why."""
    warnings: tuple[str, ...] = ()
    retry_at: Moment | None = None
    """Of an exhausted request: the earliest moment at which it can be answered."""
    prompt_tokens: int = 0
    """The prompt, as far as it was counted or estimated."""
    strict: bool = False
    """Whether nothing else might answer than what was asked for."""
    priority: Literal["interactive", "batch"] = "interactive"
    tag: str | None = None
    """The caller's own word for the task."""
    principal: str | None = None
    """Whom it was admitted for, such as a client key; None = the operator."""

    @property
    def cost(self) -> Money:
        """What all attempts cost, as the ledger booked them."""
        return sum((one.cost for one in self.attempts), ZERO)

    @override
    def __repr__(self) -> str:
        """One line: what was asked for, and how many were considered and tried."""
        tried = ", ".join(f"{label(one.provider, one.model)} {one.error or 'answered'}" for one in self.attempts[:3])
        more = f", {len(self.attempts) - 3} more" if len(self.attempts) > 3 else ""
        asked = f"candidates: {len(self.candidates)}, tried: {tried or 'none'}{more}"
        return f"<Decision {self.requested_model!r} by {self.strategy}: {asked}>"
