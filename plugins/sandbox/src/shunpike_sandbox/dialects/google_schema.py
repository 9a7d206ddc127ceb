"""The subset of OpenAPI that Gemini takes for ``parameters`` and ``responseSchema``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.dialects.google_json import known, shape, wrong
from shunpike_sandbox.refusals import Problem
from shunpike_sandbox.schema_shape import misfit

_FIELDS = shape(
    "type:string format:string title:string description:string nullable:bool enum:string[] items:message "
    "minItems:int32 maxItems:int32 properties:message required:string[] propertyOrdering:string[] minimum:float "
    "maximum:float minLength:int32 maxLength:int32 minProperties:int32 maxProperties:int32 pattern:string example "
    "anyOf:message[] default"
)
_TYPES = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
_FORMATS = {
    "STRING": ("enum", "date-time"),
    "NUMBER": ("float", "double"),
    "INTEGER": ("int32", "int64"),
}


def check(schema: Any, where: str, *, subset: bool) -> None:
    """Refuse what is no schema, or what is outside of the ``subset``."""
    if subset:
        _check(schema, where)
    flaw = misfit(schema)
    if flaw is not None:
        raise _no(where, flaw[0].replace("/", "."), f"{json.dumps(flaw[1])[:80]} is not a valid value")


def _check(schema: Any, where: str) -> None:
    read = known(schema, _FIELDS, where)
    kind = read.get("type", "TYPE_UNSPECIFIED").upper()
    if kind not in _TYPES:
        raise wrong(f"{where}.type", "type.googleapis.com/google.ai.generativelanguage.v1beta.Type", read["type"])
    if read.get("enum") and kind != "STRING":
        raise _no(where, "enum", "only allowed for STRING type")
    allowed = _FORMATS.get(kind, ())
    if read.get("format") is not None and allowed and read["format"] not in allowed:
        listed = " and ".join(f"'{one}'" for one in allowed)
        raise _no(where, "format", f"only {listed} are supported for {kind} type")
    _inner(read, kind, where)


def _inner(read: Mapping[str, Any], kind: str, where: str) -> None:
    if kind == "ARRAY" and "items" not in read:
        raise _no(where, "items", "missing field.")
    if "items" in read:
        _check(read["items"], f"{where}.items")
    named = read.get("properties", {})
    for name, inner in named.items():
        _check(inner, f"{where}.properties[{name}]")
    for number, name in enumerate(read.get("required", ())):
        if name not in named:
            raise _no(where, f"required[{number}]", "property is not defined")
    for number, inner in enumerate(read.get("anyOf", ())):
        _check(inner, f"{where}.any_of[{number}]")


def _no(where: str, field: str, what: str) -> Problem:
    return Problem("value", "", f"* GenerateContentRequest.{where}.{field}: {what}\n")
