from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shunpike.types import ABSENT, Basis, Money, Usage
from shunpike.wire import Dialect, read_answer
from shunpike.wire.lenient import decode
from shunpike.wire.usage import find_usage, stated_cost

Make = Callable[..., Any]


MOST = 10**6 * 10**12
"""Pico-dollars: the most that is read of one stated cost."""


def usage(text: str, dialect: Dialect | None = None) -> Usage:
    dialect = dialect or Dialect()
    return find_usage(decode(text, exact=dialect.exact), dialect)


@pytest.mark.parametrize(
    "text",
    [
        "{}", '{"usage": null}', '{"usage": 5}', '{"usage": {}}', '{"usage": {"prompt_tokens": 5}}',
        '{"usage": {"prompt_tokens": -1, "completion_tokens": 1}}',
        '{"usage": {"prompt_tokens": NaN, "completion_tokens": 1}}',
        '{"usage": {"prompt_tokens": 1e999, "completion_tokens": 1}}',
        '{"usage": {"prompt_tokens": Infinity, "completion_tokens": 1}}',
        '{"usage": {"prompt_tokens": "5", "completion_tokens": 1}}',
        '{"usage": {"prompt_tokens": true, "completion_tokens": 1}}',
        '{"usage": {"prompt_tokens": 1.5, "completion_tokens": 1}}',
        '{"usage": {"prompt_tokens": 99999999999999999999999, "completion_tokens": 1}}',
        '{"usage": {"prompt_tokens": [1], "completion_tokens": 1}}',
    ],
)  # fmt: skip
def test_a_usage_that_can_not_be_read_is_absent_never_zero(text: str) -> None:
    assert usage(text) is ABSENT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"prompt_tokens": 5.0, "completion_tokens": 1}', Usage(prompt_tokens=5, completion_tokens=1)),
        (
            (
                '{"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4, '
                '"cache_write_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2}}'
            ),
            Usage(prompt_tokens=10, completion_tokens=5, cached_tokens=4, cache_write_tokens=3, reasoning_tokens=2),
        ),
        (
            (
                '{"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 40, '
                '"cache_write_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 11}}'
            ),
            Usage(
                prompt_tokens=53,
                completion_tokens=16,
                cached_tokens=40,
                cache_write_tokens=3,
                reasoning_tokens=11,
                basis=Basis.ESTIMATED,
            ),
        ),
        (
            '{"prompt_tokens": 17, "completion_tokens": 492, "total_tokens": 61}',
            Usage(prompt_tokens=17, completion_tokens=492, basis=Basis.ESTIMATED),
        ),
        (
            '{"prompt_tokens": 17, "completion_tokens": 0, "total_tokens": 61}',
            Usage(prompt_tokens=17, completion_tokens=44),
        ),
        (
            (
                '{"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": null, '
                '"completion_tokens_details": "x"}'
            ),
            Usage(prompt_tokens=10, completion_tokens=5),
        ),
    ],
)
def test_figures_that_contradict_each_other_leave_nothing_out_and_are_an_estimate(text: str, expected: Usage) -> None:
    assert usage(f'{{"usage": {text}}}') == expected


def test_usage_is_found_wherever_the_dialect_says() -> None:
    counts = '{"prompt_tokens": 3, "completion_tokens": 2, "hits": 1}'
    dialect = Dialect(usage_at=("usage", "x.usage"), cached_at=("prompt_tokens_details.cached_tokens", "hits"))
    expected = Usage(prompt_tokens=3, completion_tokens=2, cached_tokens=1)
    assert usage(f'{{"usage": null, "x": {{"usage": {counts}}}}}', dialect) == expected
    assert usage(f'{{"choices": [{{"usage": {counts}}}]}}').prompt_tokens == 3


