"""Where an attempt goes."""

from __future__ import annotations

from shunpike.types import ModelInfo, Price, ProviderInfo
from shunpike.types.base import Record

GIVEN = "settings"
"""The origin of a key that the settings themselves hold."""


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
    trains_on_prompts: bool | None = None
    """Whether what is sent may be used for training; None = unknown."""
    key_origin: str = ""  # a variable's name, ``keys.toml`` or ``settings``; empty without a key

    @property
    def label(self) -> str:
        """``provider/model``."""
        return f"{self.name}/{self.model.id}"


def key_hint(variable: str | None, provider: str, origin: str = "") -> str:
    """Return what to do about a key of ``provider`` that was refused; ``origin`` is where it came from, if known.

    Without it, ``variable`` may hold the key, or the store.
    """
    another = f"store another key: shunpike keys set {provider}"
    if origin and origin == variable:
        return f"put another key into the variable {variable}, which wins over a stored one"
    if origin == GIVEN:
        return f"replace the key that the settings give: providers.{provider}.key"
    if origin:
        return another
    return f"check the variable {variable}   ·   or {another}" if variable else another
