"""Every provider refuses in its own words: keys, models, parameters, sizes, money."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike_sandbox.names import BASE_PATHS

from .conftest import MODELS, OPENAI_LIKE, Caller

KEYED = [name for name in MODELS if name != "sandbox"]
WRONG_KEY = {
    "google": (400, "INVALID_ARGUMENT"),
    "groq": (401, "invalid_api_key"),
    "together": (401, "invalid_api_key"),
    "openrouter": (401, "User not found."),
    "hyperbolic": (401, "Could not validate credentials"),
    "openai": (401, "invalid_api_key"),
    "deepseek": (401, "authentication_error"),
}
RETIRED = [
    ("groq", "llama-3.3-70b-versatile", 400, "model_decommissioned"),
    ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", 400, "model_not_available"),
    ("openrouter", "meta-llama/llama-3.3-70b-instruct:free", 404, "free_variant_ended"),
    ("openai", "gpt-4", 404, "deprecated"),
    ("deepseek", "deepseek-chat", 400, "Model Not Exist"),
]
UNKNOWN = {
    "groq": (404, "model_not_found"),
    "together": (404, "model_not_available"),
    "openrouter": (400, "is not a valid model ID"),
    "hyperbolic": (400, "40301"),
    "openai": (404, "model_not_found"),
    "deepseek": (400, "Model Not Exist"),
}
EMPTY = {
    "together": (402, "credit_limit"),
    "openai": (429, "insufficient_quota"),
    "deepseek": (402, "Insufficient Balance"),
    "hyperbolic": (402, "Insufficient balance"),
}
MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("provider", KEYED)
async def test_a_wrong_key_is_refused_and_nothing_is_billed(caller: Caller, provider: str) -> None:
    reply = await caller.ask(provider, key="sk-wrong")
    status, words = WRONG_KEY[provider]
    assert reply.status_code == status
    assert words in reply.text
    books = caller.books(provider)
    assert books["refused"] == {str(status): 1}
    assert books["billed_pico"] == 0


async def test_a_missing_key_has_words_of_its_own(caller: Caller) -> None:
    body = {"model": "x", "messages": MESSAGES}
    openrouter = await caller.post("openrouter", body, key=None)
    assert openrouter.json() == {"error": {"message": "Missing Authentication header", "code": 401}}
    google = await caller.client.post("/google/v1beta/models/gemini-3.8-flash:generateContent", json={})
    assert google.json()["error"]["status"] == "PERMISSION_DENIED"


async def test_a_wrong_google_key_is_named_in_the_details(caller: Caller) -> None:
    details = (await caller.gemini(key="wrong")).json()["error"]["details"]
    assert details[0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize(("provider", "model", "status", "words"), RETIRED)
async def test_a_retired_model_is_refused(caller: Caller, provider: str, model: str, status: int, words: str) -> None:
    reply = await caller.post(provider, {"model": model, "messages": MESSAGES})
    assert reply.status_code == status
    assert words in reply.text


async def test_a_retired_gemini_model_is_not_found(caller: Caller) -> None:
    reply = await caller.gemini(call="gemini-2.0-flash:generateContent")
    assert reply.status_code == 404
    assert "is not found for API version v1beta" in reply.json()["error"]["message"]


@pytest.mark.parametrize("provider", sorted(UNKNOWN))
async def test_an_unknown_model_is_refused(caller: Caller, provider: str) -> None:
    reply = await caller.post(provider, {"model": "no-such-model", "messages": MESSAGES})
    status, words = UNKNOWN[provider]
    assert reply.status_code == status
    assert words in reply.text


async def test_models_retire_on_their_day(caller: Caller, clock: Any) -> None:
    body = {"model": "gpt-5", "messages": MESSAGES}
    assert (await caller.post("openai", body)).status_code == 200
    clock.time += 20 * 86400
    assert (await caller.post("openai", body)).status_code == 404


@pytest.mark.parametrize("provider", sorted(EMPTY))
async def test_an_empty_purse_is_refused(caller: Caller, provider: str) -> None:
    reply = await caller.ask(provider, key="sandbox-empty")
    status, words = EMPTY[provider]
    assert reply.status_code == status
    assert words in reply.text
    assert caller.books(provider)["overages"] == 0


async def test_openrouter_tells_what_the_credits_still_pay(caller: Caller) -> None:
    body = {"model": "anthropic/claude-opus-5", "messages": MESSAGES, "max_tokens": 64000}
    error = (await caller.post("openrouter", body)).json()["error"]
    assert error["code"] == 402
    assert "You requested up to 64000 tokens, but can only afford 0" in error["message"]
    assert (await caller.post("openrouter", body, key="sandbox-paid")).json()["usage"]["cost"] > 0


FORBIDDEN: list[tuple[str, dict[str, Any], str]] = [
    ("groq", {"logprobs": True}, "property 'logprobs' is unsupported"),
    ("groq", {"logit_bias": {"1": 1}}, "property 'logit_bias' is unsupported"),
    ("groq", {"n": 2}, "'n' : number must be at most 1"),
    ("groq", {"messages": [{"role": "user", "content": "hi", "name": "Al"}]}, "property 'name' is unsupported"),
    ("groq", {"reasoning_format": "raw", "include_reasoning": True}, "cannot specify both"),
    ("openai", {"foo": 1}, "Unrecognized request argument supplied: foo"),
    ("openai", {"model": "gpt-6-luna", "max_tokens": 5}, "Use 'max_completion_tokens' instead."),
    ("openai", {"model": "gpt-6-luna", "temperature": 0.5}, "'temperature' does not support 0.5"),
    ("openai", {"temperature": "hot"}, "expected a decimal, but got a string instead"),
    ("openai", {"stop": list("abcde")}, "Expected an array with maximum length 4"),
    ("openai", {"response_format": {"type": "json_object"}}, "must contain the word 'json'"),
    ("openai", {"stream_options": {"include_usage": True}}, "only allowed when 'stream' is enabled"),
    ("deepseek", {"response_format": {"type": "json_schema"}}, "This response_format type is unavailable now"),
    ("deepseek", {"tool_choice": "required"}, "Thinking mode does not support this tool_choice"),
    ("deepseek", {"tools": []}, "[] is too short - 'tools'"),
    ("deepseek", {"tool_choice": "auto"}, "'tool_choice' is only allowed when 'tools' are specified"),
    ("groq", {"tool_choice": "auto"}, "'tool_choice' is only allowed when 'tools' are specified"),
    ("deepseek", {"temperature": 3}, "the valid range of temperature"),
    ("hyperbolic", {"temperature": "hot"}, '"detail"'),
    ("together", {"max_tokens": "many"}, "Input validation error"),
    ("openrouter", {"max_tokens": "many"}, "Invalid input: max_tokens"),
]


@pytest.mark.parametrize(("provider", "more", "words"), FORBIDDEN, ids=lambda value: str(value)[:30])
async def test_what_a_provider_does_not_take_is_refused(
    caller: Caller, provider: str, more: dict[str, Any], words: str
) -> None:
    reply = await caller.ask(provider, **more)
    assert reply.status_code in (400, 422), reply.text
    assert words in reply.text


GEMINI_FORBIDDEN: list[tuple[dict[str, Any], str]] = [
    ({"foo": 1}, 'Unknown name \\"foo\\": Cannot find field.'),
    ({"generationConfig": {"foo": 1}}, "Unknown name \\\"foo\\\" at 'generation_config'"),
    ({"generationConfig": {"maxOutputTokens": "many"}}, "generation_config.max_output_tokens"),
    ({"generationConfig": {"stopSequences": list("abcdef")}}, "exceeds the limit of 5"),
    ({"contents": []}, "contents is not specified"),
    ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "Please use a valid role: user, model."),
    ({"generationConfig": {"responseSchema": {"type": "OBJECT"}}}, "response mime type"),
]


@pytest.mark.parametrize(("more", "words"), GEMINI_FORBIDDEN, ids=lambda value: str(value)[:30])
async def test_what_gemini_does_not_take_is_refused(caller: Caller, more: dict[str, Any], words: str) -> None:
    reply = await caller.gemini(**more)
    assert reply.status_code == 400, reply.text
    assert words in reply.text
    assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"


async def test_openrouter_and_together_drop_what_they_do_not_know(caller: Caller) -> None:
    for provider in ("openrouter", "together", "hyperbolic", "deepseek"):
        assert (await caller.ask(provider, foo=1)).status_code == 200


@pytest.mark.parametrize("provider", OPENAI_LIKE)
@pytest.mark.parametrize(
    "messages", [[], None, "hi", [{}], [{"role": "wizard", "content": "x"}], [{"role": "user"}], [1]]
)
async def test_broken_messages_are_refused(caller: Caller, provider: str, messages: Any) -> None:
    reply = await caller.post(provider, {"model": MODELS[provider], "messages": messages})
    assert reply.status_code in (400, 422), reply.text


MALFORMED = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b'{"a":NaN}',
    b"[" * 5000,
    b'{"a":"\\ud800"}',
    b'{"a":' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("provider", OPENAI_LIKE)
async def test_malformed_bodies_are_refused_and_never_break_anything(caller: Caller, provider: str) -> None:
    head = {"authorization": "Bearer sandbox-1"}
    base = BASE_PATHS[provider] + "/chat/completions"
    for raw in MALFORMED:
        reply = await caller.client.post(base, content=raw, headers=head)
        assert reply.status_code in (400, 422), (raw[:20], reply.text)


async def test_malformed_gemini_bodies_are_refused(caller: Caller) -> None:
    for raw in MALFORMED:
        path = "/google/v1beta/models/gemini-3.8-flash:generateContent?key=sandbox-1"
        assert (await caller.client.post(path, content=raw)).status_code == 400


async def test_a_body_beyond_all_bounds_is_refused_before_it_is_read(caller: Caller) -> None:
    async def endless() -> Any:
        yield b"x" * (21 * 1024 * 1024)

    head = {"authorization": "Bearer sandbox-1"}
    reply = await caller.client.post("/groq/openai/v1/chat/completions", content=endless(), headers=head)
    assert reply.status_code == 413


OVERFLOW = {
    "openai": (400, "context_length_exceeded"),
    "together": (403, "`inputs` tokens + `max_new_tokens`"),
    "hyperbolic": (400, "maximum context length"),
    "openrouter": (400, "This endpoint's maximum context length"),
}


@pytest.mark.parametrize("provider", sorted(OVERFLOW))
async def test_a_prompt_that_does_not_fit_is_refused(caller: Caller, provider: str) -> None:
    status, words = OVERFLOW[provider]
    reply = await caller.ask(provider, "word " * 300_000)
    assert reply.status_code == status, reply.text
    assert words in reply.text


async def test_deepseek_wants_its_thoughts_back(caller: Caller) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    called: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": [call]}
    messages = [*MESSAGES, called, {"role": "tool", "tool_call_id": "c1", "content": "x"}]
    reply = await caller.post("deepseek", {"model": "deepseek-flash", "messages": messages})
    assert reply.headers["content-type"] == "application/octet-stream"
    assert "must be passed back" in reply.text
    called["reasoning_content"] = "hm"
    assert (await caller.post("deepseek", {"model": "deepseek-flash", "messages": messages})).status_code == 200
