"""What is declared is asked: every setting, and every field of a dialect or a catalog, is read somewhere."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from shunpike.protocols import CancelSafe
from shunpike.types import Budget, ModelInfo, PriceRow, ProviderInfo, ProviderSettings, Settings, Tier
from shunpike.types.answer import Timeouts
from shunpike.types.base import Record
from shunpike.wire import Dialect, RateHeaders, Sentence
from shunpike.wire.balance import BalanceTable
from shunpike_testkit.upstream import Stall, Upstream, events, reply, stream

from .conftest import SEVEN, START, MakeClient, backend_of, plugin_of

ROOT = Path(__file__).parents[3]
DECLARED = (
    Settings, ProviderSettings, Budget, Timeouts, ProviderInfo, Tier, ModelInfo, PriceRow,
    Dialect, RateHeaders, Sentence, BalanceTable,
)  # fmt: skip
FOR_OTHERS = {("ModelInfo", "quality")}
"""Facts for the strategies that others write."""


@cache
def read_attributes() -> frozenset[str]:
    """Return the names of all attributes that any source reads."""
    found = set()
    for folder in (ROOT / "core" / "src", *(ROOT / "plugins").glob("*/src")):
        for file in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    found.add(node.attr)
    return frozenset(found)


@pytest.mark.parametrize("declared", DECLARED)
def test_every_declared_field_is_read_somewhere(declared: type[Record]) -> None:
    fields = {name for name in declared.model_fields if (declared.__name__, name) not in FOR_OTHERS}
    assert fields - read_attributes() == set()


@pytest.mark.parametrize("provider", [one for one in SEVEN if one != "google"])
async def test_a_shipped_backend_tells_what_its_dialect_says_of_leaving(provider: str, upstream: Upstream) -> None:
    """No provider documents that closing always stops the billing, so none says so."""
    backend = backend_of(provider, upstream)
    try:
        assert isinstance(backend, CancelSafe)
        assert backend.cancel_safe is backend.dialect.cancel_safe is False
    finally:
        await backend.aclose()


async def test_a_stream_that_an_endpoint_of_ones_own_was_left_with_is_settled_at_what_came(
    make_client: MakeClient, upstream: Upstream
) -> None:
    """It was unconfirmed at its whole cap, though the server stops when its client goes."""
    row = {"id": "m1", "object": "model"}
    parts = [{"id": "c", "choices": [{"index": 0, "delta": {"content": word}}]} for word in ("one ", "two ", "three ")]
    upstream.on("/v1/models", reply({"object": "list", "data": [row]}))
    upstream.on("/v1/chat/completions", stream([*events(*parts, done=False), Stall()]))
    local = {"plugin": "openai", "base_url": f"{upstream.base_url}/v1", "price": "free"}
    async with make_client({"openai": plugin_of("openai")}, providers={"local": local}) as client:
        async with client.stream("hi", model="local/m1", max_tokens=500) as opened:
            for _ in range(3):
                await opened.next()
        (booked,) = await client.usage(0, START * 2)
    assert (booked.requests, booked.unconfirmed, booked.cost.pico) == (1, 0, 0)
    assert 3 <= booked.completion_tokens < 20
