"""Whatever stands in whatever place of a body: it is read, or rejected by name, and never a mistake of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest

from shunpike_gateway.chat import ChatDialect
from shunpike_gateway.exchange import ApiDialect, Head, RejectedBody
from shunpike_gateway.messages import MessagesDialect
from shunpike_gateway.options import with_options
from shunpike_gateway.responses import ResponsesDialect

HEAD = Head("POST", "/v1")
STRANGE = (None, "", 0, True, [], {}, ["x"], [[]], {"type": ["a"]}, [{"type": {}}])
PICTURE = "data:image/png;base64,AA=="
SCHEMA = {"type": "object"}
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
SAMPLED = {"model": "auto", "stream": False, "temperature": 1, "top_p": 1, "metadata": {"tag": "x", "strict": "no"}}
CHAT: dict[str, Any] = {
    **SAMPLED,
    "stream_options": {"include_usage": True},
    "stop": ["a"],
    "reasoning": {"effort": "low"},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "session_id": "s",
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "x"},
                {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
                "bare",
            ],
        },
        {"role": "assistant", "content": None, "reasoning": "t", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ],
}
MESSAGES: dict[str, Any] = {
    **SAMPLED,
    "max_tokens": 5,
    "stop_sequences": ["a"],
    "system": [{"type": "text", "text": "x"}],
    "tools": [{"name": "f", "input_schema": SCHEMA}, {"type": "bash_20250124", "name": "bash"}],
    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 5},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                {"type": "document", "title": "t", "source": {"type": "content", "content": "x"}},
                {"type": "search_result", "title": "t", "source": "s", "content": [{"type": "text", "text": "x"}]},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "t"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "x"}]},
    ],
}
RESPONSES: dict[str, Any] = {
    **SAMPLED,
    "include": ["message.output_text.logprobs"],
    "top_logprobs": 1,
    "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "a", "schema": {}}},
    "reasoning": {"effort": "low", "summary": "auto"},
    "tools": [
        {"type": "function", **FUNCTION},
        {"type": "custom", "name": "g", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "h"}]},
    ],
    "tool_choice": {"type": "allowed_tools", "tools": [{"type": "function", "name": "h", "namespace": "n"}]},
    "input": [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": PICTURE}],
        },
        {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"},
        {"type": "function_call", "call_id": "e", "name": "h", "namespace": "n", "arguments": "{}"},
        {"type": "custom_tool_call_output", "call_id": "d", "output": [{"type": "input_text", "text": "x"}]},
        {"type": "function_call_output", "call_id": "e", "output": "x"},
    ],
}


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each place within ``value``, as the names and numbers that lead there."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*place, name)
        yield from places(one, (*place, name))


def changed(body: Mapping[str, Any], place: tuple[Any, ...], value: Any) -> Any:
    """``body`` with ``value`` at ``place``."""
    whole = within = deepcopy(body)
    for name in place[:-1]:
        within = within[name]
    within[place[-1]] = value
    return whole


@pytest.mark.parametrize(
    ("dialect", "body"),
    [(ChatDialect(), CHAT), (MessagesDialect(), MESSAGES), (ResponsesDialect(), RESPONSES)],
    ids=["chat", "messages", "responses"],
)
def test_a_strange_value_in_any_place_is_read_or_rejected(dialect: ApiDialect, body: dict[str, Any]) -> None:
    assert with_options(dialect.read(body, HEAD), body, HEAD).dropped == ()
    rejected = 0
    for place in places(body):
        for value in STRANGE:
            asked = changed(body, place, value)
            try:
                with_options(dialect.read(asked, HEAD), asked, HEAD)
            except RejectedBody:
                rejected += 1
            except Exception as error:
                raise AssertionError(f"{value!r} at {place} ends in {error!r}") from error
    assert rejected > 200
