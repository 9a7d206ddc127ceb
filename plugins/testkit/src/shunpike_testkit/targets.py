"""Short ways to write down targets, asks and limits in tests of ledgers and strategies."""

from __future__ import annotations

from datetime import date
from typing import Any

from shunpike.ledger.windows import Window
from shunpike.protocols import AdmissionRequest, Target
from shunpike.types import Billing, Limit, ModelInfo, Price, ProviderInfo, Rolling, Tier, Unit

DAY_ONE = date(2026, 11, 22)
PRICE = Price(prompt=10, completion=20)


def target(tier: str = "none", *, name: str = "north", account: str = "default", **fields: Any) -> Target:
    """Return a target on an account of the tier ``none``, ``credit`` (one dollar) or ``card``."""
    tiers = (
        Tier(name="none", billing=Billing.NONE),
        Tier(name="credit", billing=Billing.CREDIT, credit_usd="1"),
        Tier(name="card", billing=Billing.CARD),
    )
    provider = ProviderInfo(
        id="north",
        title="North",
        base_url="https://north.test",
        default_tier="none",
        tiers=tiers,
        as_of=DAY_ONE,
        source="test",
    )
    model = ModelInfo(provider="north", id=fields.pop("model", "m-1"), as_of=DAY_ONE, source="test")
    known = {"provider": provider, "name": name, "model": model, "account": account, "tier": tier, "order": 1}
    return Target(**{**known, "price": PRICE, **fields})


def ask(name: str = "a", **fields: Any) -> AdmissionRequest:
    """Return an attempt of 100 prompt tokens and at most 50 output tokens."""
    known = {"attempt_id": name, "request_id": "r", "prompt_tokens": 100, "max_output": 50}
    return AdmissionRequest(**{**known, **fields})


def limit(amount: int, unit: Unit = Unit.REQUEST, window: Window | None = None, **fields: Any) -> Limit:
    """Return a limit of one model, per minute unless another window is given."""
    return Limit(unit=unit, amount=amount, window=window or Rolling(seconds=60), **fields)
