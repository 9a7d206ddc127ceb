"""The default order: free before paid, what is blocked last of its kind, then as the owner listed them."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.builtin.priority import Priority
from shunpike.protocols import Target, View
from shunpike.types import ChatRequest

from .loop_rig import target

VIEW = View(now=1_000.0, prompt_tokens=1, max_output=1)


def placed(name: str, model: str = "m", **fields: Any) -> Target:
    of_model = {"status": fields.pop("status")} if "status" in fields else {}
    return target(name, model, **of_model).model_copy(update=fields)


def order(*candidates: Target, view: View = VIEW) -> list[str]:
    return [one.target.label for one in Priority().rank(candidates, ChatRequest(messages="hi"), view)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (placed("b", order=9), placed("a", paid=True)),
        (placed("b", order=1), placed("a", order=2)),
        (placed("a", "y", status="active"), placed("a", "x", status="deprecated")),
        (placed("a", "y", status="unverified"), placed("a", "x", status="retired")),
        (placed("a", "y", model_order=1), placed("a", "x", model_order=2)),
        (placed("a"), placed("b")),
    ],
)
def test_the_better_one_comes_first_in_whatever_order_they_come(first: Target, second: Target) -> None:
    assert order(first, second) == order(second, first) == [first.label, second.label]


def test_what_is_blocked_comes_last_but_before_what_costs_money() -> None:
    blocked, other, paid = placed("a"), placed("b"), placed("c", paid=True)
    view = View(now=1_000.0, prompt_tokens=1, max_output=1, blocked_until={"a/m": 1_001.0})

    assert order(blocked, other, paid, view=view) == ["b/m", "a/m", "c/m"]


def test_a_block_that_is_over_counts_no_more() -> None:
    view = View(now=1_000.0, prompt_tokens=1, max_output=1, blocked_until={"a/m": 1_000.0})

    assert order(placed("a"), placed("b"), view=view) == ["a/m", "b/m"]


def test_it_looks_at_no_states() -> None:
    with pytest.raises(LookupError, match="needs_states"):
        VIEW.states["a/m"]
