"""A custom tool's input is read out of JSON while it arrives, however it is cut and escaped."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shunpike_gateway.responses.custom_input import CustomInput
from shunpike_gateway.responses.tools import arguments_of_custom, input_of_custom

TEXTS = st.text(st.sampled_from('a"\\/{}\n\t\x07é😀 u0d8') | st.characters(exclude_categories=["Cs"]), max_size=30)


def read(arguments: str, cuts: list[int]) -> str:
    places = sorted({0, len(arguments), *(cut % (len(arguments) + 1) for cut in cuts)})
    reader = CustomInput()
    return "".join(reader.add(arguments[start:end]) for start, end in pairwise(places))


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, ascii_only=st.booleans(), spaced=st.booleans(), cuts=st.lists(st.integers(0, 400), max_size=12))
def test_a_text_comes_out_as_it_went_in_wherever_it_is_cut(
    text: str, ascii_only: bool, spaced: bool, cuts: list[int]
) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_only, indent=1 if spaced else None)
    assert read(arguments, cuts) == text
    assert input_of_custom(arguments) == text
    assert read(arguments, list(range(len(arguments)))) == text


def test_a_text_is_told_before_it_is_whole() -> None:
    reader = CustomInput()
    assert reader.add('{"input": "*** Begin') == "*** Begin"
    assert reader.add(" Patch\\") == " Patch"
    assert reader.add("n+a\\ud83d") == "\n+a"
    assert reader.add("\\ude00!") == "😀!"
    assert reader.add('"}') == ""
    assert reader.add("more") == ""


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ('{"input":"x"}', "x"),
        ('{"patch":"x"}', "x"),
        ('{"input":"x","why":"y"}', "x"),
        ('"x"', "x"),
        ("*** Begin Patch", "*** Begin Patch"),
        ('{"input": 5}', '{"input": 5}'),
        ('{"input":"\\ud83d"}', "?"),
        ("{}", "{}"),
    ],
)
def test_arguments_of_another_form_are_taken_for_what_they_can_mean(arguments: str, meant: str) -> None:
    assert input_of_custom(arguments) == meant


@given(TEXTS)
def test_a_call_goes_back_as_it_came(text: str) -> None:
    assert input_of_custom(arguments_of_custom(text)) == text


def test_other_forms_yield_nothing_while_they_arrive() -> None:
    for arguments in ("*** Begin Patch" * 10, '{"why": "it must", "input": "x"}', '{"input": "\\x"}', '{"input": {}}'):
        assert read(arguments, list(range(len(arguments)))) == ""
