"""Embeddings, in the shape of each provider that has them."""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

import pytest

from shunpike_sandbox import faults
from shunpike_sandbox.faults import Faults

from .conftest import Caller

MODELS = {
    "openai": "text-embedding-3-small",
    "together": "BAAI/bge-base-en-v1.5",
    "openrouter": "openai/text-embedding-3-small",
    "sandbox": "sandbox/embed-1",
}


async def embed(caller: Caller, provider: str, value: Any, **more: Any) -> Any:
    body = {"model": MODELS[provider], "input": value, **more}
    return await caller.post(provider, body, key="sandbox-paid", path="/embeddings")


@pytest.mark.parametrize("provider", sorted(MODELS))
async def test_texts_that_share_words_have_vectors_that_lie_close(caller: Caller, provider: str) -> None:
    reply = await embed(caller, provider, ["a red car drives", "a red car stops", "green tea tastes good"])
    one, two, three = (row["embedding"] for row in reply.json()["data"])

    def dot(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert dot(one, two) > dot(one, three)
    assert abs(dot(one, one) - 1) < 1e-4
    assert caller.books(provider)["prompt_tokens"] > 0


@pytest.mark.parametrize("provider", ["openai", "openrouter", "sandbox"])
async def test_the_usage_of_vectors_equals_the_books(caller: Caller, provider: str) -> None:
    usage = (await embed(caller, provider, "a red car")).json()["usage"]
    assert usage["prompt_tokens"] == usage["total_tokens"] == caller.books(provider)["prompt_tokens"]


async def test_together_reads_two_parameters_and_states_no_usage(caller: Caller) -> None:
    answer = (await embed(caller, "together", "a red car", encoding_format="base64", dimensions=3)).json()
    assert set(answer) == {"object", "data", "model"}
    assert len(answer["data"][0]["embedding"]) == 768


async def test_openrouter_states_the_cost_and_the_model_behind(caller: Caller) -> None:
    answer = (await embed(caller, "openrouter", ["a red car", "green tea"])).json()
    assert answer["id"].startswith("gen-emb-")
    assert answer["model"] == "text-embedding-3-small"
    billed = caller.books("openrouter")["billed_pico"]
    assert billed == answer["usage"]["prompt_tokens"] * 20_000
    assert math.isclose(answer["usage"]["cost"], billed / 1e12)


async def test_openrouter_has_no_credit_to_embed_with_on_a_free_account(caller: Caller) -> None:
    body = {"model": MODELS["openrouter"], "input": "a red car"}
    assert (await caller.post("openrouter", body, path="/embeddings")).status_code == 402


async def test_openrouter_lists_its_embedders_apart(caller: Caller) -> None:
    apart = (await caller.client.get("/openrouter/api/v1/embeddings/models")).json()
    chat = (await caller.client.get("/openrouter/api/v1/models")).json()
    assert MODELS["openrouter"] in {row["id"] for row in apart["data"]}
    assert MODELS["openrouter"] not in {row["id"] for row in chat["data"]}
    assert apart["data"][0]["architecture"]["output_modalities"] == ["embeddings"]


UNKNOWN = {
    "openai": (404, "model_not_found"),
    "together": (404, "model_not_available"),
    "openrouter": (400, "Model no/such does not exist"),
}


@pytest.mark.parametrize("provider", sorted(UNKNOWN))
async def test_an_unknown_embedder_is_refused(caller: Caller, provider: str) -> None:
    reply = await caller.post(provider, {"model": "no/such", "input": "x"}, key="sandbox-paid", path="/embeddings")
    status, words = UNKNOWN[provider]
    assert (reply.status_code, words in reply.text) == (status, True)


async def test_base64_holds_the_same_numbers(caller: Caller) -> None:
    plain = (await embed(caller, "openai", "a red car", dimensions=4)).json()["data"][0]["embedding"]
    packed = (await embed(caller, "openai", "a red car", dimensions=4, encoding_format="base64")).json()
    unpacked = struct.unpack("<4f", base64.b64decode(packed["data"][0]["embedding"]))
    assert all(abs(a - b) < 1e-6 for a, b in zip(plain, unpacked, strict=True))


@pytest.mark.parametrize(
    ("value", "rows", "tokens"),
    [("hello", 1, 1), (["hello", "tea"], 2, 2), ([1, 2, 3], 1, 3), ([[1, 2, 3], [4]], 2, 4)],
)
async def test_texts_and_lists_of_tokens_are_taken(caller: Caller, value: Any, rows: int, tokens: int) -> None:
    answer = (await embed(caller, "openai", value)).json()
    assert (len(answer["data"]), answer["usage"]["prompt_tokens"]) == (rows, tokens)


@pytest.mark.parametrize("value", ["", [], [""], [True], [["a"]], [1, "a"], None, {"a": 1}])
async def test_anything_else_is_refused(caller: Caller, value: Any) -> None:
    assert (await embed(caller, "openai", value)).status_code == 400


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("text-embedding-3-small", {"dimensions": 5000}, "Must be less than or equal to 1536."),
    ("text-embedding-ada-002", {"dimensions": 8}, "This model does not support specifying dimensions."),
    ("text-embedding-3-small", {"input": "word " * 9000}, "maximum context length is 8192 tokens"),
    ("text-embedding-3-small", {"input": ["word " * 8000] * 40}, "max 300000 tokens per request"),
    ("text-embedding-3-small", {"input": ["a"] * 2049}, "maximum length 2048"),
    ("text-embedding-3-small", {"foo": 1}, "Unrecognized request argument supplied: foo"),
]


@pytest.mark.parametrize(("model", "more", "words"), REFUSED, ids=lambda value: str(value)[:40])
async def test_openai_bounds_what_it_embeds(caller: Caller, model: str, more: dict[str, Any], words: str) -> None:
    reply = await caller.post("openai", {"model": model, "input": "x", **more}, path="/embeddings")
    assert (reply.status_code, words in reply.text) == (400, True), reply.text


async def test_faults_come_to_embeddings_too(caller: Caller) -> None:
    caller.world.set_faults(Faults(script=(faults.RATE_LIMITED, faults.OVERLOADED)))
    assert [(await embed(caller, "openai", "x")).status_code for _ in range(3)] == [429, 503, 200]
