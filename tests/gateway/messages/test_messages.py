"""The Messages API over the gateway: what goes in, what comes out, and in which order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shunpike_gateway.exchange import ApiError, Head, RejectedBody
from shunpike_gateway.messages import MessagesDialect

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package

MESSAGES = MessagesDialect()
TOOL = {"name": "read", "description": "Read.", "input_schema": {"type": "object", "properties": {}}}
USER = {"role": "user", "content": "hello there"}


def read(**body: Any) -> Any:
    return MESSAGES.read({"max_tokens": 50, "messages": [USER], **body}, Head("POST", "/v1/messages"))


async def test_an_answer_is_a_message(gateway: InProcessGateway) -> None:
    body = {"model": "sandbox/echo-1", "max_tokens": 50, "messages": [USER]}
    answer = await gateway.post("/v1/messages?beta=true", body)
    told = answer.json()
    assert (answer.status, told["type"], told["role"], told["stop_reason"]) == (200, "message", "assistant", "end_turn")
    assert told["content"][0]["type"] == "text"
    assert told["content"][0]["text"]
    assert told["usage"]["input_tokens"] > 0


async def test_events_come_in_the_order_of_anthropic(gateway: InProcessGateway) -> None:
    body = {"model": "sandbox/echo-1", "max_tokens": 50, "messages": [USER], "stream": True}
    answer = await gateway.post("/v1/messages", body)
    events = answer.events()
    names = [one["type"] for one in events]
    assert names[:2] == ["message_start", "content_block_start"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(names[2:-3]) == {"content_block_delta"}
    assert events[0]["message"]["usage"]["input_tokens"] > 0
    assert events[-2]["usage"]["input_tokens"] > 0
    assert f"event: {names[0]}\ndata: " in answer.body.decode()


async def test_tokens_are_counted_here(gateway: InProcessGateway) -> None:
    answer = await gateway.post("/v1/messages/count_tokens", {"messages": [USER], "tools": [TOOL]})
    assert answer.json()["input_tokens"] > 10


async def test_what_can_not_be_is_told_in_the_words_of_anthropic(gateway: InProcessGateway) -> None:
    answer = await gateway.post("/v1/messages", {"messages": [{"role": "user"}]})
    told = answer.json()
    assert (answer.status, told["type"], told["error"]["type"]) == (400, "error", "invalid_request_error")
    assert told["error"]["param"] == "messages.0.content"


def test_a_conversation_with_tools_becomes_chat_messages() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    asked = read(
        system=[
            {"type": "text", "text": "x-anthropic-billing-header: v=1"},
            {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
        ],
        tools=[TOOL, {"type": "web_search_20250305", "name": "web_search"}, {"type": "bash_20250124", "name": "bash"}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 3000},
        context_management={"edits": []},
        messages=[
            USER,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "foreign"},
                    {"type": "text", "text": ""},
                    {"type": "tool_use", "id": "a.b", "name": "read", "input": {"path": "ä"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "a.b", "is_error": True, "content": [image]},
                    {"type": "text", "text": "go on"},
                ],
            },
        ],
    )
    system, _, made, result, said = asked.request.messages
    assert system.content == "Be brief."
    assert made.reasoning is None
    assert made.tool_calls[0].function.arguments == '{"path":"ä"}'
    assert result.tool_call_id == made.tool_calls[0].id != "a.b"
    assert [part.type for part in said.content] == ["text", "image_url", "text"]
    assert [one["function"]["name"] for one in asked.request.tools] == ["read", "bash"]
    assert (asked.request.tool_choice, asked.request.parallel_tool_calls) == ("required", False)
    assert asked.request.reasoning_effort == "medium"
    assert len(asked.dropped) == 3


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"temperature": "hot"}, "temperature"),
        ({"tools": [{"name": "x"}]}, "tools.0.input_schema"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name"),
        ({"thinking": {"type": "odd"}}, "thinking.type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]}]},
            "messages.0.content.0.image.source",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x"}]}]},
            "messages.0.content.0.tool_use_id",
        ),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RejectedBody) as caught:
        read(**body)
    assert caught.value.param == param


def test_a_prompt_too_large_for_everybody_is_told_so_that_agents_compact() -> None:
    problem = ApiError(
        400, "invalid_request_error", "context_length_exceeded", "m", too_large=True, tokens=9, most_tokens=5
    )
    told = json.loads(json.dumps(MESSAGES.error(problem)))["error"]
    assert told["message"] == "prompt is too long: 9 tokens > 5 maximum"
