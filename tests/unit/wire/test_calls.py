"""Fragments of tool calls as providers were seen to send them; the law over all of them is in tests/laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shunpike.types import ToolCallDelta
from shunpike.wire.calls import Calls

Make = Callable[..., Any]


def row(name: str | None = None, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}, **fields}


def read(calls: Calls, *deltas: list[dict[str, Any]]) -> list[ToolCallDelta]:
    return [delta for rows in deltas for delta in calls.add(rows)] + calls.rest()


def folded(found: list[ToolCallDelta]) -> list[tuple[str | None, str | None, str]]:
    made: dict[int, tuple[str | None, str | None, str]] = {}
    for delta in found:
        known, name, arguments = made.get(delta.index, (None, None, ""))
        made[delta.index] = (delta.id or known, name or delta.name, arguments + delta.arguments)
    return [made[place] for place in sorted(made)]


@pytest.mark.parametrize(
    ("deltas", "found"),
    [
        pytest.param(
            [[row("f", "", id="a", index=0)], [row("g", "", id="b", index=1)], [row(None, '{"x":1}', id="a", index=1)],
             [row(None, "{}", id="b", index=0)]],
            [("a", "f", '{"x":1}'), ("b", "g", "{}")], id="a known id wins over the number"),
        pytest.param(
            [[row("f", '{"x"', id="a", index=0)], [row(None, ":1", index=4)], [row(None, "}")]],
            [("a", "f", '{"x":1}')], id="what tells nothing goes on with the open call"),
        pytest.param([[row(None, "{}", id="a", index=0)]], [], id="no name, no call"),
        pytest.param([[row(None, '{"x"', index=0)], [row("f", ":1}", id="a", index=0)]],
                     [("a", "f", '{"x":1}')], id="the name comes late"),
        pytest.param([[row("f", "{}", index=0)], [row(None, "", id="a", index=0)]],
                     [("a", "f", "{}")], id="the id comes last"),
        pytest.param([[row("f", {"x": 1}, id="a", index=0), row("g", {}, id="b", index=0)]],
                     [("a", "f", '{"x": 1}'), ("b", "g", "")], id="arguments are objects, all numbers are 0"),
        pytest.param([[row("f", "{}", id="a", index=0)], [row("g", "{}", id="a", index=1)]],
                     [("a", "f", "{}"), ("call_a1_0_1", "g", "{}")], id="two calls have one id"),
        pytest.param([[row("get_", None, index=0)], [row("weather", None, index=0)], [row(None, "{}", index=0)]],
                     [("call_a1_0_0", "get_weather", "{}")], id="the name comes in pieces"),
        pytest.param([[row("f", "", id="a", index=0)], [row("f", '{"x"', id="a", index=0)],
                      [row("f", ":1}", id="a", index=0)], [row("f", "", id="a", index=0)]],
                     [("a", "f", '{"x":1}')], id="the name comes again and again"),
        pytest.param([[row("f", None, id="a", index=0)], [row("g", None, id="b", index=1)]],
                     [("a", "f", ""), ("b", "g", "")], id="calls without arguments"),
        pytest.param([[{"id": "a", "name": "f", "arguments": "{}"}]], [("a", "f", "{}")], id="no function around it"),
    ],
)  # fmt: skip
def test_fragments_find_the_call_that_they_are_of(make_call: Make, deltas: Any, found: Any) -> None:
    assert folded(read(Calls(make_call(), 0), *deltas)) == found


def test_a_call_is_passed_on_with_its_first_arguments(make_call: Make) -> None:
    calls = Calls(make_call(), 0)
    assert calls.add([row("f", "", id="a", index=0)]) == ()
    assert calls.add([row(None, "{", index=0)]) == (ToolCallDelta(index=0, id="a", name="f", arguments="{"),)
    assert calls.add([row(None, "}", index=0)]) == (ToolCallDelta(index=0, arguments="}"),)
