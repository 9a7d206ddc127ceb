"""Law: however a text is cut into pieces, thinking and JSON come out of it as out of the whole."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from shunpike.types import Answer, Call, ChatRequest, Choice, Message, Piece
from shunpike.wire import Assembly
from shunpike.wire.apart import Apart, set_apart

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
    pieces = [Piece(reasoning=known), *(Piece(text=part) for part in parts), Piece(finish_reason="stop")]
    for piece in [*apart.take(pieces), *apart.close()]:
        assembly.add(piece)
    return assembly.answer().choices[0]


@given(texts, st.sampled_from(["", "", "known"]), st.lists(st.integers(0, 40), max_size=12), st.booleans())
@example("<think>a</think>b", "", list(range(40)), False)
@example('<think>\na\n</think>\n\n```json\n{"a": 1}\n```\n', "", list(range(60)), True)
@example('```json\n{"a": 1}\n```\nThere.', "", list(range(60)), True)
@example("a\n</think>\n\nb", "", list(range(40)), False)
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
