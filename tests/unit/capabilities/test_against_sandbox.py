"""The capabilities against the simulated providers, whose rules are as strict as the real ones."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.client import Client, Where
from shunpike.errors import Exhausted

from .conftest import SEVEN, START

KEY = "sandbox-1"


@pytest.mark.parametrize(
    ("model", "dimensions", "length"),
    [
        ("google/gemini-embedding-2", None, 3072),
        ("google/gemini-embedding-001", 256, 256),
        ("openai/text-embedding-3-small", None, 1536),
        ("openai/text-embedding-3-large", 512, 512),
        ("together/BAAI/bge-base-en-v1.5", None, 768),
    ],
)
async def test_each_provider_embeds(client: Client, model: str, dimensions: int | None, length: int) -> None:
    more: Any = {} if dimensions is None else {"dimensions": dimensions}
    done = await client.embed(["a side road", "a side road", "something else"], model=model, **more)
    first, second, third = done.vectors
    assert (done.dimensions, first == second, first == third) == (length, True, False)
    assert done.provider == model.partition("/")[0]


async def test_too_many_texts_for_one_batch_are_not_sent(client: Client) -> None:
    with pytest.raises(Exhausted, match="google embeds 100 texts at once, not 101"):
        await client.embed(["a"] * 101, model="google/gemini-embedding-2")
    assert sum(row.requests for row in await client.usage(0, START * 2)) == 0


@pytest.mark.parametrize("name", SEVEN)
async def test_every_live_list_is_merged_with_the_catalog(client: Client, name: str) -> None:
    (found,) = await client.live_models([name])
    assert found.problem is None
    assert sum(row.where is Where.BOTH for row in found.rows) > 0


async def test_openrouters_list_tells_prices_and_what_is_free(client: Client) -> None:
    (found,) = await client.live_models(["openrouter"])
    live = {row.id: row.live for row in found.rows if row.live is not None}
    assert all(model.free for name, model in live.items() if name.endswith(":free"))
    assert any(not model.free and model.price is not None for model in live.values())


async def test_balances_and_counts_are_told(client: Client) -> None:
    found = {one.provider: one for one in await client.balances()}
    assert set(found) == {"openrouter", "deepseek"}
    assert all(one.problem is None for one in found.values())
    assert found["openrouter"].balances[0].evidence[0].amount == 50
    counted = await client.count_tokens("What is a shunpike?", model="google/auto")
    assert counted.by == "google"
    assert counted.tokens > 0
