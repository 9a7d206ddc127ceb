"""Gemini's own shape: parts, snapshots of usage, CRLF, no end marker."""

from __future__ import annotations

import json

import pytest

from .conftest import Caller
from .reading import events

SIGNED = {"thoughtSignature": "skip_thought_signature_validator"}
WEATHER = {
    "functionDeclarations": [
        {
            "name": "get_weather",
            "description": "Get the weather in a city",
            "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
        }
    ]
}


async def test_whole_and_streamed_answers_say_the_same(caller: Caller) -> None:
    whole = (await caller.gemini()).json()
    raw = (await caller.gemini(stream=True)).text
    text = whole["candidates"][0]["content"]["parts"][0]["text"]
    parts = [part for event in events(raw) for part in event["candidates"][0]["content"]["parts"]]
    assert "".join(part["text"] for part in parts) == text
    assert "\r\n\r\n" in raw
    assert "[DONE]" not in raw


async def test_usage_is_a_snapshot_that_becomes_whole_in_the_last_event(caller: Caller) -> None:
    *early, last = events((await caller.gemini(stream=True)).text)
    assert all("candidatesTokenCount" not in event["usageMetadata"] for event in early)
    usage = last["usageMetadata"]
    parts = (usage["promptTokenCount"], usage["candidatesTokenCount"], usage["thoughtsTokenCount"])
    assert usage["totalTokenCount"] == sum(parts)
    books = caller.books("google")
    assert books["completion_tokens"] == usage["candidatesTokenCount"] + usage["thoughtsTokenCount"]


async def test_without_alt_sse_the_stream_is_one_array(caller: Caller) -> None:
    reply = await caller.gemini(call="gemini-3.8-flash:streamGenerateContent")
    assert len(reply.json()) > 1


async def test_thoughts_are_shown_only_when_asked(caller: Caller) -> None:
    hidden = (await caller.gemini()).json()
    shown = (await caller.gemini(generationConfig={"thinkingConfig": {"includeThoughts": True}})).json()
    off = (await caller.gemini(generationConfig={"thinkingConfig": {"thinkingBudget": 0}})).json()
    assert "thought" not in str(hidden["candidates"])
    assert shown["candidates"][0]["content"]["parts"][0]["thought"] is True
    assert "thoughtsTokenCount" not in off["usageMetadata"]


async def test_a_small_cap_is_spent_on_thoughts_and_leaves_no_parts(caller: Caller) -> None:
    candidate = (await caller.gemini(generationConfig={"maxOutputTokens": 3})).json()["candidates"][0]
    assert candidate["finishReason"] == "MAX_TOKENS"
    assert "parts" not in candidate["content"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_function_call_comes_whole_with_its_signature(caller: Caller, stream: bool) -> None:
    reply = await caller.gemini("What is the weather in Paris?", tools=[WEATHER], stream=stream)
    body = events(reply.text)[-1] if stream else reply.json()
    part = body["candidates"][0]["content"]["parts"][0]
    assert part["functionCall"]["args"] == {"city": "Paris"}
    assert part["thoughtSignature"]
    assert body["candidates"][0]["finishReason"] == "STOP"


async def test_a_function_response_is_answered_in_words(caller: Caller) -> None:
    contents = [
        {"role": "user", "parts": [{"text": "What is the weather in Paris?"}]},
        {"role": "model", "parts": [{**SIGNED, "functionCall": {"name": "get_weather", "args": {"city": "Paris"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"output": "sunny"}}}]},
    ]
    body = (await caller.gemini(contents=contents, tools=[WEATHER])).json()
    assert "get_weather returned: sunny" in body["candidates"][0]["content"]["parts"][0]["text"]


async def test_schemas_and_snake_case_are_understood(caller: Caller) -> None:
    schema = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
    config = {"response_mime_type": "application/json", "response_schema": schema}
    body = (await caller.gemini("I live in Rome.", generation_config=config)).json()
    assert json.loads(body["candidates"][0]["content"]["parts"][0]["text"]) == {"city": "Rome"}


async def test_tokens_are_counted_for_nothing(caller: Caller) -> None:
    counted = (await caller.gemini(call="gemini-3.8-flash:countTokens")).json()["totalTokens"]
    assert counted == (await caller.gemini()).json()["usageMetadata"]["promptTokenCount"]
    assert caller.books("google")["requests"] == 1


async def test_embeddings_come_alone_and_in_batches(caller: Caller) -> None:
    one = {"content": {"parts": [{"text": "hello"}]}, "outputDimensionality": 8}
    head = {"x-goog-api-key": "sandbox-1"}
    base = "/google/v1beta/models/gemini-embedding-001"
    single = await caller.client.post(f"{base}:embedContent", json=one, headers=head)
    batch = await caller.client.post(f"{base}:batchEmbedContents", json={"requests": [one, one]}, headers=head)
    values = single.json()["embedding"]["values"]
    assert len(values) == 8
    assert [row["values"] for row in batch.json()["embeddings"]] == [values, values]


async def test_both_versions_of_the_path_are_served(caller: Caller) -> None:
    body = {"contents": [{"parts": [{"text": "hi"}]}]}
    for version in ("v1", "v1beta"):
        path = f"/google/{version}/models/gemini-3.8-flash:generateContent"
        assert (await caller.client.post(path, params={"key": "sandbox-1"}, json=body)).status_code == 200


async def test_models_are_listed_in_pages(caller: Caller) -> None:
    head = {"x-goog-api-key": "sandbox-1"}
    page = (await caller.client.get("/google/v1beta/models?pageSize=3", headers=head)).json()
    assert len(page["models"]) == 3
    rest = (await caller.client.get(f"/google/v1beta/models?pageToken={page['nextPageToken']}", headers=head)).json()
    assert page["models"][0] not in rest["models"]
    assert "models/gemini-2.0-flash" not in {row["name"] for row in rest["models"]}


async def test_a_retired_model_is_silently_routed_and_billed_as_what_answers(caller: Caller, clock: object) -> None:
    clock.time += 10 * 86400  # type: ignore[attr-defined]
    body = (await caller.gemini(call="gemini-2.5-flash:generateContent", key="sandbox-paid")).json()
    usage = body["usageMetadata"]
    assert body["modelVersion"] == "gemini-3.5-flash-lite"
    made = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
    assert caller.books("google")["billed_pico"] == usage["promptTokenCount"] * 300_000 + made * 2_500_000
