"""Folds ``allOf`` and chosen branches into one flat schema that can be built from."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from shunpike_sandbox.schema_check import equal, resolve, types_of

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")


def merge(one: Any, other: Any, root: Any) -> Any:
    """Return a schema that allows what both allow, as far as that can be written flat."""
    one, other = resolve(one, root), resolve(other, root)
    if one is False or other is False:
        return False
    if not isinstance(one, Mapping) or not one:
        return other
    if not isinstance(other, Mapping) or not other:
        return one
    merged = dict(one)
    for key, value in other.items():
        merged[key] = _both(key, one, other, root) if key in one else value
    if "additionalProperties" in one or "additionalProperties" in other:
        merged["properties"] = _closed(one, other, merged.get("properties", {}), root)
    return merged


_SPECIAL: Mapping[str, Callable[[Any, Any], Any]] = {
    "allOf": lambda a, b: [*a, *b],
    "not": lambda a, b: {"anyOf": [a, b]},
    "dependentRequired": lambda a, b: {**a, **b},
    "dependentSchemas": lambda a, b: {**a, **b},
}


def _both(key: str, one: Mapping[str, Any], other: Mapping[str, Any], root: Any) -> Any:  # noqa: PLR0911  # one line a keyword
    a, b = one[key], other[key]
    if key == "type":
        return _types(types_of(one) or [], types_of(other) or [])
    if key == "enum":
        return [value for value in a if any(equal(value, allowed) for allowed in b)]
    if key == "required":
        return list(dict.fromkeys([*a, *b]))
    if key in ("properties", "patternProperties"):
        return {name: merge(a.get(name, True), b.get(name, True), root) for name in {**a, **b}}
    if key in _LOWER:
        return max(a, b)
    if key in _UPPER:
        return min(a, b)
    if key in ("items", "additionalProperties", "contains", "propertyNames"):
        return merge(a, b, root)
    if key in _SPECIAL:
        return _SPECIAL[key](a, b)
    if key == "multipleOf" and isinstance(a, int) and isinstance(b, int):
        return math.lcm(a, b)
    return b


def _types(a: list[str], b: list[str]) -> list[str]:
    both = [name for name in a if name in b]
    if ("integer" in a and "number" in b) or ("integer" in b and "number" in a):
        both = [name for name in both if name != "number"] + ["integer"]
    return list(dict.fromkeys(both))


def _closed(one: Mapping[str, Any], other: Mapping[str, Any], properties: Mapping[str, Any], root: Any) -> Any:
    """Apply each side's rule for unknown names to the names that only the other side knows."""
    result = dict(properties)
    for side, across in ((one, other), (other, one)):
        rule = side.get("additionalProperties", True)
        for name in across.get("properties", {}):
            if name not in side.get("properties", {}) and rule is not True:
                result[name] = merge(result.get(name, True), rule, root)
    return result


def flat(schema: Any, root: Any) -> Any:
    """Return ``schema`` without ``$ref`` and ``allOf`` at its top."""
    schema = resolve(schema, root)
    for _ in range(40):
        if not isinstance(schema, Mapping) or not schema.get("allOf"):
            return schema
        base: Any = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            base = merge(base, part, root)
        schema = resolve(base, root)
    return schema
