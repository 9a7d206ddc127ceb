"""A body of any shape gets an answer or a refusal in the provider's own words: nothing ever breaks inside."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shunpike_sandbox.app import create_app
from shunpike_sandbox.catalog import bundled
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.world import SimulatedWorld

from .conftest import MODELS, OPENAI_LIKE, FakeClock

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Answer in JSON."},
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": ""},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ],
    "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA, "strict": True}}],
    "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}},
    "max_tokens": 50,
    "max_completion_tokens": 50,
    "temperature": 1,
    "top_p": 1,
    "stop": ["a"],
    "n": 1,
    "seed": 1,
    "stream": False,
    "stream_options": {"include_usage": True},
    "logit_bias": {"1": 1},
    "metadata": {"a": "b"},
    "provider": {"max_price": {"prompt": 1, "completion": 1}, "require_parameters": False},
    "models": ["a"],
    "reasoning": {"effort": "low", "enabled": True},
    "reasoning_effort": "low",
    "thinking": {"type": "disabled"},
}
GEMINI: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Answer in JSON."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}]},
        {
            "role": "model",
            "parts": [
                {
                    "functionCall": {"id": "1", "name": "get_weather", "args": {"city": "Rome"}},
                    "thoughtSignature": "skip_thought_signature_validator",
                }
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"id": "1", "name": "get_weather", "response": {"a": 1}}}]},
    ],
    "generationConfig": {
        "temperature": 1,
        "maxOutputTokens": 50,
        "stopSequences": ["a"],
        "candidateCount": 1,
        "responseMimeType": "application/json",
        "responseSchema": {
            "type": "OBJECT",
            "properties": {"city": {"type": "STRING", "enum": ["a"]}, "days": {"type": "ARRAY", "items": {}}},
            "required": ["city"],
            "anyOf": [{"type": "OBJECT"}],
        },
        "responseModalities": ["TEXT"],
        "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
    },
    "tools": [{"functionDeclarations": [{"name": "get_weather", "parameters": SCHEMA}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}},
}
EMBEDDING: dict[str, Any] = {"input": ["a", "b"], "dimensions": 4, "encoding_format": "float"}
GEMINI_EMBEDDING: dict[str, Any] = {
    "requests": [{"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 4, "taskType": "RETRIEVAL_QUERY"}]
}
CATALOG = bundled()
ODD = st.one_of(
    st.sampled_from(
        [None, True, False, 0, 1, -1, 10**30, 1.5, 1e308, "", "x", [], {}, [None], [[]], {"a": None}, "json"]
    ),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=4), st.lists, max_leaves=4),
)


def spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside ``value``."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [one for key, part in inner for one in [(*path, key), *spots(part, (*path, key))]]


def spoilt(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The body with up to three of its values replaced or left out, and sometimes only a few of its parameters."""

    def spoil(changes: list[tuple[tuple[Any, ...], Any]], kept: set[str] | None) -> dict[str, Any]:
        made = deepcopy(body)
        for path, value in changes:
            try:
                place = made
                for key in path[:-1]:
                    place = place[key]
                place[path[-1]] = deepcopy(value)
            except (KeyError, IndexError, TypeError):
                continue  # an earlier change took this spot away
        return made if kept is None else {name: value for name, value in made.items() if name in kept}

    change = st.tuples(st.sampled_from(spots(body)), ODD)
    names = st.sets(st.sampled_from(sorted(body))).map(lambda chosen: chosen | {"messages", "contents", "input"})
    return st.builds(spoil, st.lists(change, max_size=3), st.none() | names)


def status(url: str, body: Any, **headers: str) -> int:
    async def send() -> int:
        transport = InProcess(create_app(SimulatedWorld(FakeClock(), catalog=CATALOG)))
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.localhost") as client:
            reply = await client.post(url, content=json.dumps(body).encode(), headers=headers)
            return reply.status_code

    return anyio.run(send)


@pytest.mark.parametrize("provider", OPENAI_LIKE)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_chat_of_any_shape_is_answered_or_refused(provider: str, data: st.DataObject) -> None:
    body = {"model": MODELS[provider], **data.draw(spoilt(CHAT))}
    url = f"{BASE_PATHS[provider]}/chat/completions"
    assert status(url, body, authorization="Bearer sandbox-paid") in (200, 400, 402, 403, 404, 422)


@pytest.mark.parametrize("model", ["gemini-3.8-flash", "gemini-2.5-pro", "gemma-3-27b-it"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_gemini_request_of_any_shape_is_answered_or_refused(model: str, data: st.DataObject) -> None:
    url = f"{BASE_PATHS['google']}/v1beta/models/{model}:generateContent?key=sandbox-paid"
    assert status(url, data.draw(spoilt(GEMINI))) in (200, 400)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_an_embedding_of_any_shape_is_answered_or_refused(data: st.DataObject) -> None:
    body = {"model": "text-embedding-3-small", **data.draw(spoilt(EMBEDDING))}
    assert status(f"{BASE_PATHS['openai']}/embeddings", body, authorization="Bearer sandbox-paid") in (200, 400)


@settings(max_examples=60, deadline=None)
@given(body=spoilt(GEMINI_EMBEDDING))
def test_a_gemini_embedding_of_any_shape_is_answered_or_refused(body: dict[str, Any]) -> None:
    url = f"{BASE_PATHS['google']}/v1beta/models/gemini-embedding-001:batchEmbedContents?key=sandbox-paid"
    assert status(url, body) in (200, 400)
