"""A gateway that ends its waiting does not know what the provider behind it went on to make, and to bill."""

from __future__ import annotations

import pytest

from shunpike.errors import Exhausted
from shunpike_testkit.upstream import Upstream, reply

from .conftest import START, MakeClient
from .test_stated_usage import everywhere, model_of, paid


@pytest.mark.parametrize("provider", ["deepseek", "openrouter", "openai", "together"])
@pytest.mark.parametrize(("status", "unknown"), [(408, 1), (499, 1), (504, 1), (524, 1), (502, 0), (503, 0)])
async def test_a_time_out_of_a_gateway_is_held_at_its_worst_case(
    make_client: MakeClient, upstream: Upstream, provider: str, status: int, unknown: int
) -> None:
    """It was released as $0.00, exact."""
    model = model_of(provider)
    everywhere(upstream, provider, model.id, reply({"error": {"message": "gateway time-out"}}, status=status))
    async with paid(make_client, upstream, provider) as client:
        with pytest.raises(Exhausted):
            await client.complete("hi there", model=f"{provider}/{model.id}", max_tokens=40, wait=False)
        rows = await client.usage(0, START * 2)
    assert sum(row.unconfirmed for row in rows) >= unknown
    assert any(row.cost.pico > 0 for row in rows) is bool(unknown)
