"""Whatever schema is asked for, the sandbox answers with a value that an independent validator accepts."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shunpike_sandbox.schema_check import holds
from shunpike_sandbox.schema_make import instance

TEXT = 'Alice Smith is 31 and lives in Paris; status: "active", score = 7.5, mail alice@example.org.'
NAMES = st.sampled_from(["name", "age", "city", "tags", "score", "nested", "kind"])


def strings() -> st.SearchStrategy[dict[str, Any]]:
    bounds = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(
        lambda two: {"minLength": two[0], "maxLength": sum(two)}
    )
    patterns = st.sampled_from(
        ["^[a-z]+$", "^[A-Z]{2}\\d{3}$", "^(red|green)$", "x+y?z", "^\\w+@\\w+\\.com$", "[^a-z]"]
    )
    plain = st.just({"type": "string"})
    return st.one_of(
        plain,
        bounds.map(lambda one: {"type": "string", **one}),
        patterns.map(lambda one: {"type": "string", "pattern": one}),
    )


def numbers() -> st.SearchStrategy[dict[str, Any]]:
    whole = st.tuples(st.integers(-50, 50), st.integers(0, 60)).map(
        lambda two: {"type": "integer", "minimum": two[0], "maximum": two[0] + two[1]}
    )
    steps = st.integers(1, 9).map(lambda step: {"type": "integer", "multipleOf": step, "minimum": 0})
    above = st.integers(-5, 5).map(lambda low: {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + 3})
    return st.one_of(whole, steps, above, st.just({"type": "number"}), st.just({"type": "boolean"}))


SCALARS = st.one_of(
    strings(),
    numbers(),
    st.just({"type": "null"}),
    st.lists(st.one_of(st.integers(0, 9), st.text("abc", min_size=1)), min_size=1, max_size=4, unique_by=repr).map(
        lambda values: {"enum": values}
    ),
    st.one_of(st.integers(), st.booleans(), st.text("abc")).map(lambda value: {"const": value}),
    st.just({"type": ["string", "null"]}),
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def build(properties: dict[str, Any], required: int, closed: bool) -> dict[str, Any]:
        schema = {"type": "object", "properties": properties, "required": sorted(properties)[:required]}
        return {**schema, "additionalProperties": False} if closed else schema

    return st.builds(build, st.dictionaries(NAMES, inner, max_size=4), st.integers(0, 4), st.booleans())


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
        inner,
        st.integers(0, 3),
        st.integers(0, 3),
    )


def choices(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches})


def together(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    open_object = st.dictionaries(NAMES, inner, max_size=3).map(
        lambda properties: {"type": "object", "properties": properties, "required": sorted(properties)}
    )
    # Two schemas for one name may contradict each other, so each part keeps to names of its own.
    return open_object.map(lambda one: {"allOf": [one, {"type": "object", "required": ["extra"]}]})


SCHEMAS = st.recursive(
    SCALARS, lambda inner: st.one_of(objects(inner), arrays(inner), choices(inner), together(inner)), max_leaves=8
)


@settings(max_examples=400, deadline=None)
@given(schema=SCHEMAS, text=st.one_of(st.just(TEXT), st.text(max_size=80)))
def test_an_instance_always_validates(schema: dict[str, Any], text: str) -> None:
    value = instance(schema, text)
    jsonschema.Draft202012Validator(schema).validate(value)
    assert holds(value, schema, schema)


@settings(max_examples=200, deadline=None)
@given(
    schema=SCHEMAS,
    value=st.recursive(st.none() | st.booleans() | st.integers() | st.text("abc"), st.lists, max_leaves=4),
)
def test_the_check_agrees_with_an_independent_one(schema: dict[str, Any], value: Any) -> None:
    assert holds(value, schema, schema) == jsonschema.Draft202012Validator(schema).is_valid(value)


NODE = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["value", "next"],
    "additionalProperties": False,
}
TREE = {"$defs": {"node": NODE}, "$ref": "#/$defs/node"}


def shape(kind: str) -> dict[str, Any]:
    properties = {"kind": {"const": kind}, "size": {"type": "number"}}
    return {"type": "object", "properties": properties, "required": ["kind", "size"]}


SHAPES = {"oneOf": [shape("circle"), shape("square")]}
GIVEN = [
    TREE,
    SHAPES,
    {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False, "minItems": 2},
    {"type": "array", "contains": {"type": "integer"}, "minContains": 2},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    {"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "required": ["x1", "y"]},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "email"},
    {"if": {"type": "string"}, "then": {"minLength": 3}, "type": "string"},
    {"not": {"type": "string"}},
    {"type": "number", "multipleOf": 0.5, "minimum": 0.3},
    {"allOf": [{"type": ["integer", "string"]}, {"type": "number"}, {"minimum": 4}]},
    {},
    True,
]


@pytest.mark.parametrize("schema", GIVEN, ids=lambda schema: str(schema)[:40])
def test_harder_schemas_are_met_as_well(schema: Any) -> None:
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(instance(schema, TEXT))


def test_values_come_from_the_prompt_where_names_match() -> None:
    properties = {
        "name": {"type": "string"},
        "status": {"type": "string"},
        "score": {"type": "number"},
        "mail": {"type": "string", "format": "email"},
    }
    value = instance({"type": "object", "properties": properties}, TEXT)
    assert value["status"] == "active"
    assert value["score"] == 7.5
    assert value["mail"] == "alice@example.org"
    assert re.match(r"Alice|Paris|active", value["name"])


def test_an_openapi_schema_in_capitals_is_understood() -> None:
    schema = {"type": "OBJECT", "properties": {"n": {"type": "INTEGER", "nullable": True}}, "required": ["n"]}
    assert isinstance(instance(schema, TEXT)["n"], int)
