"""Live lists of models: every shape that the providers send, and the merge with the catalog."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.client import Where
from shunpike.errors import Overloaded
from shunpike.runtime.live import merge
from shunpike.types import LiveModel, ModelInfo, PriceRow
from shunpike.wire import Dialect
from shunpike.wire.balance import BalanceTable, read_balance
from shunpike.wire.listing import read_models
from shunpike_testkit.upstream import Upstream, reply

from .conftest import backend_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
FIELDS = ("id", "type", "pricing", "context_length", "output_modalities", "supported_parameters", "expiration_date")


def one(**row: Any) -> LiveModel:
    (model,) = read_models([{"id": "m", **row}], Dialect(), "acme")
    return model


@pytest.mark.parametrize(
    "data",
    [
        [{"id": "a"}, {"id": "b"}],
        {"object": "list", "data": [{"id": "a"}, {"id": "b"}, {"id": "a"}, {"id": ""}, {"id": 3}, "c", None]},
        {"models": [{"id": "a"}, {"id": "b"}]},
        {"data": [{"id": "a"}, {"id": "b"}], "models": [{"name": "a"}]},
    ],
)
def test_a_list_may_stand_alone_or_under_a_name(data: Any) -> None:
    assert [model.id for model in read_models(data, Dialect(), "acme")] == ["a", "b"]


def test_a_server_without_models_says_null() -> None:
    assert read_models({"object": "list", "data": None}, Dialect(), "acme") == []


@pytest.mark.parametrize("data", [{}, {"data": "x"}, {"object": "error"}])
def test_what_is_no_list_is_a_failure(data: Any) -> None:
    with pytest.raises(Overloaded, match="not a list"):
        read_models(data, Dialect(), "acme")


def test_prices_per_token_become_prices_per_million_exactly() -> None:
    told = {"prompt": "0.00000005", "completion": "0.0000004", "input_cache_read": "0.000000005", "request": "0"}
    assert one(pricing=told).price == PriceRow(prompt="0.05", completion="0.4", cached="0.005", request="0")


def test_prices_per_million_stay_what_they_are() -> None:
    assert one(pricing={"hourly": 0, "input": 0.3, "output": 1.2, "base": 0}).price == PriceRow(
        prompt="0.3", completion="1.2"
    )


@pytest.mark.parametrize(
    "told",
    [
        {"prompt": "-1", "completion": "-1"},
        {"prompt": "0", "completion": "-1"},
        {"prompt": "0"},
        {"input": 1},
        {"prompt": "free", "completion": "0"},
        {"prompt": "NaN", "completion": "0"},
        {"prompt": True, "completion": 0},
        {"prompt": "9" * 40, "completion": "0"},
        {"prompt": "0", "completion": "0", "request": "-1"},
    ],
)
def test_a_negative_or_unreadable_price_prices_nothing(told: dict[str, Any]) -> None:
    model = one(id="router/auto", pricing=told)
    assert (model.price, model.free) == (None, False)


def test_a_zero_price_and_the_suffix_tell_what_is_free() -> None:
    zero = {"prompt": "0", "completion": "0"}
    assert one(pricing=zero).free
    assert one(id="vendor/m:free").free
    assert not one(id="vendor/m:free", pricing={"prompt": "0.1", "completion": "0"}).free
    assert not one().free


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"type": "chat"}, "chat"),
        ({"type": "language"}, "chat"),
        ({"type": "embedding"}, "embedding"),
        ({"type": "image"}, "other"),
        ({"architecture": {"output_modalities": ["text"]}}, "chat"),
        ({"architecture": {"output_modalities": ["image", "text"]}}, "chat"),
        ({"architecture": {"output_modalities": ["embeddings"]}}, "embedding"),
        ({"output_modalities": ["transcription"]}, "other"),
        ({"id": "vendor/m:batch"}, "other"),
        ({"object": "model"}, None),
        ({"type": 3}, None),
    ],
)
def test_the_kind_is_told_or_unknown(row: dict[str, Any], kind: str | None) -> None:
    assert one(**row).kind == kind


def test_sizes_features_and_days_are_read_where_they_are_told() -> None:
    model = one(
        context_length=1000,
        top_provider={"max_completion_tokens": 100},
        supported_parameters=["tools", "structured_outputs", "seed"],
        architecture={"input_modalities": ["text", "image"]},
        expiration_date="2026-12-01T00:00:00Z",
    )
    assert (model.context, model.max_output, model.retires_on) == (1000, 100, date(2026, 12, 1))
    assert model.features == {"tools", "json_schema", "vision"}
    assert (one(max_model_len=8192).context, one(context_window=-1).context, one().features) == (8192, None, None)
    assert one(expiration_date="2026-13-99").retires_on is None


async def test_gemini_tells_kinds_and_sizes_over_pages(upstream: Upstream) -> None:
    rows = [
        {
            "name": "models/a",
            "inputTokenLimit": 10,
            "outputTokenLimit": 5,
            "supportedGenerationMethods": ["generateContent"],
        },
        {"name": "models/b", "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/c", "supportedGenerationMethods": ["predict"]},
        {"name": ""},
    ]
    upstream.on("/models", reply({"models": rows[:1], "nextPageToken": "n/1"}), reply({"models": rows[1:]}))
    backend = backend_of("google", upstream)
    found = await backend.describe_models()
    await backend.aclose()
    assert [(model.id, model.kind, model.context) for model in found] == [
        ("a", "chat", 10),
        ("b", "embedding", None),
        ("c", "other", None),
    ]
    assert upstream.requests[1].path == "/models?pageSize=1000&pageToken=n%2F1"


def entry(model_id: str, **fields: Any) -> ModelInfo:
    return ModelInfo.model_validate(
        {"provider": "acme", "id": model_id, "as_of": date(2026, 11, 22), "source": "s", **fields}
    )


def test_the_merge_shows_every_model_once() -> None:
    catalog = [entry("a"), entry("b", aliases=("bee",)), entry("gone"), entry("old", status="retired")]
    live = [LiveModel(id="new"), LiveModel(id="a-2026-01-01"), LiveModel(id="bee"), LiveModel(id="old")]
    rows = merge("acme", live, catalog)
    assert [(row.id, row.where) for row in rows] == [
        ("new", Where.LIVE),
        ("a-2026-01-01", Where.BOTH),
        ("bee", Where.BOTH),
        ("old", Where.BOTH),
        ("gone", Where.CATALOG),
    ]
    assert rows[1].catalog == catalog[0]


def test_a_list_of_chat_models_says_nothing_of_embeddings() -> None:
    catalog = [entry("a"), entry("e", kind="embedding")]
    assert [row.id for row in merge("acme", [LiveModel(id="x", kind="chat")], catalog)] == ["x", "a"]
    assert [row.id for row in merge("acme", [LiveModel(id="x")], catalog)] == ["x", "a", "e"]


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON)) | JSON)
def test_whatever_a_list_holds_it_is_read_or_refused(data: Any) -> None:
    if isinstance(data, dict | list):
        with suppress(Overloaded):
            assert all(model.id for model in read_models(data, Dialect(), "acme"))


@given(JSON)
def test_whatever_a_balance_holds_it_is_read(data: Any) -> None:
    quota = {"unit": "request", "amount": "data.n", "remaining": "r"}
    where = BalanceTable.model_validate(
        {"path": "/b", "rows": "data", "currency": "c", "left": "l", "usable": "u", "quotas": [quota]}
    )
    for balance in read_balance(data, where, 0.0):
        assert balance.left is None or balance.left.is_finite()
