"""A call that wants nothing that costs money gets nothing that does, whatever the settings allow."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.errors import Exhausted
from shunpike.types import Billing, Cause, Price
from shunpike_testkit.scripted import ScriptedProvider, answer

from ..capabilities.scripted_embedding import EmbeddingProvider  # noqa: TID252 - the tests are no package
from .conftest import MakeClient

PAYS: dict[str, Any] = {"allow_paid": True, "budgets": [{"amount": "5.00", "period": "day"}]}
PRICE = Price.per_million("1", "2")


def dear(*steps: Any) -> ScriptedProvider:
    return ScriptedProvider("dear", *steps, billing=Billing.CARD, price=PRICE)


async def test_what_costs_money_is_left_out_for_this_call_and_for_no_other(make_client: MakeClient) -> None:
    paid = dear(answer("paid"))
    async with make_client(paid, wait=False, **PAYS) as client:
        with pytest.raises(Exhausted, match="costs money, and no_paid is on") as caught:
            await client.complete("hello", no_paid=True, max_tokens=50)
        assert caught.value.hint.startswith("leave no_paid out")
        (candidate,) = caught.value.decision.candidates
        assert (candidate.cause, candidate.by) == (Cause.NO_PAID, None)
        assert (await client.complete("hello", max_tokens=50)).text == "paid"
    assert len(paid.backend.calls) == 1


async def test_what_is_free_answers_without_a_word(make_client: MakeClient) -> None:
    async with make_client(dear(), ScriptedProvider("free"), strategy="quality", **PAYS) as client:
        assert (await client.complete("hello", no_paid=True)).provider == "free"
        assert (await client.route("hello", no_paid=True)).planned[0].candidate.provider == "free"


async def test_it_holds_for_vectors_too(make_client: MakeClient) -> None:
    north = EmbeddingProvider("north")
    north.billing, north.price = Billing.CARD, PRICE
    async with make_client(north, wait=False, **PAYS) as client:
        with pytest.raises(Exhausted, match="no_paid"):
            await client.embed("hello", model="north/embed-1", no_paid=True)
