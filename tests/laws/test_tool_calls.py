"""Law: however a provider cuts its tool calls into fragments, the same calls come out, in their order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shunpike.types import Call, ChatRequest, ToolCall
from shunpike.wire import Assembly, Dialect, StreamProgress
from shunpike.wire.answer import read_answer
from shunpike.wire.chunks import missing_ends, read_chunk

Row = dict[str, Any]
NAMES = ("f", "look_up", "look_up_all", "get_weather")
TOOLS = [{"type": "function", "function": {"name": name}} for name in NAMES]
CALL = Call(request=ChatRequest(messages="hi", tools=TOOLS), model="m1", max_output=9, attempt_id="a1")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Made:
    """A call as the model made it."""

    id: str
    name: str
    arguments: str


values = st.recursive(
    st.integers()
    | st.text(max_size=6)
    | st.sampled_from(['{"a', '{"a":', "\\", '"', "{}"])
    | st.booleans()
    | st.none(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", ",", ":"]), inner, max_size=2)
    ),
    max_leaves=4,
)
arguments = st.dictionaries(st.sampled_from(["a", "b"]) | st.text(max_size=4), values, max_size=2).map(json.dumps)
calls = st.lists(st.tuples(st.sampled_from(NAMES), arguments), min_size=1, max_size=4).map(
    lambda rows: [Made(f"call-{place}", name, text) for place, (name, text) in enumerate(rows)]
)


def row(id: str | None = None, name: str | None = None, arguments: Any = None, **more: Any) -> Row:  # noqa: A002
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {**({} if id is None else {"id": id}), "type": "function", "function": function, **more}


def cut(text: str, draw: Callable[[Any], Any]) -> list[str]:
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


Deltas = Iterator[list[Row]]


def numbered(made: list[Made], draw: Any) -> Deltas:
    """By number: from 0 or 1, with gaps, as text; the id once."""
    start, step, kind = draw(st.integers(0, 1)), draw(st.integers(1, 2)), draw(st.sampled_from([int, str]))
    for place, one in enumerate(made):
        index = kind(start + step * place)
        yield [row(one.id, one.name, draw(st.sampled_from(["", None])), index=index)]
        for part in cut(one.arguments, draw):
            yield [row(draw(st.sampled_from([None, ""])), draw(st.sampled_from([None, ""])), part, index=index)]


def repeated(made: list[Made], draw: Any) -> Deltas:
    """Id and name again with each fragment, with and without a number; at the end all once more."""
    index, again = draw(st.booleans()), draw(st.booleans())
    for place, one in enumerate(made):
        at = {"index": place} if index else {}
        for part in [*cut(one.arguments, draw), *([one.arguments] if again else [])]:
            yield [row(one.id, one.name, part, **at)]


def unnumbered(made: list[Made], draw: Any) -> Deltas:
    """The id alone says whose a fragment is, or nothing does."""
    told = draw(st.booleans())
    for one in made:
        yield [row(one.id, one.name)]
        yield from ([row(one.id if told else None, None, part)] for part in cut(one.arguments, draw))


def all_zero(made: list[Made], draw: Any) -> Deltas:
    """All with the number 0, whole or in chunks; only the ids differ."""
    for one in made:
        first, *others = cut(one.arguments, draw)
        yield [row(one.id, one.name, first, index=0)]
        yield from ([row(None, None, part, index=0)] for part in others)


def beside(made: list[Made], draw: Any) -> Deltas:
    """All in one delta, whole, whatever their numbers; the arguments may be the object itself."""
    whole = draw(st.booleans())
    at = draw(st.sampled_from([{}, {"index": 0}]))
    yield [row(one.id, one.name, json.loads(one.arguments) if whole else one.arguments, **at) for one in made]


def woven(made: list[Made], draw: Any) -> Deltas:
    """All begin, then their fragments come in turns, by number or by id."""
    by_id = draw(st.booleans())
    told = [{"id": one.id} if by_id else {"index": place} for place, one in enumerate(made)]
    for place, one in enumerate(made):
        yield [row(one.id, one.name, "", **({} if by_id else {"index": place}))]
    rest = [cut(one.arguments, draw) for one in made]
    while any(rest):
        place = draw(st.sampled_from([place for place, parts in enumerate(rest) if parts]))
        yield [row(arguments=rest[place].pop(0), **told[place])]


def late(made: list[Made], draw: Any) -> Deltas:
    """The name in chunks, then the arguments, and the id with the last of them."""
    for place, one in enumerate(made):
        yield from ([row(None, part, index=place)] for part in cut(one.name, draw))
        *others, last = cut(one.arguments, draw)
        yield from ([row(None, None, part, index=place)] for part in others)
        yield [row(one.id, None, last, index=place)]


def restless(made: list[Made], draw: Any) -> Deltas:
    """Each fragment after the first has an id that nobody knows, or a number that no call has."""
    strange = draw(st.booleans())
    for place, one in enumerate(made):
        first, *others = cut(one.arguments, draw)
        yield [row(one.id, one.name, first, index=place)]
        for part in others:
            if part:
                more = {"index": place, "id": f"new-{draw(st.uuids())}"} if strange else {"index": 7 + place}
                yield [row(arguments=part, **more)]


def cumulative(made: list[Made], draw: Any) -> Deltas:
    """Each fragment is all arguments so far; id, name and number again with each, or only with the first."""
    told, index, again = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    for place, one in enumerate(made):
        at = {"index": place} if index else {}
        places = sorted(draw(st.lists(st.integers(0, len(one.arguments)), max_size=5)))
        parts = [one.arguments[:end] for end in [*places, *[len(one.arguments)] * (1 + again)]]
        yield [row(one.id, one.name, parts[0], **at)]
        yield from ([row(one.id, one.name, part, **at) if told else row(None, None, part, **at)] for part in parts[1:])


def promised(made: list[Made], draw: Any) -> Deltas:
    """A word for nothing stands where the arguments are to come, of one call or of all before any."""
    told, first = draw(st.booleans()), draw(st.booleans())
    empty = draw(st.sampled_from(["{}", " {}\n", "null", "[]"]))
    for place, one in enumerate(made if first else []):
        yield [row(one.id, one.name, empty, index=place)]
    for place, one in enumerate(made):
        if not first:
            yield [row(one.id, one.name, empty, index=place)]
        for part in cut(one.arguments, draw):
            yield [row(one.id if told else None, one.name if told else None, part, index=place)]


def elsewhere(made: list[Made], draw: Any) -> Deltas:
    """The arguments have another name, in the function, beside it or without any, as an object or in chunks."""
    name, shape = draw(st.sampled_from(["input", "parameters", "args"])), draw(st.sampled_from(["in", "by", "bare"]))
    for place, one in enumerate(made):
        first, *others = [json.loads(one.arguments)] if draw(st.booleans()) else cut(one.arguments, draw)
        begun = {
            "in": {"function": {"name": one.name, name: first}},
            "by": {"function": {"name": one.name}, name: first},
        }
        yield [{"id": one.id, "index": place, **begun.get(shape, {"name": one.name, name: first})}]
        for part in others:
            yield [{"index": place, **({"function": {name: part}} if shape == "in" else {name: part})}]


def objects(made: list[Made], draw: Any) -> Deltas:
    """No list: a call alone, or an object with the calls under their numbers."""
    alone = draw(st.booleans())
    for place, one in enumerate(made):
        for part in [None, *cut(one.arguments, draw)]:
            told = row(None, None, part) if part is not None else row(one.id, one.name)
            yield {"index": place, **told} if alone else {str(place): told}  # type: ignore[misc]


WIRES = [
    numbered, repeated, unnumbered, all_zero, beside, woven, late, restless, cumulative, promised, elsewhere, objects,
]  # fmt: skip


def assembled(deltas: Deltas) -> tuple[ToolCall, ...]:
    seen, assembly = StreamProgress(CALL), Assembly(provider="acme", model="m1")
    chunks = [
        chunk
        for rows in deltas
        for chunk in read_chunk({"choices": [{"delta": {"tool_calls": rows}}]}, seen, Dialect(), "acme")
    ]
    chunks += read_chunk({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}, seen, Dialect(), "acme")
    for chunk in [*chunks, *missing_ends(seen)]:
        assembly.add(chunk)
        assert all(delta.index < 18 for delta in chunk.tool_calls)  # No more rows are ever drawn.
    return assembly.answer().choices[0].message.tool_calls or ()


@given(made=calls, wire=st.sampled_from(WIRES), more=st.data())
def test_however_calls_are_cut_the_same_calls_come_out(made: list[Made], wire: Any, more: st.DataObject) -> None:
    found = assembled(wire(made, more.draw))
    assert [(one.id, one.function.name) for one in found] == [(one.id, one.name) for one in made]
    assert [json.loads(one.function.arguments) for one in found] == [json.loads(one.arguments) for one in made]


@given(made=calls, numbers=st.booleans(), together=st.booleans())
def test_calls_without_ids_get_some_of_their_own(made: list[Made], numbers: bool, together: bool) -> None:
    rows = [row(None, one.name, one.arguments, **({"index": 0} if numbers else {})) for one in made]
    found = assembled(iter([rows] if together else [[one] for one in rows]))
    message = {"tool_calls": [row(None, one.name, json.loads(one.arguments)) for one in made]}
    whole = read_answer(CALL, {"choices": [{"message": message}]}, Dialect(), "acme").choices[0].message.tool_calls
    for got in (found, whole or ()):
        assert [(one.id, one.function.name, json.loads(one.function.arguments)) for one in got] == [
            (f"call_a1_0_{place}", one.name, json.loads(one.arguments)) for place, one in enumerate(made)
        ]


FRAGMENTS = st.fixed_dictionaries(
    {},
    optional={
        "index": st.none() | st.integers(-1, 3) | st.sampled_from(["0", "x"]),
        "id": st.none() | st.sampled_from(["", "a", "b"]) | st.integers(0, 3),
        "function": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "name": st.none() | st.sampled_from(["", *NAMES, "get_"]),
                "arguments": st.none() | st.sampled_from(["", "{}", '{"a"', ":1}", "null"]) | st.just({"a": 1}),
            },
        ),
    },
)


@given(st.lists(st.lists(FRAGMENTS, max_size=3), max_size=6))
def test_no_call_is_made_without_a_name_and_no_id_is_given_twice(deltas: list[list[Row]]) -> None:
    found = assembled(iter(deltas))
    assert all(one.function.name for one in found)
    assert len({one.id for one in found}) == len(found)
    whole = {"tool_calls": [row for rows in deltas for row in rows]}
    answer = read_answer(CALL, {"choices": [{"message": whole}]}, Dialect(), "acme").choices[0].message.tool_calls or ()
    assert all(one.function.name for one in answer)
    assert len({one.id for one in answer}) == len(answer)


@given(made=calls, shape=st.sampled_from(["alone", "numbers"]), name=st.sampled_from(["arguments", "input"]))
def test_whole_calls_in_an_object_are_the_calls_of_a_list(made: list[Made], shape: str, name: str) -> None:
    listed = [{"id": one.id, "function": {"name": one.name, name: json.loads(one.arguments)}} for one in made]
    told: Any = listed[0] if shape == "alone" else {str(place): one for place, one in enumerate(listed)}
    for calls, kept in ((listed, made), (told, made[:1] if shape == "alone" else made)):
        message = {"tool_calls": calls}
        found = read_answer(CALL, {"choices": [{"message": message}]}, Dialect(), "acme").choices[0].message.tool_calls
        assert [(one.id, one.function.name, json.loads(one.function.arguments)) for one in found or ()] == [
            (one.id, one.name, json.loads(one.arguments)) for one in kept
        ]


@given(arguments, st.data())
def test_fragments_that_begin_alike_are_never_taken_for_the_whole_so_far(text: str, more: st.DataObject) -> None:
    """Also at every cut where what follows begins with all that came."""
    ends = [end for end in range(1, len(text)) if text.startswith(text[:end], end)]
    parts = cut(text, more.draw) if not ends else [text[: (end := more.draw(st.sampled_from(ends)))], text[end:]]
    [found] = assembled(iter([[row("a", "f", "", index=0)], *([row(None, None, part, index=0)] for part in parts)]))
    assert found.function.arguments == text
