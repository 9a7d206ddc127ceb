"""What frameworks fill in and what says nothing is not given; what contradicts itself is an error that names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shunpike.client.options import build_request
from shunpike.errors import UsageError
from shunpike.types import ChatRequest
from shunpike.wire import Dialect
from shunpike.wire.body import chat_body
from shunpike.wire.unsupported import lost

Make = Callable[..., Any]
PLAIN = {"messages": [{"role": "user", "content": "Say ok."}], "model": "m1", "max_completion_tokens": 64}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


class NotGiven:
    """As the OpenAI library has it."""


@pytest.mark.parametrize(
    "empty",
    [
        {"tools": []},
        {"tools": [], "tool_choice": "auto"},
        {"tools": [], "tool_choice": "none", "parallel_tool_calls": True},
        {"tools": None, "tool_choice": None, "parallel_tool_calls": None},
        {"tool_choice": "auto"},
        {"tool_choice": "none"},
        {"tool_choice": ""},
        {"parallel_tool_calls": False},
        {"functions": [], "function_call": "auto"},
        {"stop": []},
        {"stop": ""},
        {"stop": [""]},
        {"stop": ()},
        {"response_format": {"type": "text"}},
        {"response_format": {}},
        {"response_format": {"type": None}},
        {"response_format": None},
        {"metadata": {}, "logit_bias": {}, "user": "", "modalities": [], "reasoning_effort": "", "service_tier": ""},
        {"stream_options": {}, "seed": None, "extra_of_a_provider": {}},
        {"presence_penalty": 0, "frequency_penalty": 0.0, "logprobs": False, "top_logprobs": 0},
        {"temperature": NotGiven(), "tools": NotGiven(), "tool_choice": NotGiven(), "something": NotGiven()},
    ],
)
def test_what_says_nothing_is_not_sent_and_leaves_no_warning(make_call: Make, empty: dict[str, Any]) -> None:
    picky = Dialect(drop=tuple(empty), single_choice=True)
    call = make_call(**empty)
    assert chat_body(call, Dialect(), "acme") == PLAIN
    assert lost(call, picky, "acme", streamed=False) == ()
    assert call.request.needs == frozenset()


def test_a_stop_sequence_among_empty_ones_is_kept() -> None:
    assert ChatRequest(messages="hi", stop=["", "END"]).stop == ("END",)  # type: ignore[arg-type]


def test_an_empty_model_is_the_automatic_one() -> None:
    assert ChatRequest(messages="hi", model="").model == "auto"  # type: ignore[arg-type]


def test_figures_that_mean_something_are_kept(make_call: Make) -> None:
    asked = {"temperature": 0, "top_p": 0, "seed": 0, "presence_penalty": 0.5, "logprobs": True, "top_logprobs": 2}
    assert chat_body(make_call(**asked), Dialect(), "acme") == {**PLAIN, **asked}


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ({"role": "user", "content": "a", "name": "", "tool_calls": [], "refusal": ""}, {"content": "a"}),
        ({"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "a"}]},
         {"content": ({"type": "text", "text": "a"},)}),
        ({"role": "user", "content": ["a"]}, {"content": ({"type": "text", "text": "a"},)}),
        ({"role": "assistant", "content": "a", "tool_calls": None, "function_call": None, "audio": None,
          "annotations": []}, {"content": "a"}),
        ({"role": "assistant", "content": ""}, {"content": ""}),
        ({"role": "assistant", "content": None}, {"content": ""}),
        ({"role": "assistant", "content": []}, {"content": ""}),
        ({"role": "assistant"}, {"content": ""}),
    ],
)  # fmt: skip
def test_of_a_message_only_what_it_says_is_sent(make_call: Make, message: dict[str, Any], sent: Any) -> None:
    body = chat_body(make_call(messages=[message, *PLAIN["messages"]]), Dialect(), "acme")  # type: ignore[misc]
    assert body["messages"][0] == {"role": message["role"], **sent}


@pytest.mark.parametrize("content", ["", None, [], [{"type": "text", "text": ""}]])
@pytest.mark.parametrize("null", [True, False])
def test_no_content_beside_calls_is_none_or_null_as_the_provider_wants(
    make_call: Make, content: Any, null: bool
) -> None:
    call = {"id": "t", "function": {"name": "f", "arguments": {"a": "ä"}}}
    messages = [{"role": "assistant", "content": content, "tool_calls": [call]}]
    sent = chat_body(make_call(messages=messages), Dialect(null_content=null), "acme")["messages"][0]
    assert sent["tool_calls"] == (
        {"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a": "ä"}'}},
    )
    assert sent.get("content", "absent") == (None if null else "" if content == "" else "absent")


@pytest.mark.parametrize("role", ["system", "developer"])
@pytest.mark.parametrize("content", ["", None, [], [{"type": "text", "text": ""}]])
def test_an_empty_instruction_is_left_out(make_call: Make, role: str, content: Any) -> None:
    messages = [{"role": role, "content": content}, *PLAIN["messages"]]  # type: ignore[misc]
    assert chat_body(make_call(messages=messages), Dialect(), "acme") == PLAIN


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"tool_choice": "required"}, "tool_choice is 'required', but no tools are given"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice is 'required', but no tools are given"),
        ({"tools": [], "tool_choice": {"type": "function", "function": {"name": "f"}}}, "but no tools are given"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "search"}}},
         "tool_choice names the tool 'search'; expected one of look_up"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "search"}}, "names the tool 'search'"),
        ({"tools": [TOOL], "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
            TOOL, {"type": "function", "function": {"name": "search"}}]}}}, "names the tool 'search'"),
    ],
)  # fmt: skip
def test_a_choice_of_what_is_not_there_is_an_error_that_names_it(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match="tool_choice") as caught:
        build_request("hi", {"extra": fields})
    assert told in caught.value.message


@pytest.mark.parametrize("choice", ["auto", "none", "required", {"type": "function", "function": {"name": "look_up"}}])
def test_a_choice_among_the_tools_that_are_there_is_sent(make_call: Make, choice: Any) -> None:
    body = chat_body(make_call(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False), Dialect(), "acme")
    assert (body["tool_choice"], body["parallel_tool_calls"]) == (choice, False)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"role": "tool", "tool_call_id": "t", "content": None}, "got None: one without any is ''"),
        ({"role": "tool", "tool_call_id": "t"}, "got None"),
        ({"role": "tool", "tool_call_id": "t", "content": {"sunny": True}}, "got dict: data is written as JSON text"),
        ({"role": "user", "content": 4}, "got int"),
    ],
)
def test_a_content_that_is_no_text_is_an_error_that_names_its_message(message: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        build_request([{"role": "user", "content": "hi"}, message], {})
    assert "messages.1" in caught.value.message
    assert told in caught.value.message
    assert "sunny" not in caught.value.message


@pytest.mark.parametrize("choice", ["required", {"type": "web_search"}])
def test_a_providers_own_tool_needs_no_name_to_be_chosen(choice: Any) -> None:
    asked = ChatRequest.model_validate({"messages": "hi", "tools": [{"type": "web_search"}], "tool_choice": choice})
    assert asked.tool_choice == choice
