"""What Gemini refuses: fields outside of its protocol, capabilities of other generations, turns out of order."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Caller

FLASH, OLD, PRO = "gemini-3.8-flash", "gemini-2.5-flash", "gemini-2.5-pro"
ASKED = {"role": "user", "parts": [{"text": "hi"}]}
RESULT = {"functionResponse": {"name": "f", "response": {"a": 1}}}
SKIPPED = "skip_thought_signature_validator"


def call(**more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": "f", "args": {}}, **more}


def turns(*parts: list[dict[str, Any]]) -> dict[str, Any]:
    roles = ("user", "model")
    return {"contents": [{"role": roles[number % 2], "parts": one} for number, one in enumerate(parts)]}


def config(**more: Any) -> dict[str, Any]:
    return {"generationConfig": more}


def thinking(**more: Any) -> dict[str, Any]:
    return config(thinkingConfig=more)


def form(schema: Any) -> dict[str, Any]:
    return config(responseMimeType="application/json", responseSchema=schema)


def declared(**more: Any) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": [{"name": "f", **more}]}]}


def field(schema: Any) -> dict[str, Any]:
    return form({"type": "OBJECT", "properties": {"a": schema}})


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    (FLASH, {"labels": {"a": "b"}}, 'Unknown name \\"labels\\": Cannot find field.'),
    (FLASH, config(topP="x"), "Invalid value at 'generation_config.top_p' (TYPE_FLOAT)"),
    (FLASH, config(maxOutputTokens=1.5), "(TYPE_INT32)"),
    (FLASH, config(stopSequences="x"), "generation_config.stop_sequences"),
    (FLASH, config(presencePenalty=1), "Penalty is not enabled for models/gemini-3.8-flash"),
    (FLASH, config(responseModalities=["IMAGE"]), "response modalities (IMAGE) is not supported"),
    (FLASH, thinking(thinkingLevel="LOW", thinkingBudget=5), "only one of thinking budget and thinking level"),
    (FLASH, thinking(thinkingLevel="MINIMAL"), "Thinking level MINIMAL is not supported for this model."),
    (FLASH, thinking(thinkingLevel="ODD"), "ThinkingConfig.ThinkingLevel"),
    (OLD, thinking(thinkingLevel="LOW"), "Thinking level is not supported for this model."),
    (PRO, thinking(thinkingBudget=0), "Budget 0 is invalid. This model only works in thinking mode."),
    (PRO, thinking(thinkingBudget=99_999), "Please choose a value between 128 and 32768."),
    ("gemma-3-27b-it", thinking(thinkingBudget=5), "Thinking budget is not supported for this model."),
    (OLD, {**declared(), **config(responseMimeType="application/json")}, "Function calling with a response mime type"),
    (OLD, {"tools": [{**declared()["tools"][0], "googleSearch": {}}]}, "Tool use with function calling is unsupported"),
    (FLASH, declared(name="1 bad"), "Invalid function name."),
    (FLASH, {"tools": declared()["tools"] * 2}, "Duplicate function declaration found: f"),
    (FLASH, declared(parameters={"type": "OBJECT"}, parametersJsonSchema={}), "only one of parameters and"),
    (FLASH, declared(parameters={"type": "object", "$schema": "x"}), 'Unknown name \\"$schema\\"'),
    (FLASH, field({"const": "x"}), 'Unknown name \\"const\\"'),
    (FLASH, field({"type": ["string", "null"]}), "Proto field is not repeating, cannot start list."),
    (FLASH, field({"type": "ODD"}), "generativelanguage.v1beta.Type"),
    (FLASH, field({"type": "INTEGER", "enum": ["1"]}), "enum: only allowed for STRING type"),
    (FLASH, field({"type": "STRING", "enum": [1]}), "(TYPE_STRING), 1"),
    (FLASH, field({"type": "STRING", "format": "email"}), "only 'enum' and 'date-time' are supported for STRING type"),
    (FLASH, field({"type": "ARRAY"}), "items: missing field."),
    (FLASH, form({"type": "OBJECT", "properties": {}, "required": ["a"]}), "required[0]: property is not defined"),
    (FLASH, form({"type": "OBJECT", "exclusiveMinimum": 1}), 'Unknown name \\"exclusiveMinimum\\"'),
    (OLD, turns([{"text": "a"}], [{"functionCall": {"id": "1", "name": "f"}}], [RESULT]), 'Unknown name \\"id\\"'),
    (FLASH, turns([{"text": "a"}], [call()], [RESULT]), "missing a thought_signature in functionCall parts"),
    (FLASH, turns([{"text": "a"}], [call(thoughtSignature="bm90IG91cnM=")], [RESULT]), "Corrupted thought signature."),
    (OLD, turns([{"text": "a"}], [call()], [{"text": "b"}]), "number of function response parts is equal"),
    (OLD, turns([{"text": "a"}], [call(), call()], [RESULT]), "number of function response parts is equal"),
    (OLD, turns([RESULT]), "function response turn comes immediately after a function call turn"),
]


@pytest.mark.parametrize(("model", "more", "words"), REFUSED, ids=lambda one: str(one)[:70])
async def test_it_is_a_400_in_googles_words(caller: Caller, model: str, more: dict[str, Any], words: str) -> None:
    reply = await caller.gemini(call=f"{model}:generateContent", key="sandbox-paid", **more)
    assert (reply.status_code, words in reply.text) == (400, True), reply.text
    assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"


TAKEN: list[tuple[str, dict[str, Any]]] = [
    (FLASH, turns([{"text": "a"}], [call(thoughtSignature=SKIPPED)], [RESULT])),
    (FLASH, turns([{"text": "a"}], [call(thoughtSignature=SKIPPED), call()], [RESULT, RESULT])),
    (FLASH, turns([{"text": "a"}], [call()], [RESULT], [{"text": "b"}], [{"text": "c"}])),
    (OLD, turns([{"text": "a"}], [call()], [RESULT])),
    (FLASH, {**declared(), **config(responseMimeType="application/json")}),
    (FLASH, declared(parametersJsonSchema={"type": "object", "properties": {"a": {"const": 1}}, "$defs": {}})),
    (FLASH, thinking(thinkingBudget=0)),
    ("gemini-3.5-flash-lite", thinking(thinkingLevel="minimal")),
    (PRO, thinking(thinkingBudget=-1)),
    (OLD, config(presencePenalty=1, frequencyPenalty=0.5)),
    (FLASH, form({"type": "STRING", "enum": ["a", "b"], "format": "enum"})),
]


@pytest.mark.parametrize(("model", "more"), TAKEN, ids=lambda one: str(one)[:70])
async def test_what_gemini_takes_is_taken(caller: Caller, model: str, more: dict[str, Any]) -> None:
    reply = await caller.gemini(call=f"{model}:generateContent", key="sandbox-paid", **more)
    assert reply.status_code == 200, reply.text


async def test_every_call_of_gemini_3_is_signed_even_without_visible_thoughts(caller: Caller) -> None:
    more = {**declared(), "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}, **thinking(thinkingBudget=0)}
    body = (await caller.gemini(key="sandbox-paid", **more)).json()
    said = body["candidates"][0]["content"]
    assert said["parts"][0]["thoughtSignature"]
    result = {"functionResponse": {**RESULT["functionResponse"], "id": said["parts"][0]["functionCall"]["id"]}}
    contents = [ASKED, said, {"role": "user", "parts": [result]}]
    assert (await caller.gemini(key="sandbox-paid", contents=contents)).status_code == 200


@pytest.mark.parametrize("path", ["/chat/completions", "/models", "/models/gemini-3.8-flash", "/embeddings"])
async def test_the_openai_shape_of_gemini_wants_a_key_too(caller: Caller, path: str) -> None:
    url = f"/google/v1beta/openai{path}"
    head = {"authorization": "Bearer wrong"}
    get = path.startswith("/models")
    reply = await (caller.client.get(url, headers=head) if get else caller.client.post(url, headers=head, json={}))
    (error,) = reply.json()
    assert (reply.status_code, error["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_the_openai_shape_of_gemini_shares_limits_and_books(caller: Caller) -> None:
    head = {"authorization": "Bearer sandbox-1"}
    body = {"model": "models/gemini-3.8-flash", "messages": [{"role": "user", "content": "hi"}]}
    url = "/google/v1beta/openai/chat/completions"
    for _ in range(3):
        answer = (await caller.client.post(url, json=body, headers=head)).json()
        assert answer["usage"]["total_tokens"] > answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    for _ in range(2):
        assert (await caller.gemini()).status_code == 200
    (error,) = (await caller.client.post(url, json=body, headers=head)).json()
    assert error["error"]["details"][1]["violations"][0]["quotaValue"] == "5"
    assert caller.books("google")["requests"] == 6
    odd = (await caller.client.post(url, json={**body, "foo": 1}, headers=head)).json()
    assert 'Unknown name "foo"' in odd[0]["error"]["message"]
