"""Which rule of the operator's is for a request, and what it is given then."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from shunpike.routing.meant import Naming
from shunpike.routing.rules import Occasion, first_rule, fits
from shunpike.types import ModelAlias, RoutingRule

PLAIN = Occasion("gpt-4o", 100)


def rule(**fields: Any) -> RoutingRule:
    return RoutingRule.model_validate({"use": "auto", **fields})


@pytest.mark.parametrize(
    ("fields", "asked", "found"),
    [
        ({}, PLAIN, True),
        ({"model": "gpt-*"}, PLAIN, True),
        ({"model": "GPT-*"}, PLAIN, False),
        ({"model": "claude-?"}, PLAIN, False),
        ({"tag": "docs*"}, PLAIN, False),
        ({"tag": "docs*"}, PLAIN._replace(tag="docs-build"), True),
        ({"client": "team"}, PLAIN, False),
        ({"client": "team"}, PLAIN._replace(client="team"), True),
        ({"tools": True}, PLAIN, False),
        ({"tools": False}, PLAIN, True),
        ({"min_input_tokens": 100}, PLAIN, True),
        ({"min_input_tokens": 101}, PLAIN, False),
        ({"max_input_tokens": 100}, PLAIN, True),
        ({"max_input_tokens": 99}, PLAIN, False),
        ({"model": "gpt-*", "tools": True}, PLAIN, False),
    ],
)
def test_a_rule_is_for_what_fits_all_that_it_names(fields: dict[str, Any], asked: Occasion, found: bool) -> None:
    assert fits(rule(**fields), asked) is found


def test_the_first_that_fits_holds() -> None:
    rules = (rule(tag="docs", use="small"), rule(use="large"), rule(use="never"))
    assert first_rule(rules, PLAIN) == (2, rules[1])
    assert first_rule(rules, PLAIN._replace(tag="docs")) == (1, rules[0])
    assert first_rule(rules[:1], PLAIN) is None


@pytest.mark.parametrize(
    "fields",
    [{"use": None}, {"use": ""}, {"min_input_tokens": 2, "max_input_tokens": 1}, {"min_input_tokens": -1}, {"mode": 1}],
)
def test_a_rule_that_does_nothing_or_fits_nothing_is_rejected(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rule(**fields)


def test_rule_then_alias_and_what_was_used_is_known() -> None:
    aliases = {"fast": ModelAlias.model_validate({"targets": ["quick/m", "auto"]})}
    naming = Naming(
        aliases, (rule(model="gpt-*", use="fast", strategy="cost"), rule(tools=True, use=None, strategy="spread"))
    )

    by_rule = naming.asked(PLAIN)
    assert (by_rule.chain.names, by_rule.rule, by_rule.alias, by_rule.strategy) == (
        ("quick/m", "auto"),
        "routing.rule[1]",
        "fast",
        "cost",
    )
    by_name = naming.asked(Occasion("fast", 1))
    assert (by_name.chain.names, by_name.rule, by_name.alias) == (("quick/m", "auto"), None, "fast")
    other = naming.asked(Occasion("m", 1, tools=True))
    assert (other.chain.names, other.rule, other.alias, other.strategy) == (("m",), "routing.rule[2]", None, "spread")
