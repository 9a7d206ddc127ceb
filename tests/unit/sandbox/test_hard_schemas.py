"""Schemas that are hard to meet: each was once answered with a value that breaks it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shunpike_sandbox.schema_make import instance
from shunpike_sandbox.schema_shape import misfit
from shunpike_sandbox.schema_strict import flaws

TEXT = 'Alice Smith is 31 and lives in Paris; status: "active", score = 7.5, mail alice@example.org.'
HARD: list[Any] = json.loads((Path(__file__).parent / "hard_schemas.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("schema", HARD, ids=lambda schema: str(schema)[:60])
def test_a_hard_schema_is_met(schema: Any) -> None:
    value = instance(schema, TEXT)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(value)
    assert misfit(schema) is None


ODD: list[tuple[Any, str]] = [
    ({"type": "strin"}, "type"),
    ({"properties": []}, "properties"),
    ({"properties": {"a": 5}}, "properties/a"),
    ({"required": "a"}, "required"),
    ({"items": {"minLength": -1}}, "items/minLength"),
    ({"anyOf": []}, "anyOf"),
    ({"anyOf": [{"enum": []}]}, "anyOf/0/enum"),
    ({"multipleOf": 0}, "multipleOf"),
    ({"$defs": {"x": {"pattern": 3}}}, "$defs/x/pattern"),
    ({"not": None}, "not"),
]


@pytest.mark.parametrize(("schema", "where"), ODD)
def test_what_is_no_schema_is_told_by_its_place(schema: Any, where: str) -> None:
    found = misfit(schema)
    assert found is not None
    assert found[0] == where


@pytest.mark.parametrize("schema", [{"minLength": 10**9, "type": "string"}, {"type": "array", "minItems": 10**9}])
def test_a_schema_cannot_fill_the_memory(schema: Any) -> None:
    assert len(instance(schema, TEXT)) < 100_000


OPEN = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}, "required": ["a"]}


def test_a_strict_schema_is_closed_and_requires_all_that_it_names() -> None:
    assert [(where, keyword) for where, keyword, _ in flaws(OPEN)] == [
        ((), "additionalProperties"),
        (("properties", "a"), "additionalProperties"),
    ]
    closed = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"], "additionalProperties": False}
    assert list(flaws(closed)) == [((), "required", "b")]
    assert not list(flaws({**closed, "required": ["a", "b"]}))
