"""Accounts: one per key, made on first sight, each with its own limits and its own purse."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from shunpike_sandbox.catalog import Provider
from shunpike_sandbox.limits import Gate
from shunpike_sandbox.prompt_cache import PromptCache

KEY_PREFIX = "sandbox"


@dataclass(slots=True)
class SimulatedAccount:
    """What a provider keeps about one key."""

    provider: str
    key: str
    tier: str
    balance: int | None
    """Prepaid pico-dollars, or None where nothing is prepaid."""
    credit: int = 0
    """Promotional pico-dollars, spent instead of the balance."""
    spent: int = 0
    prepaid: bool = False
    gate: Gate = field(default_factory=Gate)
    prompts: PromptCache = field(default_factory=PromptCache)
    answers: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    """Earlier visits by the id of their answer, where the provider tells about them."""

    @property
    def billed(self) -> bool:
        """Whether answers cost this account money."""
        return self.tier == "paid"

    @property
    def funds(self) -> int | None:
        """Pico-dollars that can still be spent, or None for an account that is not prepaid."""
        return (self.balance or 0) + self.credit if self.prepaid else None

    def charge(self, cost: int) -> tuple[int, int]:
        """Book ``cost``; return what was billed and what the promotional credit paid."""
        promo = min(cost, self.credit)
        self.credit -= promo
        bill = cost - promo if self.billed else 0
        self.spent += bill
        if self.balance is not None:
            self.balance -= bill
        return bill, promo


def valid(key: str | None) -> bool:
    """Tell whether a key opens an account here."""
    return key is not None and key.startswith(KEY_PREFIX)


def tier_of(key: str, provider: Provider) -> str:
    """Return the tier that a key asks for: ``-paid`` inside it overrules a free default."""
    return "paid" if "-paid" in key or provider.default_tier == "paid" else "free"


def open_account(key: str, provider: Provider) -> SimulatedAccount:
    """Return a new account for a key; ``-empty`` inside it means that its money is gone."""
    tier = tier_of(key, provider)
    balance, credit = provider.balance[tier], provider.credit[tier]
    prepaid = balance is not None or credit > 0
    if "-empty" in key:
        balance, credit = (0 if prepaid else None), 0
    return SimulatedAccount(provider.id, key, tier, balance, credit, prepaid=prepaid)
