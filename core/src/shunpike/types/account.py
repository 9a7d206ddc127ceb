"""What a provider tells of itself and of an account: the models it has now, what is left of money and quotas."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from shunpike.types.base import Record
from shunpike.types.limits import Evidence
from shunpike.types.provider import PriceRow


class LiveModel(Record):
    """A model as the provider's own list tells of it today. None = the list does not say."""

    id: str
    kind: Literal["chat", "embedding", "other"] | None = None
    context: int | None = None
    max_output: int | None = None
    price: PriceRow | None = None
    """Dollars per million tokens; a list that states a negative price states none."""
    free: bool = False
    """Stated to cost nothing, by a price of zero or by its name."""
    features: frozenset[str] | None = None
    """Of: tools, json, json_schema, vision, reasoning."""
    retires_on: date | None = None


class Balance(Record):
    """What an account still has, as its provider tells. Amounts are exact, in ``currency``; None = not told."""

    name: str
    """What it is the balance of, such as ``account`` or ``key``."""
    currency: str | None = None
    """ISO 4217, as told: it is not converted."""
    left: Decimal | None = None
    used: Decimal | None = None
    limit: Decimal | None = None
    granted: Decimal | None = None
    """The part of ``left`` that was a gift."""
    resets: str | None = None
    """When ``used`` starts anew, in the provider's word, such as ``monthly``."""
    usable: bool | None = None
    """Whether the account can be called at all."""
    evidence: tuple[Evidence, ...] = ()
    """Quotas that are told with it."""
