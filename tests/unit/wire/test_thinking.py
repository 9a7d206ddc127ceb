"""Thinking that a model wrote into its text, and JSON in a fence: as they are read whole and shown as they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shunpike.errors import Interrupted
from shunpike.reasoning.apart import Apart
from shunpike.reasoning.thinking import TAGS, plain_json, read
from shunpike.types import Chunk
from shunpike.wire import Assembly, ChatBackend
from shunpike_testkit.upstream import Upstream, reply, stream

Make = Callable[..., Any]
CODE = "Use it so:\n```html\n<think>a</think>\n</think>\n```\n"


@pytest.mark.parametrize(("opening", "closing"), TAGS)
def test_thinking_is_taken_out_of_the_text_of_every_model_that_writes_it(opening: str, closing: str) -> None:
    assert read(f"{opening}\nhm\n{closing}\n\nParis.") == ("hm", "Paris.")
    assert read(f" \n{opening.upper()}hm{closing.upper()}Paris.") == ("hm", "Paris.")


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think></think>\n\nParis.", "", "Paris."),
        ("<think>a</think>\n<think>b</think> Paris.", "a\n\nb", "Paris."),
        ("<think>it never ends", "it never ends", ""),
        ("<think>a</thinking>b</think>c", "a</thinking>b", "c"),
        ("<think>a</thinking>\nc", "a", "c"),
        ("<think>a</think></think>\n\nb", "a", "b"),
        ('<think time="3">a</think>b', "a", "b"),
        ("<thinking>a</think>b</thinking>c", "a</think>b", "c"),
        ("<thought\u017f>a", "", "<thought\u017f>a"),
        ("<think about it>", "", "<think about it>"),
        ("<thinking of you, 3 < 4", "", "<thinking of you, 3 < 4"),
        ('{"html": "a</think>b"}', "", '{"html": "a</think>b"}'),
        ('[1, "</think>"]', "", '[1, "</think>"]'),
        ("hm\n</think>\n\nParis.", "hm", "Paris."),
        ("hm, so.</think>Paris.", "hm, so.", "Paris."),
        ("</think>\n\nParis.", "", "Paris."),
        ("Paris.", "", "Paris."),
        ("  Paris. \n", "", "  Paris. \n"),
        ("Say <think>a</think> b", "", "Say <think>a</think> b"),
        ("The tag </think> ends it.", "", "The tag </think> ends it."),
        ("It is `</think>`\nhere.", "", "It is `</think>`\nhere."),
        (CODE, "", CODE),
        ("<thinker>a</thinker>", "", "<thinker>a</thinker>"),
    ],
)
def test_only_what_leads_the_text_is_thinking(text: str, reasoning: str, answer: str) -> None:
    assert read(text) == (reasoning, answer)


@pytest.mark.parametrize(
    ("text", "known", "reasoning", "answer"),
    [
        ("<think>hm</think>Paris.", "hm", "hm", "Paris."),
        ("<think>more</think>Paris.", "hm", "hm\n\nmore", "Paris."),
        ("a\n</think>\nb", "hm", "hm", "a\n</think>\nb"),
    ],
)
def test_thinking_that_was_told_apart_is_told_once(text: str, known: str, reasoning: str, answer: str) -> None:
    assert read(text, known) == (reasoning, answer)


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"a": 1}\n```', '```\n{"a": 1}\n```', '```JSON\r\n{"a": 1}\r\n```\r\n', '\ufeff```json\n{"a": 1}```',
        '  \n```json5\n{"a": 1}\n```  \n', '~~~json\n{"a": 1}\n~~~', '````json\n{"a": 1}\n````', '```json{"a": 1}```',
        '\ufeff{"a": 1}',
    ],
)  # fmt: skip
def test_json_in_one_fence_is_the_json(text: str) -> None:
    assert plain_json(text) == '{"a": 1}'
    assert read(text, wants_json=True).text == '{"a": 1}'
    assert read(f"<think>hm</think>\n{text}", wants_json=True) == ("hm", '{"a": 1}')


@pytest.mark.parametrize(
    "text",
    [
        'Here:\n```json\n{"a": 1}\n```', '```json\n{"a": 1}\n```\nThere.', '```json\n{"a":', '```json\n{"a":\n```',
        "```json\n{}\n```\n```json\n{}\n```", "```python\nprint()\n```", "", "```", "``````",
    ],
)  # fmt: skip
def test_anything_else_around_it_stays(text: str) -> None:
    assert plain_json(text) == text


def test_a_text_in_json_may_hold_a_fence() -> None:
    inner = json.dumps({"code": "```python\nx\n```"})
    assert plain_json(f"```json\n{inner}\n```") == inner


@pytest.mark.parametrize("role", ["system", "developer", "user"])
@pytest.mark.parametrize("name", ["reasoning", "thinking", "thought", "thoughts"])
def test_tags_that_the_prompt_asks_for_are_a_part_of_the_answer(make_call: Make, role: str, name: str) -> None:
    """Whoever asks for ``<reasoning>`` and ``<answer>`` reads both out of the text."""
    text = f"<{name}>hm</{name}>\n<answer>4</answer>"
    asking = make_call(messages=[{"role": role, "content": f"Answer as <{name.upper()}>…</{name}><answer>…</answer>."}])
    assert said(show(asking, *text)) == (None, text)
    assert said(show(asking, f"<think>so</think>{text}")) == ("so", text)
    assert said(show(make_call(), *text)) == ("hm", "<answer>4</answer>")
    as_json = asking.model_copy(
        update={"request": asking.request.model_copy(update={"response_format": {"type": "json_object"}})}
    )
    assert said(show(as_json, f"<{name}>hm</{name}>\n", "{}")) == ("hm", "{}")


def test_what_an_answer_before_it_held_is_not_asked_for(make_call: Make) -> None:
    talk = [{"role": "assistant", "content": "<thinking>a</thinking>b"}, {"role": "user", "content": "And?"}]
    assert said(show(make_call(messages=talk), "<thinking>hm</thinking>Paris.")) == ("hm", "Paris.")


def test_a_models_own_mark_is_thinking_whatever_the_prompt_says(make_call: Make) -> None:
    call = make_call(messages=[{"role": "system", "content": "Think between <think> and </think>."}])
    assert said(show(call, "<think>hm</think>Paris.")) == ("hm", "Paris.")


def said(chunks: list[Chunk]) -> tuple[str | None, str]:
    assembly = Assembly(provider="acme", model="m1")
    for chunk in chunks:
        assembly.add(chunk)
    message = assembly.answer().choices[0].message
    return message.reasoning, message.text


def show(call: Any, *texts: str) -> list[Chunk]:
    apart = Apart(call)
    return [*apart.take([*(Chunk(text=text) for text in texts), Chunk(finish_reason="stop")]), *apart.close()]


def test_thinking_and_text_are_shown_as_they_come(make_call: Make) -> None:
    found = show(make_call(), "<th", "ink>\nI ", "think ", "so", ".\n</", "think", ">\n", "\nPar", "is.")
    assert [chunk.reasoning for chunk in found if chunk.reasoning] == ["I", " think", " so", "."]
    assert [chunk.text for chunk in found if chunk.text] == ["Par", "is."]


def test_json_is_shown_as_it_comes_without_its_fence(make_call: Make) -> None:
    call = make_call(response_format={"type": "json_object"})
    found = show(call, "``", "`js", "on\n", '{"a"', ": ", "1}\n", "``", "`\n")
    assert [chunk.text for chunk in found if chunk.text] == ['{"a"', ":", " 1}"]
    assert all(chunk.text_in_all is None for chunk in found)


def test_a_fence_is_left_alone_where_no_json_was_asked_for(make_call: Make) -> None:
    assert [chunk.text for chunk in show(make_call(), "```json\n", "{}\n", "```")][:3] == ["```json\n", "{}\n", "```"]


@pytest.mark.parametrize(
    ("texts", "text", "reasoning"),
    [
        (["hm", "\n</think>", "\nParis."], "Paris.", "hm"),
        (["```json\n", "{}", "\n```", "\nThere."], "```json\n{}\n```\nThere.", None),
    ],
)
def test_what_only_the_end_tells_is_put_right_there(make_call: Make, texts: Any, text: str, reasoning: Any) -> None:
    assembly = Assembly(provider="acme", model="m1")
    for chunk in show(make_call(response_format={"type": "json_object"}), *texts):
        assembly.add(chunk)
    message = assembly.answer().choices[0].message
    assert (message.text, message.reasoning) == (text, reasoning)


def raw_chunks(*texts: str, end: bool = True) -> list[str]:
    rows: list[Any] = [{"index": 0, "delta": {"content": text}} for text in texts]
    rows += [{"index": 0, "delta": {}, "finish_reason": "stop"}] if end else []
    return [f"data: {json.dumps({'choices': [row]})}\n\n" for row in rows] + (["data: [DONE]\n\n"] if end else [])


@pytest.mark.parametrize("way", ["whole", "streamed", "whole though streamed"])
async def test_a_backend_tells_thinking_apart_and_json_without_its_fence(
    make_backend: Make, make_call: Make, way: str
) -> None:
    text = '<think>hm</think>\n\n```json\n{"a": 1}\n```'
    whole = reply({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream(raw_chunks(text[:9], text[9:])) if way == "streamed" else whole)
        backend: ChatBackend = make_backend(upstream.base_url)
        call = make_call(response_format={"type": "json_object"})
        if way == "whole":
            answer = await backend.complete(call)
        else:
            assembly = Assembly(provider="acme", model="m1")
            async with backend.stream(call) as chunks:
                async for chunk in chunks:
                    assembly.add(chunk)
            answer = assembly.answer()
        await backend.aclose()
    assert (answer.choices[0].message.reasoning, answer.choices[0].message.text) == ("hm", '{"a": 1}')


async def test_a_stream_that_breaks_off_delivers_what_was_held_back(make_backend: Make, make_call: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/chat/completions", stream(raw_chunks("<think>a </th", end=False)))
        backend: ChatBackend = make_backend(upstream.base_url)
        found = []
        with pytest.raises(Interrupted):
            async with backend.stream(make_call()) as chunks:
                async for chunk in chunks:
                    found.append(chunk)
        await backend.aclose()
    assert "".join(chunk.reasoning for chunk in found) == "a </th"
