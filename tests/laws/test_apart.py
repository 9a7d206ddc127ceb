"""Law: however a text is cut into chunks, thinking and JSON come out of it as out of the whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shunpike.reasoning.apart import Apart, set_apart
from shunpike.types import Answer, Call, ChatRequest, Choice, Chunk, Message
from shunpike.wire import Assembly

PLAIN = Call(request=ChatRequest(messages="hi"), model="m1", max_output=9, attempt_id="a1")  # type: ignore[arg-type]
JSON = PLAIN.model_copy(
    update={"request": ChatRequest(messages="hi", response_format={"type": "json_object"})}  # type: ignore[arg-type]
)
PARTS = st.sampled_from(
    [
        "<think>", "</think>", "<thinking>", "</thinking>", "<thought>", "</thought>", "[THINK]", "[/THINK]",
        '<think a="1">', "<think ", "<thinking x", ">", "=",
        "<|channel>thought\n", "<channel|>", "<mm:think>", "</mm:think>", "</THINK>", "<Think>", "<", "</", "think>",
        "```json\n", "```", "\n```", "```\r\n", "~~~\n", "`", '{"a": 1}', "[1]", "{", "ﬁn İ", "\ufeff",
        "<think >", "<|channel|>analysis<|message|>", "<|channel|>final<|message|>", "<|start|>assistant", "<|end|>",
        "<|return|>", '```json title="x"\n', "```{json}\n", "````", "~~~json\n", "~~~",
        " ", "\n", "\r\n", "a", "b c", "XY", "Z",
    ]
)  # fmt: skip
texts = st.lists(PARTS, max_size=8).map("".join)


def whole(text: str, known: str, call: Call) -> Choice:
    message = Message(role="assistant", content=text or None, reasoning=known or None)
    answer = Answer(model="m1", choices=(Choice(message=message, finish_reason="stop"),))
    return set_apart(answer, call).choices[0]


def streamed(text: str, known: str, places: list[int], call: Call) -> Choice:
    apart, assembly = Apart(call), Assembly(provider="acme", model="m1")
    cuts = sorted({min(place, len(text)) for place in places})
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    chunks = [Chunk(reasoning=known), *(Chunk(text=part) for part in parts), Chunk(finish_reason="stop")]
    for chunk in [*apart.take(chunks), *apart.close()]:
        assembly.add(chunk)
    return assembly.answer().choices[0]


@given(texts, st.sampled_from(["", "", "known"]), st.lists(st.integers(0, 40), max_size=12), st.booleans())
@example("<think>a</think>b", "", list(range(40)), False)
@example('<think>\na\n</think>\n\n```json\n{"a": 1}\n```\n', "", list(range(60)), True)
@example('```json\n{"a": 1}\n```\nThere.', "", list(range(60)), True)
@example("a\n</think>\n\nb", "", list(range(40)), False)
@example("<think>a<think>b</think>c</think>d", "", list(range(60)), False)
@example(
    "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b", "", list(range(99)), False
)
@example('```json title="x"\n{"a": 1}\n````', "", list(range(60)), True)
def test_however_a_text_is_cut_it_is_read_as_the_whole(text: str, known: str, places: list[int], json: bool) -> None:
    call = JSON if json else PLAIN
    expected, got = whole(text, known, call), streamed(text, known, places, call)
    assert (got.message.text, got.message.reasoning) == (expected.message.text, expected.message.reasoning)


@given(texts, st.booleans())
def test_nothing_of_a_text_is_lost_but_tags_and_fences(text: str, json: bool) -> None:
    read = whole(text, "", JSON if json else PLAIN)
    kept = (read.message.reasoning or "") + read.message.text
    assert [letter for letter in kept if letter in "XYZ"] == [letter for letter in text if letter in "XYZ"]


@given(texts, st.booleans())
def test_what_was_read_once_is_not_read_again(text: str, json: bool) -> None:
    call = JSON if json else PLAIN
    once = whole(text, "", call)
    again = whole(once.message.text, once.message.reasoning or "", call)
    assert (again.message.text, again.message.reasoning) == (once.message.text, once.message.reasoning)


@given(st.text(alphabet="ab <>`{}\n", max_size=30), st.lists(st.integers(0, 30), max_size=6))
def test_a_text_without_tags_is_shown_at_once_and_unchanged(text: str, places: list[Any]) -> None:
    choice = streamed(text, "", places, PLAIN)
    assert (choice.message.text, choice.message.reasoning) == (text, None)


HARMONY = "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>"


@pytest.mark.parametrize(
    ("text", "reasoning", "said"),
    [
        ("<think >a</think>b", "a", "b"),
        ("<think>a<think>b</think>c</think>d", "a<think>b</think>c", "d"),
        ("<think>Write <think> first.</think>b", "Write <think> first.", "b"),
        (
            "<think>Write <think>.</think>Close it with `</think>` then.",
            "Write <think>.",
            "Close it with `</think>` then.",
        ),
        ("<think>a</think>\n\nb</think>\nc", "a\n\nb", "c"),
        ("<think>a</think>\n\nA </think> tag.", "a", "A </think> tag."),
        (f"{HARMONY}b", "a", "b"),
        (f"{HARMONY}b<|return|>", "a", "b"),
        ("<|channel|>final<|message|>b", None, "b"),
        ("<|channel|>analysis<|message|>a", "a", ""),
        ("b<|end|>", None, "b<|end|>"),
        ("The mark <|channel|>final<|message|> begins it.", None, "The mark <|channel|>final<|message|> begins it."),
    ],
)
def test_thinking_is_told_from_the_answer_in_odd_forms_too(text: str, reasoning: str | None, said: str) -> None:
    for got in (whole(text, "", PLAIN), streamed(text, "", list(range(len(text))), PLAIN)):
        assert (got.message.reasoning, got.message.text) == (reasoning, said)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{HARMONY}b c", "b c"),
        ('```json title="x"\n{"a": 1}\n```', '{"a": 1}'),
        ('```{json}\n{"a": 1}\n```', '{"a": 1}'),
        ('```{.json #x}\n{"a": 1}\n```', '{"a": 1}'),
        ('```javascript\n{"a": 1}\n```', '{"a": 1}'),
        ('```json\n{"a": 1}\n`````', '{"a": 1}'),
        ('~~~json\n{"a": 1}\n~~~', '{"a": 1}'),
        ('```{"a": 1}```', '{"a": 1}'),
        ('```{\n"a": 1}```', '{\n"a": 1}'),
    ],
)
def test_no_sign_around_an_answer_is_ever_shown(text: str, shown: str) -> None:
    assert whole(text, "", JSON).message.text == shown
    for size in (1, 2, 5, len(text)):
        apart = Apart(JSON)
        parts = [Chunk(text=text[start : start + size]) for start in range(0, len(text), size)]
        chunks = [*apart.take([*parts, Chunk(finish_reason="stop")]), *apart.close()]
        assert "".join(chunk.text for chunk in chunks) == shown
