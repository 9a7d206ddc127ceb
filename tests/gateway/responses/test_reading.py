"""Bodies of the Responses API as requests of the core: turns, tools, formats, and what is rejected by name."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike_gateway.exchange import ApiRequest, Head, RejectedBody
from shunpike_gateway.responses import ResponsesDialect

FUNCTION = {"type": "function", "name": "read", "description": "Reads.", "parameters": {"type": "object"}}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Patches.", "format": {"type": "text"}}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: line+"}
PNG = "data:image/png;base64,AAAA"


def read(**body: Any) -> ApiRequest:
    return ResponsesDialect().read({"input": "hello", **body}, Head("POST", "/v1/responses"))


def said(**body: Any) -> list[dict[str, Any]]:
    return [one.model_dump(exclude_none=True) for one in read(**body).request.messages]


def call(call_id: str, name: str = "read", **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **more}


def result(call_id: str, output: Any = "done") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def test_a_text_is_what_the_user_says() -> None:
    assert said(instructions="Be brief.") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
    ]


def test_what_belongs_to_one_turn_is_one_message() -> None:
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "go"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        call("a"),
        call("b"),
        result("b", "second"),
        result("a", [{"type": "input_text", "text": "first"}, {"type": "input_image", "image_url": PNG}]),
    ]
    user, turn, second, first, shown = said(input=items, tools=[FUNCTION])
    assert user["content"] == ({"type": "text", "text": "go"},)
    assert turn["content"] == ({"type": "text", "text": "I look."},)
    assert [one["id"] for one in turn["tool_calls"]] == ["a", "b"]
    assert (second["tool_call_id"], second["content"]) == ("b", "second")
    assert (first["tool_call_id"], first["content"]) == ("a", "first")
    assert shown == {"role": "user", "content": ({"type": "image_url", "image_url": {"url": PNG}},)}


def test_a_result_follows_its_call_whatever_came_between() -> None:
    items = ["go", call("a"), "wait", result("a")]
    asked = [{"role": "user", "content": one} if isinstance(one, str) else one for one in items]
    assert [one["role"] for one in said(input=asked, tools=[FUNCTION])] == ["user", "assistant", "tool", "user"]


def test_calls_one_after_the_other_are_turns_of_their_own() -> None:
    items = [{"role": "user", "content": "go"}, call("a"), result("a"), call("b"), result("b")]
    roles = [one["role"] for one in said(input=items, tools=[FUNCTION])]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]


def test_a_custom_tool_is_a_function_with_one_text() -> None:
    patched = {"type": "custom_tool_call", "call_id": "p", "name": "apply_patch", "input": 'a "b"\n'}
    done = {"type": "custom_tool_call_output", "call_id": "p", "output": "ok"}
    asked = read(input=[{"role": "user", "content": "go"}, patched, done], tools=[{**PATCH, "format": GRAMMAR}])
    (tool,) = asked.request.tools or ()
    assert tool["function"]["parameters"]["required"] == ["input"]
    assert "lark" in tool["function"]["description"]
    assert "start: line+" in tool["function"]["description"]
    (made,) = asked.request.messages[1].tool_calls or ()
    assert made.function.arguments == '{"input": "a \\"b\\"\\n"}'


def test_tools_of_a_namespace_bear_its_name_and_deferred_ones_are_there() -> None:
    inner = [{**FUNCTION, "defer_loading": True}, PATCH]
    space = {"type": "namespace", "name": "files", "description": "d", "tools": inner}
    more = {"type": "additional_tools", "role": "developer", "tools": [{**FUNCTION, "name": "late"}]}
    asked = read(
        tools=[space, FUNCTION, {"type": "tool_search"}],
        input=[{"role": "user", "content": "go"}, more, call("a", namespace="files"), result("a")],
    )
    names = [one["function"]["name"] for one in asked.request.tools or ()]
    assert names == ["files__read", "files__apply_patch", "read", "late"]
    (made,) = asked.request.messages[1].tool_calls or ()
    assert made.function.name == "files__read"
    assert asked.facts.tools.tool("files__read").namespace == "files"
    assert any("tool_search" in one for one in asked.dropped)


def test_two_tools_that_would_get_one_name_get_two() -> None:
    spaces = [
        {"type": "namespace", "name": space, "tools": [{**FUNCTION, "name": name}]}
        for space, name in (("a", "b__c"), ("a__b", "c"))
    ]
    asked = read(tools=spaces)
    names = [one["function"]["name"] for one in asked.request.tools or ()]
    assert len(set(names)) == 2
    assert [asked.facts.tools.tool(one).name for one in names] == ["b__c", "c"]


@pytest.mark.parametrize(
    ("choice", "meant", "left"),
    [
        ("required", "required", 2),
        ({"type": "function", "name": "read"}, {"type": "function", "function": {"name": "read"}}, 2),
        ({"type": "custom", "name": "apply_patch"}, {"type": "function", "function": {"name": "apply_patch"}}, 2),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "read"}]},
            "required",
            1,
        ),
        ({"type": "web_search_preview"}, None, 2),
    ],
)
def test_a_choice_among_tools(choice: Any, meant: Any, left: int) -> None:
    request = read(tools=[FUNCTION, PATCH], tool_choice=choice).request
    assert request.tool_choice == meant
    assert len(request.tools or ()) == left


def test_what_openai_runs_itself_is_left_out_and_told() -> None:
    asked = read(tools=[{"type": "web_search"}], tool_choice="required", truncation="auto", wizardry=1, background=True)
    assert asked.request.tools is None
    assert asked.request.tool_choice is None
    told = " ".join(asked.dropped)
    assert all(word in told for word in ("web_search", "truncation", "wizardry", "background"))
    assert not read(truncation="disabled", background=False, conversation=None, client_metadata={"a": "b"}).dropped


def test_options_go_under_the_names_of_chat_completions() -> None:
    schema = {"type": "json_schema", "name": "Answer", "strict": True, "schema": {"type": "object"}}
    request = read(
        max_output_tokens=50,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": schema, "verbosity": "low"},
        include=["message.output_text.logprobs"],
        top_logprobs=2,
        prompt_cache_key="session",
        parallel_tool_calls=False,
        tools=[FUNCTION],
        store=False,
    ).request
    assert request.output_cap == 50
    assert request.reasoning_effort == "low"
    assert request.json_schema == {"type": "object"}
    assert request.parallel_tool_calls is False
    assert request.model_extra == {
        "verbosity": "low",
        "logprobs": True,
        "top_logprobs": 2,
        "prompt_cache_key": "session",
    }
    assert "model" not in request.model_fields_set


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": None}, "input"),
        ({"input": 5}, "input"),
        ({"input": []}, "input"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_video"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "file:///etc/hosts"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"input": [result("nobody")]}, "input[0]"),
        ({"input": [{"role": "user", "content": "x"}, call("a")]}, "input[1]"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": "all"}, "tools"),
        ({"tools": [FUNCTION], "tool_choice": "perhaps"}, "tool_choice"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "write"}}, "tool_choice"),
        ({"temperature": -1}, "temperature"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"stream": "yes"}, "stream"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"reasoning": "much"}, "reasoning"),
        ({"include": "all"}, "include"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(RejectedBody) as rejected:
        read(**body)
    assert rejected.value.param == param
    assert rejected.value.status == 400


def test_ids_of_thoughts_that_nobody_kept_are_dropped() -> None:
    assert said(input=[{"role": "user", "content": "x"}, {"type": "item_reference", "id": "rs_1"}]) == [
        {"role": "user", "content": "x"}
    ]
