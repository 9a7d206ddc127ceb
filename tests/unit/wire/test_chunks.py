from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shunpike.errors import BadAnswer, Overloaded
from shunpike.types import ABSENT, Answer, Basis, Call, Chunk, Evidence, Money, Unit, Usage
from shunpike.wire import Assembly, Dialect, StreamProgress, chunks_of
from shunpike.wire.chunks import missing_ends, read_chunk
from shunpike.wire.lenient import decode
from shunpike.wire.usage import find_usage

Make = Callable[..., Any]
COSTS = Dialect(stated_cost="usage.cost")


def read(call: Call, *raw_chunks: dict[str, Any], dialect: Dialect | None = None) -> list[Chunk]:
    seen = StreamProgress(call)
    found = [chunk for raw_chunk in raw_chunks for chunk in read_chunk(raw_chunk, seen, dialect or Dialect(), "acme")]
    return found + missing_ends(seen)


def fold(chunks: list[Chunk]) -> Answer:
    assembly = Assembly(provider="acme", model="m1")
    for chunk in chunks:
        assembly.add(chunk)
    return assembly.answer()


def delta(finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": fields, "finish_reason": finish}]}


def tool(arguments: Any = "", name: str | None = None, **fields: Any) -> dict[str, Any]:
    return delta(tool_calls=[{"function": {"name": name, "arguments": arguments}, **fields}])


def tools(call: Call, *raw_chunks: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = fold(read(call, *raw_chunks)).choices[0].message.tool_calls or ()
    return [(one.id, one.function.name, one.function.arguments) for one in found]


def test_a_finish_reason_is_told_once(make_call: Make) -> None:
    raw_chunks = [delta(content="a"), delta("stop"), delta("stop", content=""), delta(None), delta("length")]
    assert [chunk.finish_reason for chunk in read(make_call(), *raw_chunks) if chunk.finish_reason] == ["stop"]


def test_the_state_of_the_model_is_told_when_it_is_news(make_call: Make) -> None:
    first, last = {"system_fingerprint": "fp_1"}, {"system_fingerprint": "fp_2"}
    chunks = read(make_call(), delta(content="a"), {**delta(content="b"), **first}, {**delta("stop"), **first}, last)
    assert [chunk.system_fingerprint for chunk in chunks] == [None, "fp_1", None, "fp_2"]
    assert fold(chunks).system_fingerprint == "fp_2"


def test_a_message_in_the_place_of_a_delta_counts(make_call: Make) -> None:
    [chunk] = read(make_call(), {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})
    assert (chunk.text, chunk.finish_reason) == ("hi", "stop")


def test_chunks_that_say_nothing_make_no_chunk(make_call: Make) -> None:
    seen = StreamProgress(make_call())
    for raw_chunk in ({"choices": []}, {"choices": None, "usage": None}, delta(role="assistant", content=""), {}):
        assert read_chunk(raw_chunk, seen, Dialect(), "acme") == []


def test_thinking_comes_under_either_name(make_call: Make) -> None:
    chunks = read(make_call(), delta(reasoning_content="a", content=None), delta(reasoning="b"), delta("stop"))
    assert [chunk.reasoning for chunk in chunks] == ["a", "b", ""]


@pytest.mark.parametrize(
    ("raw_chunks", "found"),
    [
        (
            [tool(index=0, id="t1", name="f"), tool('{"a"', index=0), tool(":1}", index=0)],
            [("t1", "f", '{"a":1}')],
        ),
        ([tool("{}", index=1, id="t1", name="f"), tool("{}", index=3, id="t2", name="g")],
         [("t1", "f", "{}"), ("t2", "g", "{}")]),
        ([tool("{", id="t1", name="f"), tool("}"), tool("[", id="t2", name="g"), tool("]", id="t2")],
         [("t1", "f", "{}"), ("t2", "g", "[]")]),
        ([tool("{", index=0, id="t1", name="f"), tool("}", index=0, id="t1", name="")], [("t1", "f", "{}")]),
        ([tool("{", index=0, id="t1", name="f"), tool("}", index=0, id="t1", name="f")], [("t1", "f", "{}")]),
        ([tool("1", index=0, id="t1", name="f"), tool("2", index=0, id="t2", name="f")],
         [("t1", "f", "1"), ("t2", "f", "2")]),
        ([tool("1", name="f"), tool("2", name="g")], [("call_a1_0_0", "f", "1"), ("call_a1_0_1", "g", "2")]),
        ([tool("1", index=0, id="", name="f"), tool("2", index=0)], [("call_a1_0_0", "f", "12")]),
        ([tool(None, index=0, id="0", name="f")], [("0", "f", "{}")]),
        ([tool({"a": 1}, index=0, id="0", name="f")], [("0", "f", '{"a": 1}')]),
        ([delta(function_call={"name": "f", "arguments": "{"}), delta(function_call={"arguments": "}"})],
         [("call_a1_0_0", "f", "{}")]),
    ],
)  # fmt: skip
def test_fragments_find_their_tool_call(make_call: Make, raw_chunks: Any, found: Any) -> None:
    assert tools(make_call(), *raw_chunks) == found


def test_a_tool_call_that_was_cut_off_keeps_its_empty_arguments(make_call: Make) -> None:
    assert tools(make_call(), tool("", index=0, id="t", name="f"), delta("length")) == [("t", "f", "")]


def test_who_asks_for_tools_has_not_stopped(make_call: Make) -> None:
    for end in (delta("stop"), delta("tool_calls"), delta("function_call"), {}):
        chunks = read(make_call(), tool("{}", index=0, id="t", name="f"), end)
        assert fold(chunks).choices[0].finish_reason == "tool_calls"
    early = read(make_call(), delta("stop"), tool("{}", index=0, id="t", name="f"))
    assert fold(early).choices[0].finish_reason == "tool_calls"


def test_choices_do_not_mix(make_call: Make) -> None:
    raw_chunks = [delta(index=1, content="b"), delta(index=0, content="a"), delta("stop", 1), delta("length", 0)]
    answer = fold(read(make_call(), *raw_chunks))
    assert [(choice.message.text, choice.finish_reason) for choice in answer.choices] == [
        ("a", "length"),
        ("b", "stop"),
    ]


def counted(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    return {**delta(content="x"), "usage": {"prompt_tokens": prompt, "completion_tokens": completion, **more}}


def test_the_last_usage_counts_but_zeros_take_nothing_back(make_call: Make) -> None:
    """A prompt that is counted before anything is made is a first guess: real streams correct it downwards."""
    raw_chunks = (counted(15, 0), counted(13, 2), counted(13, 2), counted(0, 0), delta("stop"))
    chunks = read(make_call(), *raw_chunks)
    assert [chunk.usage for chunk in chunks if chunk.usage] == [
        Usage(prompt_tokens=15),
        Usage(prompt_tokens=13, completion_tokens=2),
        Usage(prompt_tokens=13, completion_tokens=2),  # Said again: what came since is counted.
    ]
    assert fold(chunks).usage == Usage(prompt_tokens=13, completion_tokens=2)
    assert fold(read(make_call(), delta("stop"))).usage is ABSENT


@pytest.mark.parametrize(
    ("before", "last", "prompt", "completion"),
    [((15, 90), (15, 4), 15, 90), ((15, 90), (9, 4), 15, 90), ((15, 4), (9, 90), 15, 90), ((15, 4), (900, 1), 900, 4)],
)
def test_a_last_figure_below_a_running_one_takes_nothing_back_and_is_an_estimate(
    make_call: Make, before: tuple[int, int], last: tuple[int, int], prompt: int, completion: int
) -> None:
    """What was made can't be unmade: the smaller figure was booked as exact."""
    usage = fold(read(make_call(), counted(*before), counted(*last), delta("stop"))).usage
    expected = Usage(prompt_tokens=prompt, completion_tokens=completion, basis=Basis.ESTIMATED)
    assert usage == expected


def test_a_figure_that_shrinks_on_the_way_and_grows_again_is_measured(make_call: Make) -> None:
    raw_chunks = (counted(8, 439), counted(8, 0), counted(8, 16), counted(427, 447), delta("stop"))
    assert fold(read(make_call(), *raw_chunks)).usage == Usage(prompt_tokens=427, completion_tokens=447)


@pytest.mark.parametrize(("before", "last"), [(0.5, 0.25), (0.25, 0.5), (0.5, 0)])
def test_of_two_stated_costs_the_larger_is_the_bill(make_call: Make, before: float, last: float) -> None:
    raw_chunks = (counted(9, 3, cost=before), counted(9, 3, cost=last), delta("stop"))
    chunks = read(make_call(), *(decode(json.dumps(one), exact=True) for one in raw_chunks), dialect=COSTS)
    assert fold(chunks).stated_cost == Money.usd("0.5")


def test_an_error_in_the_place_of_an_end_is_a_failure(make_call: Make) -> None:
    with pytest.raises(Overloaded) as caught:
        read(make_call(), delta("strange_end"), delta("cut"), dialect=Dialect(finish_reasons={"cut": "error"}))
    assert caught.value.kind == "upstream"


def test_an_unknown_end_is_an_end(make_call: Make) -> None:
    assert fold(read(make_call(), delta("whatever"))).choices[0].finish_reason == "stop"


def test_private_parts_are_put_together(make_call: Make) -> None:
    dialect = Dialect(private_fields=("details", "sign", "map"))
    raw_chunks = [
        delta(details=[{"t": 1}], sign="a", map={"a": [1]}),
        delta(details=[{"t": 2}], map={"a": [2], "b": 3}),
        delta("stop", sign="z"),
    ]
    message = fold(read(make_call(), *raw_chunks, dialect=dialect)).choices[0].message
    expected = {"details": [{"t": 1}, {"t": 2}], "sign": "z", "map": {"a": [1, 2], "b": 3}}
    assert message.private == {"acme": expected}


def test_log_probabilities_are_put_together(make_call: Make) -> None:
    def raw_chunk(token: str) -> dict[str, Any]:
        return {
            "choices": [{"delta": {"content": token}, "logprobs": {"content": [{"token": token}], "refusal": None}}]
        }

    answer = fold(read(make_call(), raw_chunk("a"), raw_chunk("b")))
    assert answer.choices[0].logprobs == {"content": [{"token": "a"}, {"token": "b"}], "refusal": None}


def test_without_any_choice_there_is_no_answer() -> None:
    with pytest.raises(BadAnswer) as caught:
        fold([Chunk(usage=Usage(prompt_tokens=1))])
    assert (caught.value.kind, caught.value.model) == ("empty", "m1")


def test_an_assembly_can_be_asked_on_the_way(make_call: Make) -> None:
    assembly = Assembly(provider="acme", model="m1")
    assert (assembly.text, assembly.model, assembly.has_content) == ("", "m1", False)
    evidence = Evidence(unit=Unit.REQUEST, amount=5, origin="header x")
    assembly.add(Chunk(text="o", model="m2", evidence=(evidence,), headers_at=5.0, stated_cost=Money(pico=1)))
    assembly.add(Chunk(text="k", evidence=(evidence,), warnings=("w",), provider_request_id="r"))
    assert (assembly.text, assembly.model, assembly.has_content) == ("ok", "m2", True)
    answer = assembly.answer()
    assert (answer.headers_at, answer.provider_request_id, answer.warnings) == (5.0, "r", ("w",))
    assert (answer.stated_cost, answer.evidence) == (Money(pico=1), (evidence, evidence))
    assert fold(chunks_of(answer)) == answer


def test_rows_of_one_index_go_on_where_they_broke_off(make_call: Make) -> None:
    def thought(**row: Any) -> dict[str, Any]:
        return delta(details=[{"type": "text", "index": 0, **row}])

    dialect = Dialect(private_fields=("details",))
    parts = [thought(text="Hm"), thought(text=", so."), thought(signature="s"), delta("stop", content="x")]
    sealed = [thought(data="AA", type="sealed"), thought(data="BB", type="sealed")]
    found = fold(read(make_call(), *parts, *sealed, dialect=dialect)).choices[0].message.private
    assert found == {
        "acme": {
            "details": [
                {"type": "text", "index": 0, "text": "Hm, so.", "signature": "s"},
                {"type": "sealed", "index": 0, "data": "AA"},
                {"type": "sealed", "index": 0, "data": "BB"},
            ]
        }
    }


def test_citations_add_up(make_call: Make) -> None:
    one, other = ({"type": "url_citation", "url_citation": {"url": url}} for url in ("https://a", "https://b"))
    chunks = read(make_call(), delta(annotations=[one]), delta(content="x", annotations=[other, 5]), delta("stop"))
    answer = fold(chunks)
    assert answer.choices[0].message.annotations == (one, other)
    assert fold(chunks_of(answer)) == answer


def test_thoughts_that_only_the_total_counts_belong_to_the_completion(make_call: Make) -> None:
    usage = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    answer = fold(read(make_call(), {**delta("stop", content="x"), "usage": usage}))
    assert (answer.usage.completion_tokens, answer.usage.total_tokens) == (74, 109)


@pytest.mark.parametrize(("choices", "tokens", "expected"), [(1, 50, "length"), (1, 49, "stop"), (2, 50, "stop")])
def test_a_stream_without_a_reason_at_the_cap_was_cut(
    make_call: Make, choices: int, tokens: int, expected: str
) -> None:
    call = make_call().model_copy(update={"max_output": 50})
    raw_chunks = [delta(index=index, content="a") for index in range(choices)]
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": tokens}}
    ends = {chunk.finish_reason for chunk in read(call, *raw_chunks, usage) if chunk.finish_reason}
    assert ends == {expected}


def test_a_smaller_figure_has_not_counted_what_came_with_it() -> None:
    assembly = Assembly(provider="acme", model="m1")
    for completion in (40, 1):
        assembly.add(Chunk(text="x", usage=Usage(prompt_tokens=9, completion_tokens=completion)))
    assert assembly.usage.completion_tokens == 40
    assert assembly.running


def test_a_chunk_that_states_no_usage_leaves_the_last_one_a_running_figure() -> None:
    assembly = Assembly(provider="acme", model="m1")
    assembly.add(Chunk(text="x", usage=Usage(prompt_tokens=9, completion_tokens=1)))
    assembly.add(Chunk(text="y", usage=ABSENT))
    assert (assembly.usage.completion_tokens, assembly.running) == (1, True)


@pytest.mark.parametrize(("first", "second"), [(3, 30), (30, 3), (30, 0)])
def test_of_two_places_in_one_chunk_the_larger_figure_counts(first: int, second: int) -> None:
    def row(completion: int) -> dict[str, int]:
        return {"prompt_tokens": 9 if completion else 0, "completion_tokens": completion}

    raw_chunk = {"usage": row(first), "x": {"usage": row(second)}}
    assert find_usage(raw_chunk, Dialect(usage_at=("usage", "x.usage"))).completion_tokens == 30
