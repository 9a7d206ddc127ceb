"""What a schema must look like where a provider is asked to be strict about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Flaw = tuple[tuple[str, ...], str, str]
"""Where in the schema, which keyword, and what is wrong with it."""
_INSIDE = ("items", "anyOf", "allOf", "oneOf", "$defs", "definitions")


def flaws(schema: Any, where: tuple[str, ...] = ()) -> Iterator[Flaw]:
    """Yield what keeps a schema from being strict: every object is closed and requires all that it names."""
    if not isinstance(schema, Mapping):
        return
    if schema.get("type") == "object" or "properties" in schema:
        yield from _object(schema, where)
    for name, inner in (schema.get("properties") or {}).items():
        yield from flaws(inner, (*where, "properties", name))
    for keyword in _INSIDE:
        yield from _below(schema.get(keyword), (*where, keyword))


def _below(value: Any, where: tuple[str, ...]) -> Iterator[Flaw]:
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from flaws(inner, (*where, str(number)))
    elif where[-1] in ("$defs", "definitions") and isinstance(value, Mapping):
        for name, inner in value.items():
            yield from flaws(inner, (*where, name))
    else:
        yield from flaws(value, where)


def _object(schema: Mapping[str, Any], where: tuple[str, ...]) -> Iterator[Flaw]:
    if schema.get("additionalProperties") is not False:
        yield where, "additionalProperties", "is required to be supplied and to be false"
    named, required = list(schema.get("properties") or {}), schema.get("required") or []
    missing = next((name for name in named if name not in required), None)
    if missing is not None:
        yield where, "required", f"{missing}"
    extra = next((name for name in required if name not in named), None)
    if extra is not None:
        yield where, "extra", f"{extra}"


def top_type(schema: Mapping[str, Any]) -> str | None:
    """Return the type that a schema names at its top, None where it names none."""
    kind = schema.get("type")
    return kind if isinstance(kind, str) else None
