"""Embeddings on the wire: OpenAI's shape as numbers and as base64, and Gemini's own."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from shunpike.errors import AuthError, NotHere, Overloaded, ProviderError
from shunpike.protocols import Embeds
from shunpike.types import ABSENT, EmbedCall, EmbedRequest, Money, Unit, Usage
from shunpike_testkit.upstream import Upstream, reply

from .conftest import SEVEN, backend_of

TEXTS = ("one", "two")


def call(*texts: str, model: str = "m", dimensions: int | None = None) -> EmbedCall:
    request = EmbedRequest(model=model, input=texts or TEXTS, dimensions=dimensions)
    return EmbedCall(request=request, model=model, attempt_id="a1")


def listed(*vectors: Any, **more: Any) -> dict[str, Any]:
    rows = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    return {"object": "list", "data": rows, "model": "m", "usage": {"prompt_tokens": 4, "total_tokens": 4}, **more}


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@pytest.mark.parametrize("provider", SEVEN)
async def test_exactly_the_four_that_have_an_endpoint_embed(upstream: Upstream, provider: str) -> None:
    assert isinstance(backend_of(provider, upstream), Embeds) == (
        provider in {"google", "openai", "together", "openrouter"}
    )


@pytest.mark.parametrize("provider", ["openai", "together", "openrouter"])
async def test_numbers_and_base64_are_the_same_vector(upstream: Upstream, provider: str) -> None:
    upstream.on("/embeddings", reply(listed([0.5, -0.25], [1, 0])), reply(listed(packed(0.5, -0.25), packed(1, 0))))
    backend = backend_of(provider, upstream)
    plain, tight = await backend.embed(call()), await backend.embed(call())
    await backend.aclose()
    assert plain.vectors == tight.vectors == ((0.5, -0.25), (1.0, 0.0))
    assert plain.usage == Usage(prompt_tokens=4)
    assert (plain.model, plain.headers_at is not None) == ("m", True)


async def test_only_what_is_known_to_be_taken_is_sent(upstream: Upstream) -> None:
    upstream.on("/embeddings", reply(listed([1.0], [2.0])))
    for provider in ("openai", "together"):
        backend = backend_of(provider, upstream)
        await backend.embed(call(dimensions=1 if provider == "openai" else None))
        await backend.aclose()
    first, second = (request.json for request in upstream.requests)
    assert first == {"model": "m", "input": ["one", "two"], "dimensions": 1, "encoding_format": "base64"}
    assert second == {"model": "m", "input": ["one", "two"]}


async def test_vectors_come_in_the_order_of_the_texts_whatever_the_order_of_the_rows(upstream: Upstream) -> None:
    body = listed([1.0], [2.0])
    body["data"].reverse()
    upstream.on("/embeddings", reply(body))
    backend = backend_of("openai", upstream)
    assert (await backend.embed(call())).vectors == ((1.0,), (2.0,))
    await backend.aclose()


async def test_the_cost_that_openrouter_states_is_exact(upstream: Upstream) -> None:
    body = json.dumps(listed([1.0], [2.0])).replace('"total_tokens": 4', '"total_tokens": 4, "cost": 6.2e-7')
    upstream.on("/embeddings", reply(body))
    backend = backend_of("openrouter", upstream)
    assert (await backend.embed(call())).stated_cost == Money.usd("0.00000062")
    await backend.aclose()


@pytest.mark.parametrize(
    ("usage", "expected"),
    [({"total_tokens": 9}, Usage(prompt_tokens=9)), (None, ABSENT), ({"prompt_tokens": -1}, ABSENT)],
)
async def test_usage_is_measured_or_absent_never_zero(upstream: Upstream, usage: Any, expected: Usage) -> None:
    upstream.on("/embeddings", reply(listed([1.0], [2.0], usage=usage)))
    backend = backend_of("openai", upstream)
    assert (await backend.embed(call())).usage == expected
    await backend.aclose()


@pytest.mark.parametrize(
    "body",
    [
        listed([1.0]),
        listed([1.0], [2.0], [3.0]),
        {**listed([1.0], [2.0]), "data": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}]},
        listed([1.0], []),
        listed([1.0], None),
        listed([1.0], ["a"]),
        listed([1.0], [True]),
        listed([1.0], [10**400]),
        listed([1.0], "no base64!"),
        listed([1.0], base64.b64encode(b"abc").decode()),
        listed([1.0], packed(float("nan"))),
        {"data": "?"},
        "<html>",
        "[]",
    ],
)
async def test_vectors_that_cannot_be_trusted_are_a_failure(upstream: Upstream, body: Any) -> None:
    upstream.on("/embeddings", reply(body))
    backend = backend_of("openai", upstream)
    with pytest.raises(Overloaded) as caught:
        await backend.embed(call())
    await backend.aclose()
    assert (caught.value.kind, caught.value.model) == ("malformed", "m")


@pytest.mark.parametrize(
    ("provider", "status", "body", "kind"),
    [
        (
            "openai",
            404,
            {"error": {"code": "model_not_found", "type": "invalid_request_error", "message": "x"}},
            NotHere,
        ),
        ("openai", 401, {"error": {"code": "invalid_api_key", "message": "x"}}, AuthError),
        ("openrouter", 400, {"error": {"code": 400, "message": "Model no-such/x does not exist"}}, NotHere),
        ("openai", 200, {"error": {"message": "no", "code": "model_not_found"}}, NotHere),
    ],
)
async def test_refusals_are_sorted_as_those_of_chats(
    upstream: Upstream, provider: str, status: int, body: Any, kind: type[ProviderError]
) -> None:
    upstream.on("/embeddings", reply(body, status=status))
    backend = backend_of(provider, upstream)
    with pytest.raises(kind):
        await backend.embed(call())
    await backend.aclose()


PATH = "/models/gemini-embedding-2:batchEmbedContents"


async def test_gemini_embeds_all_texts_in_one_batch(upstream: Upstream) -> None:
    told = {"embeddings": [{"values": [0.5]}, {"values": [1]}], "usageMetadata": {"promptTokenCount": 2}}
    upstream.on(PATH, reply(told))
    backend = backend_of("google", upstream)
    answer = await backend.embed(call(model="gemini-embedding-2", dimensions=1))
    await backend.aclose()
    assert (answer.vectors, answer.usage) == (((0.5,), (1.0,)), Usage(prompt_tokens=2))
    wanted = {"model": "models/gemini-embedding-2", "outputDimensionality": 1}
    assert upstream.requests[0].json == {
        "requests": [{**wanted, "content": {"parts": [{"text": text}]}} for text in TEXTS]
    }


async def test_gemini_without_usage_has_none(upstream: Upstream) -> None:
    upstream.on(PATH, reply({"embeddings": [{"values": [0.5]}, {"values": [1]}]}))
    backend = backend_of("google", upstream)
    assert (await backend.embed(call(model="gemini-embedding-2"))).usage is ABSENT
    await backend.aclose()


@pytest.mark.parametrize("told", [{}, {"embeddings": [{"values": [1]}]}, {"embeddings": [{}, {}]}])
async def test_gemini_must_give_a_vector_for_each_text(upstream: Upstream, told: Any) -> None:
    upstream.on(PATH, reply(told))
    backend = backend_of("google", upstream)
    with pytest.raises(Overloaded):
        await backend.embed(call(model="gemini-embedding-2"))
    await backend.aclose()


async def test_more_texts_than_gemini_takes_are_not_sent(upstream: Upstream) -> None:
    backend = backend_of("google", upstream)
    with pytest.raises(NotHere) as caught:
        await backend.embed(call(*["a"] * 101, model="gemini-embedding-2"))
    await backend.aclose()
    assert (caught.value.kind, upstream.requests) == ("too_large", [])
    assert caught.value.hint == "embed them in parts of at most 100"


async def test_an_unknown_gemini_model_is_not_found(upstream: Upstream) -> None:
    error = {"error": {"code": 404, "message": "models/x is not found", "status": "NOT_FOUND"}}
    upstream.on("/models/x:batchEmbedContents", reply(error, status=404))
    backend = backend_of("google", upstream)
    with pytest.raises(NotHere) as caught:
        await backend.embed(call(model="x"))
    await backend.aclose()
    assert (caught.value.kind, caught.value.model) == ("not_found", "x")


async def test_the_headers_of_an_embedding_answer_are_evidence_of_limits(upstream: Upstream) -> None:
    headers = {"x-ratelimit-limit-requests": "3000", "x-ratelimit-remaining-requests": "2999"}
    upstream.on("/embeddings", reply(listed([1.0], [2.0]), headers=headers))
    backend = backend_of("openai", upstream)
    (one,) = (await backend.embed(call())).evidence
    assert (one.unit, one.amount, one.remaining) == (Unit.REQUEST, 3_000, 2_999)
    await backend.aclose()
