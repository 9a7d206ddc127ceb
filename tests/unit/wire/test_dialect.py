from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shunpike.errors import ConfigError
from shunpike.types import Message, TextPart
from shunpike.wire import Dialect, read_dialect
from shunpike.wire.body import chat_body, stream_body
from shunpike.wire.unsupported import lost

Make = Callable[..., Any]


def test_an_empty_table_is_the_common_dialect() -> None:
    assert read_dialect(None, "x.toml") == read_dialect({}, "x.toml") == Dialect()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"renam": {}}, ["acme/provider.toml", "[dialect]", "'renam'", "did you mean 'rename'"]),
        ({"max_stop": "four"}, ["'max_stop'", "'four'"]),
        ({"codes": {"x": "nonsense"}}, ["'codes'", "'nonsense'", "rate_limited"]),
        ({"finish_reasons": {"eos": "end"}}, ["'finish_reasons'", "'end'", "length"]),
        ({"ratelimits": [{"unit": "bananas"}]}, ["ratelimits", "bananas"]),
        ({"chat_path": "chat"}, ["chat_path", "'chat'"]),
        ("text", ["[dialect]", "'text'"]),
    ],
)
def test_a_mistake_is_named_with_file_and_key(table: Any, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read_dialect(table, "acme/provider.toml")
    assert all(word in str(caught.value) for word in words)


def test_every_request_has_an_output_cap_under_the_right_name(make_call: Make) -> None:
    call = make_call(max_tokens=5, max_completion_tokens=900)
    assert chat_body(call, Dialect(), "acme")["max_completion_tokens"] == 64
    body = chat_body(call, Dialect(max_tokens_name="max_tokens"), "acme")
    assert body["max_tokens"] == 64
    assert "max_completion_tokens" not in body


def test_unknown_fields_are_passed_on_and_empty_ones_are_not_sent(make_call: Make) -> None:
    body = chat_body(make_call(top_k=5, provider={"order": ["x"], "none": None}, seed=None), Dialect(), "acme")
    assert (body["top_k"], body["provider"]) == (5, {"order": ["x"], "none": None})
    assert not {"seed", "temperature", "stream", "stream_options", "tools"} & body.keys()


def test_parameters_are_renamed_dropped_and_added(make_call: Make) -> None:
    dialect = Dialect(rename={"seed": "random_seed"}, drop=("user",), extra_body={"safe": True, "top_p": 0.5})
    body = chat_body(make_call(seed=1, user="me", top_p=0.9), dialect, "acme")
    assert (body["random_seed"], body["safe"], body["top_p"]) == (1, True, 0.9)
    assert not {"seed", "user"} & body.keys()


@pytest.mark.parametrize(
    ("dialect", "request_fields", "left", "words"),
    [
        (Dialect(drop=("seed",)), {"seed": 1}, {"seed": None}, "'seed'"),
        (Dialect(single_choice=True), {"n": 3}, {"n": None}, "n=3"),
        (Dialect(max_stop=2), {"stop": ("a", "b", "c")}, {"stop": ("a", "b")}, "2 stop sequences"),
        (Dialect(json_object=False), {"response_format": {"type": "json_object"}}, {"response_format": None}, "JSON"),
        (
            Dialect(json_schema=False),
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            {"response_format": {"type": "json_object"}},
            "JSON schema: plain JSON",
        ),
        (
            Dialect(json_schema=False, json_object=False),
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            {"response_format": None},
            "JSON schema: 'response_format' was left out",
        ),
    ],
)
def test_what_is_lost_is_told(
    make_call: Make, dialect: Dialect, request_fields: dict[str, Any], left: dict[str, Any], words: str
) -> None:
    call = make_call(**request_fields)
    [warning] = lost(call, dialect, "acme", streamed=False)
    assert words in warning
    body = chat_body(call, dialect, "acme")
    assert {name: body.get(name) for name in left} == left


@pytest.mark.parametrize(
    "fields", [{"n": 1}, {"stop": "x"}, {"stop": ("a", "b")}, {"response_format": {"type": "text"}}]
)
def test_what_is_not_lost_is_not_told(make_call: Make, fields: dict[str, Any]) -> None:
    dialect = Dialect(single_choice=True, max_stop=2, json_schema=False, json_object=False, drop=("seed",))
    assert lost(make_call(**fields), dialect, "acme", streamed=True) == ()


def test_thinking_and_private_parts_stay_at_home(make_call: Make) -> None:
    tool = {"id": "t1", "function": {"name": "f", "arguments": "{}"}}
    private = {"acme": {"details": [1], "other": 2}, "rival": {"details": [3]}}
    messages = [
        {"role": "developer", "content": "be brief", "name": "boss"},
        {"role": "assistant", "tool_calls": [tool], "reasoning": "hm", "private": private},
        {"role": "tool", "content": "1", "tool_call_id": "t1"},
        {"role": "assistant", "content": "one", "reasoning": "ha"},
    ]
    call = make_call(messages=messages)
    plain = chat_body(call, Dialect(), "acme")["messages"]
    assert not any({"reasoning", "private", "details", "reasoning_content"} & message.keys() for message in plain)
    assert "content" not in plain[1]
    dialect = Dialect(
        roles={"developer": "system"}, null_content=True, send_reasoning="reasoning_content",
        private_fields=("details",), message_drop=("name",),
    )  # fmt: skip
    own = chat_body(call, dialect, "acme")["messages"]
    assert own[0] == {"role": "system", "content": "be brief"}
    assert own[1]["content"] is None
    assert own[1]["reasoning_content"] == "hm"
    assert own[1]["details"] == [1]
    assert "other" not in own[1]
    assert "reasoning_content" not in own[3], "only a message that called tools needs its thinking back"
    assert lost(call, dialect, "acme", streamed=False) == ("acme does not take 'name' on messages: it was left out",)


def test_parts_of_a_message_keep_what_is_unknown(make_call: Make) -> None:
    parts = (TextPart(text="look"), {"type": "image_url", "image_url": {"url": "data:,x", "detail": "low"}})
    audio = {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}
    call = make_call(messages=[Message(role="user", content=(*parts, audio))])
    content = chat_body(call, Dialect(), "acme")["messages"][0]["content"]
    assert content[1] == {"type": "image_url", "image_url": {"url": "data:,x", "detail": "low"}}
    assert content[2] == audio


def test_a_streamed_body_asks_for_usage_unless_that_is_refused(make_call: Make) -> None:
    call = make_call(seed=1)
    body = chat_body(call, Dialect(), "acme")
    assert stream_body(body, call, Dialect())["stream_options"] == {"include_usage": True}
    quiet = Dialect(stream_options=False, drop_with_stream=("seed",))
    assert not {"stream_options", "seed"} & stream_body(body, call, quiet).keys()
    assert len(lost(call, quiet, "acme", streamed=True)) == 1
    assert lost(call, quiet, "acme", streamed=False) == ()
