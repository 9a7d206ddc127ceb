"""Which of the operator's rules is for a request: the first that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shunpike.patterns import matches
from shunpike.types import RoutingRule


class Occasion(NamedTuple):
    """What rules look at."""

    model: str
    """As it was asked for."""
    input_tokens: int
    tools: bool = False
    tag: str | None = None
    client: str | None = None


def first_rule(rules: Sequence[RoutingRule], asked: Occasion) -> tuple[int, RoutingRule] | None:
    """Return the first of ``rules`` that is for ``asked``, and its place from 1 on; None where none is."""
    return next(((place, rule) for place, rule in enumerate(rules, 1) if fits(rule, asked)), None)


def fits(rule: RoutingRule, asked: Occasion) -> bool:
    """Whether ``rule`` is for ``asked``: what it does not name fits every request."""
    named = ((rule.model, asked.model), (rule.client, asked.client), (rule.tag, asked.tag))
    if not all(pattern is None or (name is not None and matches(pattern, name)) for pattern, name in named):
        return False
    if rule.tools is not None and rule.tools is not asked.tools:
        return False
    if rule.min_input_tokens is not None and asked.input_tokens < rule.min_input_tokens:
        return False
    return rule.max_input_tokens is None or asked.input_tokens <= rule.max_input_tokens
