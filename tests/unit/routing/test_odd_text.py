"""Looping, refusing and wrong-language answers are found, and ordinary ones of whatever form are left alone."""

from __future__ import annotations

import json
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shunpike.routing.odd_text import is_in_another_language, loops, refuses

PROSE = (
    "A toll road asks for money at each gate. In 1794 the first long one in America opened between Philadelphia and"
    " Lancaster, and drivers soon found side roads around its gates. Such a road was called a shunpike. Some of them"
    " survive in the names of streets, in New Jersey and in Maine, although nobody there remembers what was shunned."
    " The companies put chains across the side roads, the drivers went farther round, and in the end the railway took"
    " the freight from both of them."
)
CITIES = ("Lima", "Oslo", "Rome", "Riga", "Doha", "Baku", "Suva")
LANDS = ("Peru", "Norway", "Italy", "Latvia", "Qatar", "Azerbaijan", "Fiji")
LIST = "\n".join(f"- {city}: the capital of {land}" for city, land in zip(CITIES, LANDS, strict=True))
LABELS = "\n".join(["positive", "negative", "neutral", "positive"] * 40)
NUMBERED = "\n".join(f"{place}. The value of row {place} is {place * place}." for place in range(1, 80))
TABLE = "| name | value | unit |\n| --- | --- | --- |\n" + "| speed of sound in air | 343 | m/s |\n" * 40
CODE = "Here it is:\n\n```python\n" + "    result.append(value + 1)  # add the next one here\n" * 30 + "```\n"
POEM = "\n\n".join(
    f"O {what} on the hill,\nmy heart is with you still.\nThe river runs, the night is long,\nand this is all my song."
    for what in ("lonely tree", "silent stone", "morning star", "broken gate")
)
BOTTLES = "\n".join(
    f"{left} bottles of beer on the wall, {left} bottles of beer.\nTake one down and pass it around."
    for left in range(99, 0, -1)
)
ZEROS = "[" + ", ".join(["0"] * 400) + "]"
OBJECTS = json.dumps([{"name": "a name", "value": 0, "note": "there is nothing to say here"}] * 40, indent=2)
RULE = "Results\n" + "-" * 400
INNOCENT = {
    "prose": PROSE,
    "list": LIST,
    "labels": LABELS,
    "numbered": NUMBERED,
    "table": TABLE,
    "code": CODE,
    "poem": POEM,
    "bottles": BOTTLES,
    "zeros": ZEROS,
    "objects": OBJECTS,
    "rule": RULE,
    "short": "No.",
    "empty": "",
}
SENTENCES = PROSE.split(". ")


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("name", INNOCENT)
def test_ordinary_answers_of_any_form_do_not_loop(name: str, cut: bool) -> None:
    assert not loops(INNOCENT[name], "Tell me about it.", cut=cut)


@pytest.mark.parametrize("start", ["", PROSE[:300], "Sure! "])
@pytest.mark.parametrize(
    "unit",
    [
        "I think that we should look at it again. ",
        "and then the dog ran and ",
        "the ",
        "Please let me know if you need more help.\n",
        "The first thing is this. The second thing is that. ",
    ],
)
@pytest.mark.parametrize("cut", [False, True])
def test_a_phrase_that_comes_again_and_again_is_a_loop(start: str, unit: str, cut: bool) -> None:
    assert loops(start + unit * (12 + 1500 // len(unit)), "Tell me about it.", cut=cut)


def test_what_was_cut_off_in_the_middle_of_its_phrase_loops_all_the_same() -> None:
    assert loops(("I am sorry to hear that you feel this way. " * 40)[:-17], "hi", cut=True)


@given(st.integers(0, 2**32), st.integers(2, 4))
@settings(deadline=None)
def test_few_sentences_in_any_order_are_a_loop(seed: int, many: int) -> None:
    chance = Random(seed)
    text = ". ".join(chance.choices(SENTENCES[:many], k=24)) + "."

    assert loops(text, "Tell me about it.", cut=False)


@given(st.lists(st.sampled_from(SENTENCES), unique=True), st.sampled_from(["\n", ". ", "\n- ", "\n\n"]), st.booleans())
def test_what_is_said_once_is_no_loop(said: list[str], between: str, cut: bool) -> None:
    assert not loops(between.join(said), "hi", cut=cut)


@given(st.text(max_size=2000), st.booleans())
@settings(deadline=None)
def test_any_text_is_looked_at_without_an_error(text: str, cut: bool) -> None:
    assert loops(text, text[::-1], cut=cut) in (True, False)
    assert refuses(text) in (True, False)
    assert is_in_another_language(text, text) is False


def test_what_was_asked_to_be_repeated_is_no_loop() -> None:
    text = "All work and no play makes Jack a dull boy. " * 60

    assert loops(text, "Write something.", cut=False)
    assert not loops(text, "Write the sentence of the film a hundred times.", cut=False)
    assert not loops(text, 'Fill a page with "All work and no play makes Jack a dull boy."', cut=False)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that.",
        "I\u2019m sorry, but I can\u2019t help with that request.",
        "I cannot assist with that request.",
        "Sorry, I can't help you with this.",
        "I apologize, but I cannot fulfill this request. It goes against my guidelines.",
        "I am unable to help with that.",
        "Unfortunately, I cannot comply with your request.",
    ],
)
def test_an_answer_that_only_says_no_refuses(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "No.",
        "I'm sorry for your loss.",
        "I can't find any mistake in your code: it does what it says.",
        "I cannot recommend the first one. The second is better in every way that you named.",
        "I'm sorry to hear that! Here is what you can do about a flat tyre: loosen the nuts first.",
        "Sorry, but I can't tell from the picture which of the two it is.",
        '"I can\'t help falling in love with you" was sung by Elvis Presley.',
        "I'm sorry, but I can't assist with that." + PROSE,
        "We can't continue without a key: set one first.",
    ],
)
def test_an_answer_that_says_something_does_not_refuse(text: str) -> None:
    assert not refuses(text)


