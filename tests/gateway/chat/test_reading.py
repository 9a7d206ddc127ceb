"""Bodies of chat completions: what goes on, what is left out and told, and what is rejected by its place."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike_gateway.chat import ChatDialect
from shunpike_gateway.exchange import Head, RejectedBody

from ..running import InProcessGateway  # noqa: TID252 - the tests are no package

CHAT = ChatDialect()
HEAD = Head("POST", "/v1/chat/completions")
USER = {"role": "user", "content": "hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def read(*messages: Any, **more: Any) -> Any:
    return CHAT.read({"messages": list(messages) or [USER], **more}, HEAD)


def test_what_names_an_address_a_key_or_nothing_that_is_known_goes_to_nobody() -> None:
    asked = read(api_key="secret", base_url="https://elsewhere", seed=7, store=True, modalities=["text"], user="")
    assert asked.request.model_dump(exclude_unset=True).keys() == {"messages", "seed"}
    assert [one.partition(" ")[0] for one in asked.dropped] == ["'api_key'", "'base_url'"]


def test_thoughts_and_strange_fields_of_messages_are_left_out_and_told_once() -> None:
    said = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, "yes"], "id": "m", "cached": 1}
    asked = read({**USER, "private": {"acme": 1}}, said, {**said, "content": "no"}, USER)
    first, second = asked.request.messages[:2]
    assert (first.private, second.text) == (None, "yes")
    assert asked.dropped == (
        "'cached' of messages was left out",
        "parts of the type thinking were left out of messages",
    )


def test_an_effort_may_stand_as_other_clients_have_it() -> None:
    assert read(reasoning={"effort": "low"}).request.reasoning_effort == "low"
    assert read(reasoning={"effort": "low"}, reasoning_effort="high").request.reasoning_effort == "high"


def test_the_result_of_a_call_stands_behind_it() -> None:
    answered = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    asked = read(USER, answered, {"role": "tool", "tool_call_id": "c1", "content": "21"}, tools=[TOOL])
    assert [one.role for one in asked.request.messages] == ["user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [USER, "hi"]}, "messages.1"),
        ({"messages": [{"role": "tool", "tool_call_id": "c1", "content": "x"}]}, "messages.0.tool_call_id"),
        ({"messages": [USER, {"role": "assistant", "tool_calls": 0}]}, "messages.1.tool_calls"),
        ({"messages": [USER, {"role": "assistant", "tool_calls": [{"id": ""}]}]}, "messages.1.tool_calls.0"),
        ({"messages": [{"role": "user", "content": [{"type": "audio"}]}]}, "messages.0.content.0.type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "file:///etc/hosts"}]}]},
            "messages.0.content.0.image_url.url",
        ),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": 5}, "stream_options"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tools": [TOOL], "tool_choice": "maybe"}, "tool_choice"),
    ],
)
def test_what_can_not_be_is_rejected_by_its_place(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RejectedBody) as caught:
        CHAT.read({"messages": [USER], **body}, HEAD)
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_body_of_the_responses_api_is_answered_as_a_chat(gateway: InProcessGateway, stream: bool) -> None:
    body = {"model": "sandbox/echo-1", "input": [USER], "instructions": "Be brief.", "stream": stream}
    answer = await gateway.post("/v1/chat/completions", body)
    told = answer.events()[0] if stream else answer.json()
    assert (answer.status, told["object"]) == (200, "chat.completion.chunk" if stream else "chat.completion")
    assert b"hello" in answer.body
