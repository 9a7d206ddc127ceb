"""Frameworks write every message as a list of parts; some providers take nothing but text in some of them."""

from __future__ import annotations

import pytest

from shunpike.types import Call, ChatRequest, Message, ToolCall
from shunpike_testkit.upstream import Upstream, reply

from .conftest import backend_of

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
FINE = {"choices": [CHOICE], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
PARTS = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}


@pytest.mark.parametrize("provider", ["groq", "deepseek", "hyperbolic"])
async def test_what_is_no_question_goes_out_as_one_text(upstream: Upstream, provider: str) -> None:
    upstream.on("/chat/completions", reply(FINE))
    messages = (
        Message(role="system", content=PARTS),
        Message(role="user", content="hi"),
        Message(role="assistant", content=PARTS, tool_calls=[ToolCall.model_validate(CALL)]),
        Message(role="tool", content=PARTS, tool_call_id="call_1"),
    )
    backend = backend_of(provider, upstream)
    await backend.complete(Call(request=ChatRequest(messages=messages), model="m", max_output=9, attempt_id="a"))
    await backend.aclose()
    sent = {one["role"]: one["content"] for one in upstream.requests[-1].json["messages"]}
    assert sent == {"system": "one\ntwo", "user": "hi", "assistant": "one\ntwo", "tool": "one\ntwo"}