@pytest.mark.parametrize(
    ("text", "pico"),
    [
        ("0.0002696", 269_600_000), ("0", 0), ("1.5E-7", 150_000), ("2", 2 * 10**12), ("0.0000000000001", 1),
        ('"0.1"', 10**11), ('" 2 "', 2 * 10**12), ('"1.5e-7"', 150_000), ("1e999", MOST), ("1e9", MOST),
        ("99999999999", MOST), ('"1000000.5"', MOST), ('"1e40"', MOST), ("1" * 400, MOST),
        ("1e99999999999999999999", MOST),
        ("null", None), ("-1", None), ("-0.1", None), ('"-1"', None), ("NaN", None), ('"NaN"', None),
        ("Infinity", None), ("true", None), ('"a dollar"', None), ('""', None), ("{}", None), ("[1]", None),
    ],
)  # fmt: skip
def test_a_stated_cost_is_exact_and_what_is_beyond_all_reason_is_the_most_that_is_booked(
    text: str, pico: int | None
) -> None:
    data = decode(f'{{"usage": {{"cost": {text}}}}}', exact=True)
    expected = None if pico is None else Money(pico=pico)
    assert stated_cost(data, Dialect(stated_cost="usage.cost")) == expected
    assert stated_cost(data, Dialect()) is None


@pytest.mark.parametrize(
    "text", ["-1", '"-1"', "NaN", '"NaN"', "-Infinity", "true", '"a dollar"', '""', "{}", "[1]", "[]", "false"]
)
def test_beside_a_cost_that_can_not_be_read_the_usage_is_an_estimate(text: str) -> None:
    """So that the list price is booked from above and never called exact."""
    counts = '"prompt_tokens": 3, "completion_tokens": 2'
    dialect = Dialect(stated_cost="usage.cost")
    assert usage(f'{{"usage": {{{counts}, "cost": {text}}}}}', dialect).basis is Basis.ESTIMATED
    assert usage(f'{{"usage": {{{counts}, "cost": null}}}}', dialect).basis is Basis.MEASURED
    assert usage(f'{{"usage": {{{counts}}}}}', dialect).basis is Basis.MEASURED


@pytest.mark.parametrize(
    ("first", "second", "completion", "basis"),
    [
        ((492, 0), (61, 0), 0, Basis.ESTIMATED),
        ((492, 0), (61, 2), 2, Basis.ESTIMATED),
        ((61, 2), (492, 0), 2, Basis.ESTIMATED),
        ((492, 7), (492, 7), 7, Basis.MEASURED),
        ((0, 0), (492, 7), 7, Basis.MEASURED),
        ((492, 7), (0, 0), 7, Basis.MEASURED),
    ],
)
def test_of_figures_in_two_places_the_larger_ones_count(
    first: tuple[int, int], second: tuple[int, int], completion: int, basis: Basis
) -> None:
    """The second took the place of the first, and was called measured."""
    one, other = (f'{{"prompt_tokens": {prompt}, "completion_tokens": {made}}}' for prompt, made in (first, second))
    found = usage(f'{{"usage": {one}, "x": {{"usage": {other}}}}}', Dialect(usage_at=("usage", "x.usage")))
    assert (found.prompt_tokens, found.completion_tokens, found.basis) == (492, completion, basis)


@pytest.mark.parametrize(
    ("own", "text", "pico"),
    [
        ("true", '"0.25"', 3 * 10**11 + 5 * 10**10), ("true", "-1", None), ("true", "{}", None), ("true", "1e12", MOST),
        ('"true"', "0.25", 35 * 10**10), ("1", "0.25", 35 * 10**10), ("null", "0.25", 35 * 10**10),
        ('"true"', "{}", None), ("null", "0.05", 10**11), ("false", "0.25", 10**11), ("false", "{}", 10**11),
    ],
)  # fmt: skip
def test_what_an_own_key_was_billed_is_read_as_the_cost_is(own: str, text: str, pico: int | None) -> None:
    counts = '"prompt_tokens": 3, "completion_tokens": 2'
    cost = f'"cost": "0.1", "is_byok": {own}, "cost_details": {{"upstream_inference_cost": {text}}}'
    told = f'{{"usage": {{{counts}, {cost}}}}}'
    dialect = Dialect(
        stated_cost="usage.cost",
        own_key="usage.is_byok",
        own_key_cost="usage.cost_details.upstream_inference_cost",
    )
    assert stated_cost(decode(told, exact=True), dialect) == (None if pico is None else Money(pico=pico))
    said = own in ("true", "false") or pico == 10**11
    assert usage(told, dialect).basis is (Basis.MEASURED if said and pico is not None else Basis.ESTIMATED)


TOOL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


