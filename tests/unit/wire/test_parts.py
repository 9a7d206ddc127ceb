"""Messages as a list of parts where a provider takes one text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shunpike.errors import NotHere
from shunpike.types import Message
from shunpike.wire import Dialect
from shunpike.wire.body import chat_body
from shunpike.wire.unsupported import check_parts
from shunpike_google.contents import contents, system_parts

Make = Callable[..., Any]
STRICT = Dialect(text_only=("system", "assistant", "tool"), roles={"developer": "system"}, send_refusal=False)
A, B = {"type": "text", "text": "a"}, {"type": "text", "text": "b"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
HI = {"role": "user", "content": "hi"}


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "tool", "user"])
@pytest.mark.parametrize(
    ("parts", "text"),
    [([A], "a"), ([A, B], "a\nb"), ([A, {"type": "text", "text": ""}], "a"), ([{**A, "cache_control": {}}, B], "a\nb"),
     ([{"type": "refusal", "refusal": "no"}, B], "no\nb")],
)  # fmt: skip
def test_parts_are_joined_where_one_text_is_wanted(make_call: Make, role: str, parts: Any, text: str) -> None:
    call = make_call(messages=[{"role": role, "content": parts, "tool_call_id": "t"}, HI])
    check_parts(call, STRICT, "acme")
    sent = chat_body(call, STRICT, "acme")["messages"][0]
    assert (sent["role"], sent["content"]) == (STRICT.roles.get(role, role), text)


def test_parts_stay_parts_where_they_are_taken(make_call: Make) -> None:
    call = make_call(messages=[{"role": "system", "content": [{**A, "cache_control": {"type": "ephemeral"}}, B]}, HI])
    sent = chat_body(call, Dialect(), "acme")["messages"][0]
    assert sent["content"] == ({**A, "cache_control": {"type": "ephemeral"}}, B)


def test_a_question_with_an_image_stays_a_list(make_call: Make) -> None:
    call = make_call(messages=[{"role": "user", "content": [A, IMAGE]}])
    assert chat_body(call, STRICT, "acme")["messages"][0]["content"] == (A, IMAGE)


def test_a_part_that_is_a_refusal_is_the_text_that_it_is_where_nobody_knows_the_word(make_call: Make) -> None:
    call = make_call(messages=[{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, HI])
    assert chat_body(call, Dialect(send_refusal=False), "acme")["messages"][0]["content"] == (
        {"type": "text", "text": "no"},
    )


@pytest.mark.parametrize("role", ["system", "developer", "assistant", "tool"])
def test_an_image_where_only_text_is_taken_sends_the_request_elsewhere(make_call: Make, role: str) -> None:
    call = make_call(messages=[{"role": role, "content": [A, IMAGE], "tool_call_id": "t"}, HI])
    with pytest.raises(NotHere, match=f"'image_url' in a message of role '{role}'"):
        check_parts(call, STRICT, "acme")


def test_gemini_gets_the_joined_text_of_instructions_and_results_and_never_loses_an_image() -> None:
    call = {"id": "t", "function": {"name": "f"}}
    made = Message(role="assistant", tool_calls=[call])  # type: ignore[arg-type]

    def told(role: str, *parts: Any) -> Message:
        return Message(role=role, content=parts, tool_call_id="t")  # type: ignore[arg-type]

    assert system_parts([told("system", A, B)]) == [{"text": "a\nb"}]
    [_, result] = contents([made, told("tool", A, B)], "m1", call_ids=False)
    assert result["parts"][0]["functionResponse"]["response"] == {"output": "a\nb"}
    with pytest.raises(NotHere, match="'image_url' in a message of role 'tool'"):
        contents([made, told("tool", A, IMAGE)], "m1", call_ids=False)
    with pytest.raises(NotHere, match="'image_url' in a message of role 'system'"):
        system_parts([told("system", IMAGE)])
