"""A stream that is left before its end is billed what was used, as far as it is known, else what may have been."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.types import Billing, Chunk, Price, Usage
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider

from .conftest import MakeClient

PRICE = Price.per_million("1", "2")
FOUND = Usage(prompt_tokens=9, completion_tokens=2)
ACTUAL = 9 * 1_000_000 + 2 * 2_000_000


@pytest.mark.parametrize("cancel_safe", [True, False])
@pytest.mark.parametrize("told", [True, False], ids=["usage came", "no usage"])
async def test_what_is_left_is_settled_by_its_usage_else_by_what_it_may_have_cost(
    make_client: MakeClient, *, cancel_safe: bool, told: bool
) -> None:
    """F6: the usage where it came; else what was received where leaving ends the bill, and all that was held."""
    last: list[Any] = [Chunk(finish_reason="stop", usage=FOUND)] if told else []
    only = ScriptedProvider("only", billing=Billing.CARD, price=PRICE)
    only.backend = ScriptedBackend([[Chunk(text="some words"), *last, Chunk()]], cancel_safe=cancel_safe)
    budgets = [{"amount": {"pico": 10**13}, "period": "day"}]
    async with make_client(only, allow_paid=True, budgets=budgets) as asked:
        async with asked.stream("hi", max_tokens=100) as answer:
            for _ in range(1 + len(last)):
                await anext(answer)
        (row,) = await asked.usage(0.0, 1e11)
    assert row.held == 0
    if told:
        assert row.cost.pico == ACTUAL
    elif cancel_safe:
        assert 0 < row.cost.pico < 100 * 2_000_000
    else:
        assert row.cost.pico >= 100 * 2_000_000
