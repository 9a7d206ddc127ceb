"""Law: however an answer is cut into chunks, its chunks add up to the unary answer."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shunpike.types import Call, ChatRequest
from shunpike.wire import Assembly, Dialect, StreamProgress, chunks_of, read_answer
from shunpike.wire.chunks import missing_ends, read_chunk

CALL = Call(request=ChatRequest(messages="hi"), model="m1", max_output=9, attempt_id="a1")
DIALECT = Dialect(private_fields=("details",))
TEXT = st.text(max_size=12)
NAMES = st.sampled_from(["f", "look_up"])
JSONS = st.dictionaries(TEXT, st.integers() | TEXT, max_size=3).map(json.dumps)
COUNTS = st.integers(min_value=0, max_value=10**6)

tool_calls = st.fixed_dictionaries(
    {"id": st.none() | st.uuids().map(str), "function": st.fixed_dictionaries({"name": NAMES, "arguments": JSONS})}
)
messages = st.fixed_dictionaries(
    {
        "content": st.none() | TEXT,
        "reasoning": st.none() | TEXT,
        "refusal": st.none() | TEXT,
        "tool_calls": st.lists(tool_calls, max_size=3),
        "details": st.lists(st.integers(), max_size=3),
    }
)
choices = st.fixed_dictionaries(
    {
        "message": messages,
        "finish_reason": st.sampled_from(["stop", "length", "tool_calls", "content_filter", "odd", None]),
    }
)
answers = st.fixed_dictionaries(
    {
        "id": TEXT,
        "model": TEXT,
        "choices": st.lists(choices, min_size=1, max_size=3),
        "usage": st.none()
        | st.fixed_dictionaries({"prompt_tokens": COUNTS.map(lambda n: n + 1), "completion_tokens": COUNTS}),
    }
)


def cut(text: str, draw: Any) -> list[str]:
    place = draw(st.integers(min_value=0, max_value=len(text)))
    return [text[:place], text[place:]]


def raw_chunks_of(data: dict[str, Any], draw: Any) -> list[dict[str, Any]]:
    """Write ``data`` as a provider would stream it, with the liberties that providers take."""
    found: list[dict[str, Any]] = []

    def send(index: int, delta: dict[str, Any], finish: str | None = None) -> None:
        found.append({"choices": [{"index": index, "delta": delta, "finish_reason": finish}], "usage": None})

    indexed = draw(st.booleans())
    for index, choice in enumerate(data["choices"]):
        message = choice["message"]
        send(index, {"role": "assistant", "content": ""})
        for name in ("reasoning", "content", "refusal"):
            for part in cut(message[name] or "", draw):
                send(index, {name: part})
        for part in message["details"]:
            send(index, {"details": [part]})
        for place, tool in enumerate(message["tool_calls"]):
            first, second = cut(tool["function"]["arguments"], draw)
            at = {"index": place} if indexed else {}
            head = {**at, "id": tool["id"], "function": {"name": tool["function"]["name"], "arguments": first}}
            tail = {**at, "function": {"arguments": second}}
            if draw(st.booleans()):
                tail["id"] = tool["id"]
            send(index, {"tool_calls": [head]})
            send(index, {"tool_calls": [tail]})
        for _ in range(draw(st.integers(min_value=1, max_value=2))):
            send(index, {}, choice["finish_reason"])
    found[0].update(id=data["id"], model=data["model"])
    if data["usage"]:
        found.append({"choices": [], "usage": data["usage"]})
    return found


@given(data=answers, more=st.data())
def test_the_chunks_of_a_streamed_answer_add_up_to_the_unary_answer(data: dict[str, Any], more: st.DataObject) -> None:
    seen = StreamProgress(CALL)
    assembly = Assembly(provider="acme", model=CALL.model)
    for raw_chunk in raw_chunks_of(data, more.draw):
        for chunk in read_chunk(raw_chunk, seen, DIALECT, "acme"):
            assembly.add(chunk)
    for chunk in missing_ends(seen):
        assembly.add(chunk)
    assert assembly.answer() == read_answer(CALL, data, DIALECT, "acme")


@given(data=answers)
def test_a_whole_answer_survives_as_chunks(data: dict[str, Any]) -> None:
    answer = read_answer(CALL, data, DIALECT, "acme")
    assembly = Assembly(provider="acme", model=CALL.model)
    for chunk in chunks_of(answer):
        assembly.add(chunk)
    assert assembly.answer() == answer


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["index", "id", "delta", "message", "content", "tool_calls", "function", "name", "arguments"]
            )
            | st.sampled_from(["finish_reason", "usage", "prompt_tokens", "completion_tokens", "logprobs", "details"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(rows=st.lists(ANYTHING, max_size=4), usage=ANYTHING)
def test_no_nonsense_in_a_chunk_or_an_answer_makes_the_readers_fall(rows: list[Any], usage: Any) -> None:
    data = {"choices": [*rows, {"delta": {}}], "usage": usage, "model": usage, "id": usage}
    assert read_answer(CALL, data, DIALECT, "acme").choices
    read_chunk(data, StreamProgress(CALL), DIALECT, "acme")
