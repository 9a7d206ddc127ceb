"""Whether a JSON Schema is one at all: every keyword holds what its meaning needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

_DEEPEST = 100
_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null", "type_unspecified")


def misfit(schema: Any) -> tuple[str, Any] | None:
    """Return the path and the value of the first keyword that makes no sense, None for a proper schema."""
    return next(_misfits(schema, (), 0), None)


def _misfits(schema: Any, where: tuple[str, ...], depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        yield "/".join(where), schema
        return
    for keyword, value in schema.items():
        fits = _KEYWORDS.get(keyword)
        if fits is not None and not fits(value):
            yield "/".join((*where, keyword)), value
            continue
        for step, inner in _inside(keyword, value):
            yield from _misfits(inner, (*where, keyword, *step), depth + 1)


def _inside(keyword: str, value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the schemas that a keyword holds."""
    if keyword in _LISTS or (keyword == "items" and isinstance(value, list)):
        yield from (((str(number),), inner) for number, inner in enumerate(value))
    elif keyword in _NAMED:
        yield from (((name,), inner) for name, inner in value.items())
    elif keyword in _SCHEMAS:
        yield (), value


def _count(value: Any) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _type(value: Any) -> bool:
    names = value if isinstance(value, list) and value else [value]
    return all(isinstance(name, str) and name.lower() in _TYPES for name in names)


def _object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _list(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


_SCHEMAS = frozenset({
    "additionalProperties", "additionalItems", "contains", "else", "if", "items", "not", "propertyNames", "then",
    "unevaluatedItems", "unevaluatedProperties",
})  # fmt: skip
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_KEYWORDS: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_LISTS, _list),
    **dict.fromkeys(_NAMED, _object),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _count),
    **dict.fromkeys(("minContains", "maxContains"), _count),
    **dict.fromkeys(("minimum", "maximum"), _number),
    # Booleans here are the word of an older draft.
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), lambda value: isinstance(value, int | float)),
    **dict.fromkeys(("pattern", "$ref"), lambda value: isinstance(value, str)),
    **dict.fromkeys(("format", "title", "description"), lambda value: value is None or isinstance(value, str)),
    **dict.fromkeys(("uniqueItems", "nullable"), lambda value: isinstance(value, bool)),
    "dependentRequired": lambda value: isinstance(value, Mapping) and all(map(_strings, value.values())),
    "enum": _list,
    "examples": lambda value: isinstance(value, list),
    "multipleOf": lambda value: _number(value) and value > 0,
    "required": _strings,
    "type": _type,
}
