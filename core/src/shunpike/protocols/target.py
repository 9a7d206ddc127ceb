"""Where an attempt goes."""

from __future__ import annotations

from shunpike.types import ModelInfo, Price, ProviderInfo
from shunpike.types.base import Record


class Target(Record):
    """A model at a provider with the account that would be used: where an attempt goes."""

    provider: ProviderInfo
    name: str
    """The configured name of the provider's section, usually its id."""
    model: ModelInfo
    account: str
    tier: str
    order: int
    model_order: int = 0
    price: Price | None = None  # the one in force now; None = unknown
    paid: bool = False
    """True when an attempt can cost the owner money."""
    key_origin: str = ""  # a variable's name, ``keys.toml`` or ``settings``; empty without a key

    @property
    def label(self) -> str:
        """``provider/model``."""
        return f"{self.name}/{self.model.id}"
