"""What is known of a provider and its models before anything is sent. All of it is dated data."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from pydantic import Field

from shunpike.types.base import Record
from shunpike.types.limits import Limit


class Billing(StrEnum):
    """What an account can cost: nothing, a granted credit that runs out, or money."""

    NONE = "none"
    CREDIT = "credit"
    CARD = "card"


class Tier(Record):
    """A kind of account at a provider."""

    name: str
    billing: Billing
    credit_usd: str | None = None
    """The granted credit where ``billing`` is ``credit``; spent at list price, never a bill."""
    limits: tuple[Limit, ...] = ()
    """Limits of the whole account, beside those of its models."""
    trains_on_prompts: bool | None = None
    """Whether what is sent may be used for training; None = unknown, which counts as yes where that matters."""


class PriceRow(Record):
    """Dollars per million tokens (strings, exact), in force between two days and inside daily UTC windows.

    ``hours_utc`` are half-open hours such as ``((1, 4), (6, 10))``, ``weekdays`` 0 (Monday) to 6. The row whose
    conditions are narrowest wins; a prompt of more than ``above_prompt_tokens`` is priced by that row as a whole.
    """

    prompt: str
    completion: str
    cached: str | None = None
    cache_write: str | None = None
    request: str = "0"
    """Dollars per request."""
    effective_from: date | None = None
    effective_until: date | None = None
    """The last day on which the row holds."""
    hours_utc: tuple[tuple[int, int], ...] | None = None
    weekdays: tuple[int, ...] | None = None
    above_prompt_tokens: int | None = None
    source: str | None = None


class ModelInfo(Record):
    """One model at one provider. None = unknown, never zero."""

    provider: str
    id: str
    kind: Literal["chat", "embedding"] = "chat"
    context: int | None = None
    """Tokens of prompt and answer together, or of the prompt alone where the provider counts so."""
    max_output: int | None = None
    features: frozenset[str] = frozenset()
    """Of: tools, json, json_schema, vision, reasoning."""
    status: Literal["active", "deprecated", "retired", "unverified"] = "active"
    retired_on: date | None = None
    successor: str | None = None
    aliases: tuple[str, ...] = ()
    family: str | None = None
    """What the same open model is called that other providers have under other ids; None = its ids and aliases tell."""
    prices: tuple[PriceRow, ...] = ()
    limits: dict[str, tuple[Limit, ...]] = Field(default_factory=dict)
    """Tier name → its limits. A model is offered on exactly the tiers named here."""
    quality: float | None = None
    as_of: date
    source: str


class ProviderInfo(Record):
    """A provider: how to reach it, which variable holds its key, which accounts exist."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    title: str
    env_key: str | None = None
    """The variable that holds the key; None = no key is needed."""
    key_url: str | None = None
    base_url: str
    order: int = 100
    """Place in the default fall-over order, smallest first."""
    default_tier: str
    tiers: tuple[Tier, ...]
    status: Literal["active", "unverified"] = "active"
    service_tiers: dict[str, Decimal] = Field(default_factory=dict)
    """Tier of service → its factor on the list price. Empty = one price for all; a tier that is missing is unknown.
    ``auto`` is the dearest that may be chosen where none, or ``auto``, is asked for."""
    simulated: bool = False
    """True for a sandbox: used only when nothing real is set up, and always labelled."""
    as_of: date
    source: str

    def tier(self, name: str) -> Tier:
        """Return the tier ``name``. Raises `KeyError` naming what exists."""
        for tier in self.tiers:
            if tier.name == name:
                return tier
        raise KeyError(f"{self.id} has no tier {name!r}; it has {', '.join(t.name for t in self.tiers)}")