GERMAN = (
    "Die Hauptstadt von Peru ist Lima, und sie liegt an der K\u00fcste des Landes. Die Stadt wurde im Jahr 1535 von den"
    " Spaniern gegr\u00fcndet und ist heute mit mehr als zehn Millionen Einwohnern die gr\u00f6\u00dfte des Landes."
)
SPANISH = (
    "La capital del Per\u00fa es Lima, que est\u00e1 en la costa del pa\u00eds. La ciudad fue fundada en el a\u00f1o"
    " 1535 por los espa\u00f1oles, y es la m\u00e1s grande del pa\u00eds, con m\u00e1s de diez millones de habitantes."
)
CHINESE = "\u79d8\u9c81\u7684\u9996\u90fd\u662f\u5229\u9a6c\uff0c\u4f4d\u4e8e\u8be5\u56fd\u6d77\u5cb8\u3002" * 5
RUSSIAN = "\u0421\u0442\u043e\u043b\u0438\u0446\u0430 \u041f\u0435\u0440\u0443 - \u041b\u0438\u043c\u0430. " * 6
ENGLISH_PROMPT = "What is the capital of Peru, and when was it founded by the Spaniards?"
CHINESE_PROMPT = (
    "\u79d8\u9c81\u7684\u9996\u90fd\u662f\u54ea\u91cc\uff0c\u5b83\u662f\u4ec0\u4e48\u65f6\u5019\u5efa\u7acb\u7684\uff1f"
)


@pytest.mark.parametrize("text", [GERMAN, SPANISH, CHINESE, RUSSIAN])
def test_another_language_than_that_of_the_prompt_is_found(text: str) -> None:
    assert is_in_another_language(text, ENGLISH_PROMPT)


def test_english_to_one_who_wrote_another_language_is_found() -> None:
    assert is_in_another_language(PROSE, CHINESE_PROMPT)
    assert is_in_another_language(PROSE, GERMAN)


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (PROSE, ENGLISH_PROMPT),
        (GERMAN, GERMAN),
        (CHINESE, CHINESE_PROMPT),
        (GERMAN, "Translate into German: " + PROSE),
        (CHINESE, "Say it in Chinese, please: what is the capital of that country there?"),
        (PROSE, "\u8bf7\u7528\u82f1\u8bed\u56de\u7b54\uff1a" + CHINESE_PROMPT),
        (GERMAN, "Answer as your rules say. " + GERMAN),
        (SPANISH, "capital?"),
        ("Lima", CHINESE_PROMPT),
        (CODE, CHINESE_PROMPT),
        (LIST, ENGLISH_PROMPT),
        (NUMBERED, ENGLISH_PROMPT),
        (LABELS, CHINESE_PROMPT),
        ("E = mc^2 " * 20, ENGLISH_PROMPT),
        (PROSE + CHINESE, CHINESE_PROMPT),
    ],
)
def test_a_language_that_was_meant_or_may_have_been_is_left_alone(text: str, prompt: str) -> None:
    assert not is_in_another_language(text, prompt)


def test_a_long_answer_is_looked_at_in_little_time() -> None:
    """A millisecond or two here; the bound leaves room for a slow machine."""
    text = " ".join(f"{sentence} {place}." for place in range(200) for sentence in SENTENCES)
    begun = time.process_time()
    for _ in range(5):
        assert not loops(text, PROSE, cut=True)
        assert not is_in_another_language(text, PROSE)

    assert len(text) > 50_000
    assert (time.process_time() - begun) / 5 < 0.1
