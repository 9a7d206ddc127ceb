"""What clients send back of one provider's answers does not go to another, which would refuse it."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.types import Call, ChatRequest
from shunpike.wire import Dialect
from shunpike.wire.body import chat_body

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
FIELDS = ["reasoning_details", "thinking_blocks", "provider_specific_fields", "executed_tools", "citations"]


def sent(dialect: Dialect, **more: Any) -> dict[str, Any]:
    request = ChatRequest.model_validate({"messages": "hi", **more})
    return chat_body(Call(request=request, model="m", max_output=9, attempt_id="a"), dialect, "acme")


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_of_an_answer_goes_to_whoever_takes_it_back_and_to_nobody_else(name: str) -> None:
    told = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", name: [{"type": "text"}]}]
    assert name not in sent(Dialect(), messages=told)["messages"][1]
    assert name in sent(Dialect(private_fields=(name,)), messages=told)["messages"][1]


def test_the_result_of_a_tool_goes_by_its_id_without_a_name() -> None:
    told = [
        {"role": "user", "content": "a", "name": "ann"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "name": "f", "tool_call_id": "a", "content": "b"},
    ]
    user, _, result = sent(Dialect(), messages=told)["messages"]
    assert user["name"] == "ann"
    assert result == {"role": "tool", "tool_call_id": "a", "content": "b"}


def test_the_default_effort_is_left_out_where_it_is_no_word_of_the_provider() -> None:
    known = Dialect(efforts={"m": {"none": "none", "*": "default"}})
    assert sent(known, reasoning_effort="default")["reasoning_effort"] == "default"
    assert "reasoning_effort" not in sent(Dialect(), reasoning_effort="default")
    assert sent(Dialect(), reasoning_effort="low")["reasoning_effort"] == "low"
