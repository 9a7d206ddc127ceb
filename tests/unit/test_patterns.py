"""Patterns of names mean the same wherever they may stand: only ``*`` and ``?`` are anything but themselves."""

from __future__ import annotations

import pytest

from shunpike.control.client_keys import may_ask
from shunpike.patterns import matches
from shunpike.routing.foreign_names import ForeignNames
from shunpike.routing.rules import Occasion, fits
from shunpike.types import RoutingRule


@pytest.mark.parametrize(
    ("pattern", "name", "fit"),
    [
        ("gpt-*", "gpt-", True),
        ("gpt-?", "gpt-", False),
        ("*", "a/b\nc", True),
        ("gpt-*", "a-gpt-1", False),
        ("GPT", "gpt", False),
        ("a.c", "abc", False),
        ("claude[1m]", "claude[1m]", True),
        ("claude[1m]", "claude1", False),
        ("[!x]", "y", False),
        ("a]*[", "a]b[", True),
    ],
)
def test_a_star_and_a_question_mark_stand_for_any_characters(pattern: str, name: str, fit: bool) -> None:
    assert matches(pattern, name) is fit


def test_a_bracket_is_one_in_rules_in_the_map_of_models_and_for_client_keys() -> None:
    rule = RoutingRule(model="*[1m]", use="auto")
    names = ForeignNames({"*[1m]": "auto"})
    for name, fit in (("Opus[1m]", True), ("opus-1", False)):
        assert fits(rule, Occasion(name, 1)) is fit
        assert (names.stand_in(name) is not None) is fit
        assert may_ask(("*[1M]",), name) is fit
