"""Parameters that a provider does not take are refused with the status, the code and the words that it uses."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import MODELS, Caller

MINI, OSS = "gpt-4o-mini", "openai/gpt-oss-120b"
Row = tuple[str, dict[str, Any], int, str]

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}
CLOSED = {**OPEN, "additionalProperties": False}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
LOOK = [{"role": "user", "content": [{"type": "text", "text": "Look."}, IMAGE]}]
ECHOED = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "refusal": None}]


def said(**more: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "a", **more}]


def tool(name: str = "f", *, strict: bool = False, schema: Any = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "strict": strict, "parameters": schema or CLOSED}}


def form(schema: Any, *, name: Any = "city", strict: bool = True) -> dict[str, Any]:
    inner = {"name": name, "schema": schema, "strict": strict}
    kept = {key: value for key, value in inner.items() if value is not None}
    return {"type": "json_schema", "json_schema": kept}


OPENAI: list[Row] = [
    (MINI, {"temperature": 3}, 400, "Invalid 'temperature': decimal above maximum value. Expected a value <= 2"),
    (MINI, {"n": 0}, 400, "integer_below_min_value"),
    (MINI, {"stop": list("abcde")}, 400, "array_above_max_length"),
    (MINI, {"max_tokens": 5, "max_completion_tokens": 5}, 400, "at the same time is not supported"),
    (MINI, {"max_tokens": 20_000}, 400, "This model supports at most 16384 completion tokens"),
    (MINI, {"reasoning_effort": "low"}, 400, "Unrecognized request argument supplied: reasoning_effort"),
    ("gpt-5", {"reasoning_effort": "none"}, 400, "'reasoning_effort' does not support 'none' with this model"),
    ("gpt-6.1-sol", {"reasoning_effort": "minimal"}, 400, "unsupported_value"),
    (MINI, {"verbosity": "low"}, 400, "Supported values are: 'medium'."),
    (MINI, {"metadata": {"a": "b"}}, 400, "only allowed when 'store' is enabled"),
    (MINI, {"parallel_tool_calls": False}, 400, "only allowed when 'tools' are specified"),
    (MINI, {"tools": []}, 400, "empty_array"),
    (MINI, {"tool_choice": "auto"}, 400, "'tool_choice' is only allowed when 'tools' are specified"),
    (MINI, {"tool_choice": "none"}, 400, "'tool_choice' is only allowed when 'tools' are specified"),
    (MINI, {"top_logprobs": 3}, 400, "only allowed when 'logprobs' is enabled"),
    (MINI, {"stream": True, "stream_options": {"foo": 1}}, 400, "Unknown parameter: 'stream_options.foo'."),
    (MINI, {"web_search_options": {}}, 400, "Web search options not supported"),
    (MINI, {"messages": said(reasoning_content="x")}, 400, "Unknown parameter: 'messages[1].reasoning_content'."),
    (MINI, {"messages": said(tool_calls=[])}, 400, "Invalid 'messages[1].tool_calls': empty array"),
    (MINI, {"tools": [tool("a.b")]}, 400, "matches the pattern '^[a-zA-Z0-9_-]+$'"),
    (MINI, {"tools": [tool("a" * 65)]}, 400, "string_above_max_length"),
    (MINI, {"tools": [tool(strict=True, schema=OPEN)]}, 400, "invalid_function_parameters"),
    (MINI, {"tools": [tool(strict=True)]}, 400, "Missing 'b'."),
    (MINI, {"tools": [tool(schema={"type": "array", "items": {}})]}, 400, "got 'type: \\\"array\\\"'"),
    (MINI, {"response_format": form(OPEN)}, 400, "'additionalProperties' is required to be supplied"),
    (MINI, {"response_format": form(CLOSED)}, 400, "including every key in properties. Missing 'b'."),
    (MINI, {"response_format": form(CLOSED, name=None)}, 400, "response_format.json_schema.name"),
    (MINI, {"response_format": form(CLOSED, name="a b")}, 400, "string does not match pattern"),
    (MINI, {"response_format": form({"type": "odd"})}, 400, "not valid under any of the given schemas"),
    (MINI, {"messages": [{"role": "user", "content": [{**IMAGE, "image_url": "/a.exe"}]}]}, 400, "invalid_image_url"),
]
GROQ: list[Row] = [
    (OSS, {"logprobs": False}, 400, "property 'logprobs' is unsupported"),
    (OSS, {"messages": ECHOED}, 400, "('messages.1' : property 'refusal' is unsupported)"),
    (OSS, {"messages": said(annotations=[])}, 400, "for 'role:assistant' the following must be"),
    (OSS, {"reasoning_effort": "none"}, 400, "must be one of `low`, `medium`, or `high`"),
    ("qwen/qwen3.8-27b", {"reasoning_effort": "low"}, 400, "must be one of `none` or `default`"),
    ("groq/compound", {"reasoning_effort": "low"}, 400, "`reasoning_effort` is not supported with this model"),
    ("qwen/qwen3.8-27b", {"reasoning_format": "raw", "tools": [TOOL]}, 400, "must be `hidden` or `parsed`"),
    (OSS, {"messages": LOOK}, 400, "messages[0].content must be a string"),
    (OSS, {"response_format": form(OPEN)}, 400, "/additionalProperties: `additionalProperties:false`"),
    (OSS, {"response_format": form(CLOSED)}, 400, "/required: `required` is required"),
    (OSS, {"response_format": form(CLOSED), "stream": True}, 400, "cannot be combined with streaming"),
    (OSS, {"response_format": {"type": "json_object"}, "tools": [TOOL]}, 400, "cannot be combined with"),
    ("groq/compound", {"response_format": form(CLOSED)}, 400, "does not support response format `json_schema`"),
    (OSS, {"max_completion_tokens": 70_000}, 400, "must be less than or equal to `65536`"),
]
DEEPSEEK: list[Row] = [
    ("deepseek-flash", {"messages": [{"role": "developer", "content": "x"}]}, 400, "unknown variant `developer`"),
    ("deepseek-flash", {"temperature": 3}, 400, "the valid range of temperature is [0, 2]"),
    ("deepseek-flash", {"max_tokens": 400_000}, 400, "the valid range of max_tokens is [1, 393216]"),
    ("deepseek-flash", {"thinking": {"type": "on"}}, 400, "unknown variant `on`, expected `enabled` or `disabled`"),
    ("deepseek-flash", {"reasoning_effort": "odd"}, 400, "reasoning_effort: unknown variant `odd`, expected one of"),
    ("deepseek-flash", {"logprobs": True}, 400, "Thinking mode does not support logprobs"),
    ("deepseek-flash", {"stream_options": {}}, 400, "stream_options should be set along with stream = true"),
    ("deepseek-v4-pro", {"messages": LOOK}, 400, "messages[0]: unknown variant `image_url`, expected `text`"),
]
OPENROUTER: list[Row] = [
    ("z-ai/glm-5.2:free", {"tools": [TOOL]}, 404, "No endpoints found that support tool use."),
    ("z-ai/glm-5.2:free", {"messages": LOOK}, 404, "No endpoints found that support image input"),
    (
        "z-ai/glm-5.2:free",
        {"response_format": form(CLOSED), "provider": {"require_parameters": True}},
        404,
        "No endpoints found that can handle the requested parameters.",
    ),
    (
        "google/gemma-4-31b-it:free",
        {"provider": {"max_price": {"prompt": "odd"}}},
        400,
        "Invalid input: provider.max_price",
    ),
]
TOGETHER: list[Row] = [
    (OSS, {"top_p": 3}, 422, "Input validation error: `top_p` must be"),
    (OSS, {"reasoning_effort": "odd"}, 422, "Input validation error"),
]
ALL = {"openai": OPENAI, "groq": GROQ, "deepseek": DEEPSEEK, "openrouter": OPENROUTER, "together": TOGETHER}


@pytest.mark.parametrize(
    ("provider", "row"),
    [(provider, row) for provider, rows in ALL.items() for row in rows],
    ids=lambda one: str(one)[:70],
)
async def test_it_is_refused_as_the_provider_refuses_it(caller: Caller, provider: str, row: Row) -> None:
    model, more, status, words = row
    body = {"model": model, "messages": [{"role": "user", "content": "Answer in JSON: hi"}], **more}
    reply = await caller.post(provider, body, key="sandbox-paid")
    assert (reply.status_code, words in reply.text) == (status, True), reply.text
    books = caller.books(provider)
    assert (books["billed_pico"], books["overages"]) == (0, 0)


async def test_what_openai_takes_is_taken(caller: Caller) -> None:
    strict = {**CLOSED, "required": ["a", "b"]}
    rows: list[dict[str, Any]] = [
        {"tools": [tool(strict=True, schema=strict)], "parallel_tool_calls": False},
        {"response_format": form(strict)},
        {"response_format": form(OPEN, strict=False)},
        {"metadata": {"a": "b"}, "store": True},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"messages": said(refusal=None, annotations=[])},
    ]
    for more in rows:
        assert (await caller.ask("openai", **more)).status_code == 200, more


async def test_openrouter_drops_what_the_model_lacks_unless_told_to_insist(caller: Caller) -> None:
    body = {"model": "z-ai/glm-5.2:free", "messages": [{"role": "user", "content": "city: Rome"}]}
    reply = await caller.post("openrouter", {**body, "response_format": form(CLOSED), "logprobs": True})
    assert reply.status_code == 200
    assert not reply.json()["choices"][0]["message"]["content"].startswith("{")


async def test_the_sandbox_itself_takes_what_its_models_would_refuse_elsewhere(caller: Caller) -> None:
    more = {"temperature": 0, "messages": said(reasoning_content="x"), "tools": [tool("a", strict=True, schema=OPEN)]}
    assert (await caller.ask("sandbox", **more)).status_code == 200
    assert MODELS["sandbox"] == "sandbox/echo-1"