@pytest.mark.parametrize(
    ("choice", "text", "finish"),
    [
        ({"message": {"content": "ok"}, "finish_reason": "stop"}, "ok", "stop"),
        ({"message": {"content": None}, "finish_reason": "length"}, "", "length"),
        ({"message": None, "finish_reason": None}, "", "stop"),
        ({"message": "odd", "finish_reason": 7}, "", "stop"),
        ({"delta": {"content": "ok"}, "finish_reason": "eos"}, "ok", "stop"),
        ({"message": {"content": [{"type": "text", "text": "a"}, {"type": "x"}, 5, {"text": "b"}]}}, "ab", "stop"),
        ({"message": {"content": "half \ud83d pair"}}, "half � pair", "stop"),
        ({"message": {"content": "x", "tool_calls": []}, "finish_reason": "content_filter"}, "x", "content_filter"),
        ({"message": {"tool_calls": [TOOL]}, "finish_reason": "stop"}, "", "tool_calls"),
        ({"message": {"function_call": {"name": "f"}}, "finish_reason": "function_call"}, "", "tool_calls"),
    ],
)
def test_a_choice_is_read_whatever_is_missing(make_call: Make, choice: Any, text: str, finish: str) -> None:
    answer = read_answer(make_call(), {"choices": [choice]}, Dialect(), "acme")
    assert (answer.choices[0].message.text, answer.choices[0].finish_reason) == (text, finish)
    assert (answer.choices[0].message.content or "x") != ""


@pytest.mark.parametrize(
    ("row", "finish", "found"),
    [
        (TOOL, "tool_calls", ("t1", "f", '{"a":1}')),
        ({"function": {"name": "f", "arguments": {"a": 1}}}, "tool_calls", ("call_a1_0_0", "f", '{"a": 1}')),
        ({"id": "", "function": {"name": "f", "arguments": None}}, "tool_calls", ("call_a1_0_0", "f", "{}")),
        ({"id": 5, "function": {"name": "f", "arguments": ""}}, "length", ("5", "f", "")),
        ({"id": "t1", "name": "f", "arguments": "null"}, "tool_calls", ("t1", "f", "{}")),
    ],
)
def test_a_tool_call_is_read_whatever_is_missing(make_call: Make, row: Any, finish: str, found: Any) -> None:
    choice = {"message": {"tool_calls": [{"id": "nameless"}, row, None]}, "finish_reason": finish}
    answer = read_answer(make_call(), {"choices": [choice]}, Dialect(), "acme")
    [call] = answer.choices[0].message.tool_calls or ()
    assert (call.id, call.function.name, call.function.arguments) == found


def test_thinking_refusals_and_private_parts_are_kept_apart(make_call: Make) -> None:
    dialect = Dialect(private_fields=("details",), finish_reasons={"eos": "length"})
    message = {"content": "", "reasoning_content": None, "reasoning": "hm", "refusal": "no", "details": [1], "x": 2}
    answer = read_answer(make_call(), {"choices": [{"message": message, "finish_reason": "eos"}]}, dialect, "acme")
    found = answer.choices[0].message
    assert (found.reasoning, found.refusal, found.private) == ("hm", "no", {"acme": {"details": [1]}})
    assert answer.choices[0].finish_reason == "length"


def test_choices_keep_their_own_index(make_call: Make) -> None:
    rows = [{"index": 1, "message": {"content": "b"}}, {"index": 0, "message": {"content": "a"}}, {"message": {}}]
    answer = read_answer(make_call(), {"id": 5, "model": None, "choices": rows}, Dialect(), "acme")
    assert [choice.index for choice in answer.choices] == [1, 0, 2]
    assert (answer.model, answer.provider_request_id) == ("m1", None)


@pytest.mark.parametrize(
    ("finish", "tokens", "expected"),
    [(None, 50, "length"), ("", 51, "length"), (None, 49, "stop"), ("stop", 50, "stop"), ("max_tokens", 9, "length")],
)
def test_an_end_without_a_reason_at_the_cap_is_a_cut(
    make_call: Make, finish: str | None, tokens: int, expected: str
) -> None:
    call = make_call().model_copy(update={"max_output": 50})
    data = {
        "choices": [{"message": {"content": "a"}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 1, "completion_tokens": tokens},
    }
    assert read_answer(call, data, Dialect(), "acme").choices[0].finish_reason == expected
