"""Why the ledger did not admit an attempt: fields to decide by, and the one place that makes words of them."""

from __future__ import annotations

from enum import StrEnum

from shunpike.types.base import Moment, Record
from shunpike.types.ledger import Block
from shunpike.types.limits import MONEY, Limit, Owner


class DeniedBy(StrEnum):
    """What kind of thing denied an attempt, before anything was sent."""

    LIMIT = "limit"
    """A provider's limit, or one that the owner set."""
    BUDGET = "budget"
    """A budget of the owner's, or of whoever asked."""
    POLICY = "policy"
    """The settings: it costs money, or may, and they do not allow that."""
    PACE = "pace"
    """The limit has room; the owner's pace keeps some of it for later, or for persons."""
    BLOCK = "block"
    """It was declared closed: by the provider, for a bill above the worst case, or by a person."""


class DenialCause(StrEnum):
    """What stood in the way."""

    FULL = "full"
    """There is no room now."""
    TOO_LARGE = "too_large"
    """The request alone is larger than the limit or budget."""
    PACED = "paced"
    """There is room, which is kept for later."""
    BLOCKED = "blocked"
    """It is closed."""
    PAID_OFF = "paid_off"
    """It costs money, and ``allow_paid`` is off."""
    NO_BUDGET = "no_budget"
    """``allow_paid`` is on, but no budget bounds it."""
    PRICE_UNKNOWN = "price_unknown"
    """It may cost money, and nobody knows how much; or a budget counts list value, and none is known."""
    LIMITS_UNKNOWN = "limits_unknown"
    """It may cost money, and nobody knows what the provider allows."""


_POLICY = {
    DenialCause.PAID_OFF: "allow_paid is off",
    DenialCause.NO_BUDGET: "allow_paid is on, but no budget bounds it",
    DenialCause.PRICE_UNKNOWN: "price unknown",
    DenialCause.LIMITS_UNKNOWN: "limits unknown",
}
_BY = {DenialCause.PACED: DeniedBy.PACE, DenialCause.BLOCKED: DeniedBy.BLOCK, **dict.fromkeys(_POLICY, DeniedBy.POLICY)}


class Denial(Record):
    """Nothing was taken: what denied it, and when that opens."""

    cause: DenialCause
    bucket: str = ""
    """Where there was no room; empty for the policy."""
    limit: Limit | None = None
    """What is full, too small, paced or closed; None for the policy, and where a whole scope is closed."""
    owner: Owner = Owner.PROVIDER
    """Whose limit it is."""
    block: Block | None = None
    """What closed it."""
    used: int | None = None
    """Of a limit that is full or paced: what is used of it, as far as the store told."""
    retry_at: Moment | None = None
    """The earliest moment it opens; None = never by waiting."""
    held: bool = False
    """Only what running attempts hold is in the way, and what of it they don't use comes back when they end: nobody
    knows when, ``retry_at`` is the moment from which on it is worth another look."""
    earliest: bool = False
    """Whether ``retry_at`` goes by the end of an attempt that still runs, and so is the earliest moment at best."""
    ahead: int = 0
    """How many requests of this process wait for the same bucket and come first."""
    returned: bool = False
    """Whether it was granted first, and given back for one that comes first: its attempt is in the books, unsent."""
    fits: int | None = None
    """Output tokens per choice that would fit when the limit is empty; 0 = none beside this prompt. None where a
    smaller ``max_tokens`` would not help, or the store can't tell."""

    @property
    def by(self) -> DeniedBy:
        """What kind of thing denied it."""
        full = DeniedBy.BUDGET if self.owner is Owner.OPERATOR or self._is_of_money else DeniedBy.LIMIT
        return _BY.get(self.cause, full)

    @property
    def _is_of_money(self) -> bool:
        return self.owner is Owner.PRINCIPAL and self.limit is not None and self.limit.unit in MONEY

    @property
    def impossible(self) -> bool:
        """Whether no waiting helps."""
        return self.cause is DenialCause.TOO_LARGE or self.by is DeniedBy.POLICY

    @property
    def text(self) -> str:
        """What denied it, for a person, such as ``limit 30 requests / 60 s``."""
        if self.cause in _POLICY:
            return _POLICY[self.cause]
        if self.limit is None:
            return "closed" if self.block is None else self.block.reason
        if self.cause is DenialCause.PACED:
            return f"paced: {self.limit.said(self.used or 0)} of {self.limit.text} used"
        return self.limit.text_of(self.owner)

    @property
    def reason(self) -> str:
        """Why it was denied, for a person."""
        said = self.text
        if self.cause is DenialCause.TOO_LARGE and self.limit is not None and self.limit.amount:
            said = f"too large for the {said}"
            if self.fits:
                said += f": lower max_tokens to {self.fits:,}"
        if self.held:
            said += ", held by requests that are running"
        elif self.earliest:
            said += ", counting requests that are running"
        if self.ahead:
            said += f", {self.ahead} earlier request{'s' if self.ahead > 1 else ''} waiting for it"
        return said
