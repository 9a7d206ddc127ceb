"""Bounds on money that change while a client runs hold at once."""

from __future__ import annotations

import pytest

from shunpike.errors import Exhausted
from shunpike.types import Billing, Budget, Money, Price
from shunpike_testkit.scripted import ScriptedProvider

from .conftest import MakeClient

PAID = {"allow_paid": True, "budgets": [{"amount": {"pico": 10**12}, "period": "day"}]}


def paid() -> ScriptedProvider:
    return ScriptedProvider("acme", billing=Billing.CARD, price=Price.per_million("1", "2"))


async def test_a_budget_that_was_lowered_binds_the_next_attempt(make_client: MakeClient) -> None:
    async with make_client(paid(), **PAID) as client:
        await client.complete("hello")
        lower = (Budget(amount=Money(pico=1), period="day"),)
        client.ledger.apply(client.settings.model_copy(update={"budgets": lower}))
        with pytest.raises(Exhausted, match="budget"):
            await client.complete("hello")


async def test_money_that_is_no_longer_allowed_is_not_spent(make_client: MakeClient) -> None:
    async with make_client(paid(), **PAID) as client:
        await client.complete("hello")
        client.ledger.apply(client.settings.model_copy(update={"allow_paid": False}))
        with pytest.raises(Exhausted, match="allow_paid"):
            await client.complete("hello")
