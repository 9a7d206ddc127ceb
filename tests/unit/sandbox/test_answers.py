"""Every provider answers in its own shape, whole and streamed, with the same words and exact tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shunpike_sandbox.answers import NOTICE
from shunpike_sandbox.tokens import count, cut, pieces

from .conftest import OPENAI_LIKE, Caller
from .reading import events, last_usage, streamed_calls, streamed_text

SHUNPIKE = "A shunpike is a side road"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
WITH_TOOLS = ["groq", "together", "openrouter", "openai", "deepseek", "sandbox"]


@pytest.mark.parametrize("provider", OPENAI_LIKE)
async def test_whole_and_streamed_answers_say_the_same(caller: Caller, provider: str) -> None:
    whole = await caller.ask(provider)
    streamed = await caller.ask(provider, stream=True)
    assert whole.status_code == streamed.status_code == 200
    assert streamed.headers["content-type"].startswith("text/event-stream")
    message = whole.json()["choices"][0]["message"]
    assert message["content"].startswith(SHUNPIKE)
    assert streamed_text(streamed.text) == message["content"]
    assert streamed.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("provider", OPENAI_LIKE)
async def test_usage_is_exact_and_equals_the_books(caller: Caller, provider: str) -> None:
    body = (await caller.ask(provider)).json()
    message, usage = body["choices"][0]["message"], body["usage"]
    thoughts = message.get("reasoning") or message.get("reasoning_content") or ""
    assert usage["completion_tokens"] == count(message["content"]) + count(thoughts)
    books = caller.books(provider)
    assert (books["prompt_tokens"], books["completion_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])


@pytest.mark.parametrize("provider", ["groq", "together", "openrouter", "hyperbolic", "deepseek"])
async def test_streams_tell_their_usage_unasked(caller: Caller, provider: str) -> None:
    raw = (await caller.ask(provider, stream=True)).text
    assert last_usage(raw)["completion_tokens"] == caller.books(provider)["completion_tokens"]


async def test_openai_tells_the_usage_of_a_stream_only_when_asked(caller: Caller) -> None:
    assert not any("usage" in event for event in events((await caller.ask("openai", stream=True)).text))
    raw = (await caller.ask("openai", stream=True, stream_options={"include_usage": True})).text
    *rest, last = events(raw)
    assert all(event["usage"] is None for event in rest)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + last["usage"]["completion_tokens"]


async def test_openai_pads_its_chunks_unless_told_not_to(caller: Caller) -> None:
    padded = events((await caller.ask("openai", stream=True)).text)
    plain = events((await caller.ask("openai", stream=True, stream_options={"include_obfuscation": False})).text)
    own = events((await caller.ask("sandbox", stream=True)).text)
    assert all(event["obfuscation"] for event in padded)
    assert not any("obfuscation" in event for event in (*plain, *own))


async def test_each_stream_has_the_quirks_of_its_provider(caller: Caller) -> None:
    raw = {name: (await caller.ask(name, stream=True)).text for name in OPENAI_LIKE}
    groq, router = events(raw["groq"]), events(raw["openrouter"])
    assert groq[0]["x_groq"]["id"].startswith("req_")
    assert groq[-1]["x_groq"]["usage"] == groq[-1]["usage"]
    assert raw["openrouter"].startswith(": OPENROUTER PROCESSING\n\n")
    assert [event["choices"][0]["finish_reason"] for event in router[-2:]] == ["stop", "stop"]
    assert router[-1]["usage"]["cost"] == 0
    assert raw["deepseek"].startswith(": keep-alive\n\n")
    assert events(raw["deepseek"])[-1]["choices"][0]["finish_reason"] == "stop"
    assert events(raw["deepseek"])[-1]["usage"]
    assert all("message" in event["choices"][0] and event["usage"] for event in events(raw["hyperbolic"]))
    assert (
        events(raw["together"])[0]["choices"][0]["text"] == events(raw["together"])[0]["choices"][0]["delta"]["content"]
    )


async def test_deepseek_and_openrouter_pad_a_whole_answer_with_blank_lines(caller: Caller) -> None:
    for provider in ("deepseek", "openrouter"):
        assert (await caller.ask(provider)).content.startswith(b"\n")


@pytest.mark.parametrize("provider", WITH_TOOLS)
async def test_a_tool_is_called_when_the_prompt_asks_for_it(caller: Caller, provider: str) -> None:
    question = "What is the weather in Paris?"
    whole = (await caller.ask(provider, question, tools=[WEATHER])).json()["choices"][0]
    assert whole["finish_reason"] == "tool_calls"
    (call,) = whole["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}
    raw = (await caller.ask(provider, question, tools=[WEATHER], stream=True)).text
    assert streamed_calls(raw) == [("get_weather", call["function"]["arguments"])]


@pytest.mark.parametrize("provider", WITH_TOOLS)
async def test_a_tool_result_is_answered_in_words(caller: Caller, provider: str) -> None:
    first = (await caller.ask(provider, "What is the weather in Paris?", tools=[WEATHER])).json()
    message = first["choices"][0]["message"]
    history = [
        {"role": "user", "content": "What is the weather in Paris?"},
        message,
        {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "18 degrees and sunny"},
    ]
    model = first["model"]
    reply = await caller.post(provider, {"model": model, "messages": history, "tools": [WEATHER]})
    assert reply.status_code == 200, reply.text
    assert "18 degrees and sunny" in reply.json()["choices"][0]["message"]["content"]


async def test_tool_choice_decides(caller: Caller) -> None:
    async def calls(**more: Any) -> Any:
        body = (await caller.ask("openai", "Hello there.", tools=[WEATHER], **more)).json()
        return body["choices"][0]["message"].get("tool_calls")

    assert await calls() is None
    assert await calls(tool_choice="required")
    assert await calls(tool_choice={"type": "function", "function": {"name": "get_weather"}})
    assert await calls(tool_choice="none") is None


async def test_groq_sends_a_call_whole_and_openai_in_pieces(caller: Caller) -> None:
    for provider, parts in (("groq", 1), ("openai", 2)):
        raw = (await caller.ask(provider, "Use get_weather for Paris", tools=[WEATHER], stream=True)).text
        deltas = [event["choices"][0]["delta"] for event in events(raw) if event["choices"]]
        assert (sum(bool(delta.get("tool_calls")) for delta in deltas) == 1) == (parts == 1)


@pytest.mark.parametrize("provider", OPENAI_LIKE)
async def test_max_tokens_cuts_the_answer_to_the_token(caller: Caller, provider: str) -> None:
    body = (await caller.ask(provider, max_tokens=5)).json()
    assert body["usage"]["completion_tokens"] == 5
    assert body["choices"][0]["finish_reason"] == "length"


async def test_stop_sequences_end_the_answer(caller: Caller) -> None:
    choice = (await caller.ask("openai", stop=[" road"])).json()["choices"][0]
    assert choice["message"]["content"] == "A shunpike is a side"
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("prompt", "keys"),
    [
        ("Tell a joke. Return it as a JSON with 'setup' and 'punchline' keys.", {"setup", "punchline"}),
        ('Answer in JSON with the "city" key.', {"city"}),
        ("In JSON, with `a`, `b`, and `c` fields.", {"a", "b", "c"}),
        ("Say 'hello' in json.", {"answer", "keywords"}),
    ],
)
async def test_json_mode_gives_the_keys_that_a_prompt_names(caller: Caller, prompt: str, keys: set[str]) -> None:
    kind = {"type": "json_object"}
    text = (await caller.ask("openai", prompt, response_format=kind)).json()
    assert json.loads(text["choices"][0]["message"]["content"]).keys() == keys


async def test_json_mode_and_schemas_give_json(caller: Caller) -> None:
    kind = {"type": "json_object"}
    text = (await caller.ask("openai", "Answer in json: what is a token?", response_format=kind)).json()
    assert isinstance(json.loads(text["choices"][0]["message"]["content"]), dict)
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    text = (await caller.ask("openai", "It is 21 degrees in Rome.", response_format=form)).json()
    assert json.loads(text["choices"][0]["message"]["content"]) == {"city": "Rome", "degrees": 21}


async def test_the_sandbox_itself_says_what_it_is_and_needs_no_key(caller: Caller) -> None:
    body = {"model": "sandbox/echo-1", "messages": [{"role": "user", "content": "What is a shunpike?"}]}
    reply = await caller.post("sandbox", body, key=None)
    assert reply.json()["choices"][0]["message"]["content"].endswith(NOTICE)


async def test_answers_are_the_same_at_every_run(caller: Caller) -> None:
    text = "Cats sleep a lot. Dogs run in the park. The park is green and large. What do dogs do?"
    one, two = [(await caller.ask("openai", text)).json()["choices"][0]["message"]["content"] for _ in range(2)]
    assert one == two
    assert "Dogs run in the park." in one


@pytest.mark.parametrize(
    "text", ["Hello, world!", "你好，世界", "def f(x):\n    return x ** 2", "a" * 50, "🙂é\u0301 1234567"]
)
def test_pieces_join_to_the_text_and_cutting_keeps_the_count(text: str) -> None:
    assert "".join(pieces(text)) == text
    for limit in range(len(pieces(text)) + 1):
        assert count(cut(text, limit)) == limit


def test_chinese_is_one_token_a_character() -> None:
    assert count("你好世界") == 4


async def test_openrouter_tells_about_an_earlier_answer_to_its_own_account(caller: Caller) -> None:
    body = (await caller.ask("openrouter", stream=True)).text
    answer_id = events(body)[0]["id"]

    async def look(key: str) -> Any:
        head = {"authorization": f"Bearer {key}"}
        return await caller.client.get(f"/openrouter/api/v1/generation?id={answer_id}", headers=head)

    data = (await look("sandbox-1")).json()["data"]
    assert data["native_tokens_completion"] == last_usage(body)["completion_tokens"]
    assert (data["cancelled"], data["total_cost"]) == (False, 0)
    assert (await look("sandbox-2")).status_code == 404
