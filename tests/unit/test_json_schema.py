"""A JSON schema holds answers to what was asked for; a hostile one, or a hostile answer, neither hangs nor fetches."""

import json
import socket
import time
from contextlib import suppress
from typing import Any

import pytest

from shunpike.json_schema import LARGEST, JsonSchema, json_schema

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


def made(schema: Any) -> JsonSchema:
    return JsonSchema(json.dumps(schema))


def problem(schema: Any, value: Any) -> str | None:
    text = json.dumps(value)
    checked = made(schema)
    assert checked.is_checkable(text)
    return checked.problem(value, text)


def in_levels(count: int, inside: Any = 1) -> Any:
    for _ in range(count):
        inside = {"x": inside}
    return inside


def test_what_fits_has_no_problem() -> None:
    assert problem(PERSON, {"name": "Ada", "age": 36, "tags": ["a"]}) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"name": "Ada"}, '"age" is a required property'),
        ({"name": "Ada", "age": "36"}, 'age: "36" is not of type "integer"'),
        ({"name": "Ada", "age": 36, "tags": ["a", "z"]}, 'tags.1: "z" is not one of'),
        ({"name": "Ada", "age": 36, "more": 1}, "'more' was unexpected"),
        (["Ada"], 'is not of type "object"'),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(value: Any, said: str) -> None:
    assert said in str(problem(PERSON, value))


def test_a_long_value_is_cut_in_the_words_of_a_problem() -> None:
    assert len(str(problem({"type": "integer"}, "x" * 10_000))) < 200


def test_formats_are_held() -> None:
    assert problem({"type": "string", "format": "date"}, "2026-02-30")
    assert problem({"type": "string", "format": "date"}, "2026-02-28") is None


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": True}, 3),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}, [1]),
        ({"$schema": "https://json-schema.org/draft/2019-09/schema", "dependentRequired": {"a": ["b"]}}, {"a": 1}),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["a", 1]),
        ({"properties": {"a": True}, "unevaluatedProperties": False}, {"b": 1}),
        ({"properties": {"$ref": {"type": "integer"}, "$id": {}}}, {"$ref": "text"}),
        ({"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"type": "integer"}}}, "text"),
    ],
)
def test_the_drafts_and_their_words_are_known(schema: Any, value: Any) -> None:
    assert problem(schema, value)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strng"}, '"strng"'),
        ({"properties": [1]}, "/properties"),
        ({"$schema": "https://example.com/mine"}, "https://example.com/mine"),
        ({"$ref": "#/$defs/none"}, r"points to nothing: #/\$defs/none"),
        ({"$ref": "#"}, "leads back to itself"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}, "leads back to itself"),
        ({"$ref": 5}, "must point into the schema itself"),
        ({"items": {"$id": "https://example.com/x"}}, r"\$id is not supported"),
        ({"$dynamicRef": "#a"}, r"\$dynamicRef is not supported"),
        ({"pattern": "("}, "regex"),
        ({"pattern": "(?=a)b"}, "regex"),
        ({"enum": ["x" * LARGEST]}, "at most 262,144"),
    ],
)
def test_a_schema_that_can_not_be_checked_is_refused_with_the_reason(schema: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        made(schema)


@pytest.mark.parametrize("reference", ["http://127.0.0.1:{}/x.json", "//127.0.0.1:{}/x.json", "file:///etc/hostname"])
def test_nothing_is_fetched(reference: str) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        remote = reference.format(server.getsockname()[1])
        for schema in ({"$ref": remote}, {"$schema": remote}, {"$id": remote}, {"$defs": {"a": {"$ref": remote}}}):
            with suppress(ValueError):
                made(schema).problem({}, "{}")
        with pytest.raises(BlockingIOError):
            server.accept()


def doubling(levels: int, word: str) -> dict[str, Any]:
    rules: dict[str, Any] = {f"r{n}": {word: [{"$ref": f"#/$defs/r{n + 1}"}] * 2} for n in range(levels)}
    return {"properties": {"x": {"$ref": "#/$defs/r0"}}, "$defs": {**rules, f"r{levels}": {"type": "integer"}}}


def looking_for_the_rest(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {"a": {}}}
    for _ in range(levels):
        schema = {"allOf": [schema], "unevaluatedProperties": False}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        *(doubling(40, word) for word in ("allOf", "anyOf", "oneOf")),
        looking_for_the_rest(30),
        {"pattern": "(a{1000}){1000}"},
        {"pattern": "[" * 200_000},
        {"$ref": "#/$defs/r0", "$defs": {f"r{n}": {"$ref": f"#/$defs/r{n + 1}"} for n in range(3_000)}},
    ],
)
def test_rules_that_unfold_without_end_are_refused_at_once(schema: Any) -> None:
    begun = time.process_time()
    with pytest.raises(ValueError, match=r'its rules (unfold|are nested)|is not a "regex"'):
        made(schema)
    assert time.process_time() - begun < 2


TWICE_A_LEVEL = {"properties": {"x": {"$ref": "#"}}, "allOf": [{"properties": {"x": {"$ref": "#"}}}]}
SLOW_PATTERN = {"type": "string", "pattern": "[ab]*a[ab]{3000}[cd]"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [(TWICE_A_LEVEL, in_levels(60)), (SLOW_PATTERN, "ab" * 50_000), ({"type": "object"}, in_levels(600))],
)
def test_an_answer_that_would_take_too_long_is_left_unchecked(schema: Any, value: Any) -> None:
    begun = time.process_time()
    text = json.dumps(value)
    checked = made(schema)
    assert not checked.is_checkable(text)
    assert checked.problem(value, text) is None
    assert time.process_time() - begun < 2


ANY_JSON = {
    "$defs": {
        "any": {
            "anyOf": [
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/any"}},
                {"type": "array", "items": {"$ref": "#/$defs/any"}},
                {"type": ["string", "number"]},
            ]
        }
    },
    "$ref": "#/$defs/any",
}
TREE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "required": ["value", "next"],
}


def chain(length: int) -> Any:
    found: Any = None
    for number in range(length):
        found = {"value": number, "next": found}
    return found


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (ANY_JSON, in_levels(60), in_levels(60, None)),
        (TREE, chain(100), {"value": 1, "next": {"value": "x", "next": None}}),
        (doubling(10, "allOf"), {"x": 1}, {"x": "text"}),
        ({"type": "array", "items": {"pattern": "^[0-9a-f]{8}-[0-9a-f]{4}$"}}, ["0123abcd-01ef"] * 1_000, ["x"]),
        ({"uniqueItems": True}, [{"a": n} for n in range(5_000)], [{"a": 1}, {"a": 1}]),
    ],
)
def test_schemas_that_refer_to_themselves_are_checked(schema: Any, good: Any, bad: Any) -> None:
    assert problem(schema, good) is None
    assert problem(schema, bad)


def test_a_lone_surrogate_does_not_fit() -> None:
    text = '"\\ud800"'
    assert "surrogate" in str(made({"type": "string"}).problem(json.loads(text), text))


def test_a_schema_is_made_ready_once() -> None:
    assert json_schema(json.dumps(PERSON)) is json_schema(json.dumps(PERSON))
