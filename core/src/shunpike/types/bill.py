"""What a provider states of one attempt beside its failure."""

from __future__ import annotations

from shunpike.types.base import Record
from shunpike.types.money import Money
from shunpike.types.usage import ABSENT, Usage


class Bill(Record):
    """What was stated with or after a failure: it is billed, although there is no answer."""

    usage: Usage = ABSENT
    stated_cost: Money | None = None
    model: str | None = None
    """The model that was billed; None = the one that was asked."""
    service_tier: str | None = None
