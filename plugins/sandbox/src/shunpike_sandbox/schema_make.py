"""Makes a valid instance of a JSON Schema, with values from the prompt wherever names match."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from shunpike_sandbox.hints import Hints
from shunpike_sandbox.patterns import example
from shunpike_sandbox.schema_check import equal, holds, types_of
from shunpike_sandbox.schema_merge import flat, merge

_DEEP = 6
_ABYSS = 30
# Whoever asks for more than this gets this much: a schema must not fill the memory.
_LONGEST = 20_000
_MOST_ITEMS = 2_000
_FORMATS = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "uuid": "6f1f6f0e-6f5b-4b0e-9d57-2f6a2f0c1a11",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}
_MISSING = object()


def instance(schema: Any, text: str) -> Any:
    """Return a value that fulfils ``schema``, made from ``text``; a contradiction gets a best effort."""
    return _Builder(schema, Hints(text)).build(schema, "value", 0)


class _Builder:
    def __init__(self, root: Any, hints: Hints) -> None:
        self._root = root
        self._hints = hints

    def build(self, schema: Any, name: str, depth: int) -> Any:
        """Return the first construction that holds, or the last one tried."""
        value: Any = None
        for tried, candidate in enumerate(self._candidates(schema, name, depth)):
            value = candidate
            if tried > 12 or holds(value, schema, self._root):
                return value
        return value

    def _candidates(self, schema: Any, name: str, depth: int) -> Iterator[Any]:
        schema = flat(schema, self._root)
        if not isinstance(schema, Mapping):
            yield self._hints.string(name)
            return
        if depth > _ABYSS:
            yield None
            return
        if "const" in schema:
            yield schema["const"]
            return
        if "enum" in schema:
            yield from self._enum(schema)
            return
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                yield from self._branches(schema, keyword, name, depth)
                return
        if "if" in schema:
            yield from self._condition(schema, name, depth)
            return
        for kind in self._kinds(schema, depth):
            yield from self._typed(kind, schema, name, depth)
        yield from (value for value in (schema.get("default"), *schema.get("examples", ())) if value is not None)
        if "not" in schema:
            yield from ("other", 7, True, None, [], {})

    def _enum(self, schema: Mapping[str, Any]) -> Iterator[Any]:
        values = [value for value in schema["enum"] if holds(value, schema, self._root)] or list(schema["enum"])
        mentioned = [value for value in values if value is not None and self._hints.mentions(value)]
        yield from (*mentioned, *values)

    def _branches(self, schema: Mapping[str, Any], keyword: str, name: str, depth: int) -> Iterator[Any]:
        base = {key: value for key, value in schema.items() if key != keyword}
        branches = list(schema[keyword])
        # Null is the branch that says least; deep down it is the one that ends.
        branches.sort(key=lambda one: _is_null(one) != (depth > _DEEP))
        for branch in branches:
            yield from self._candidates(merge(base, branch, self._root), name, depth + 1)

    def _condition(self, schema: Mapping[str, Any], name: str, depth: int) -> Iterator[Any]:
        base = {key: value for key, value in schema.items() if key not in ("if", "then", "else")}
        yes = merge(merge(base, schema["if"], self._root), schema.get("then", True), self._root)
        for option in (merge(base, schema.get("else", True), self._root), yes, base):
            yield from self._candidates(option, name, depth + 1)

    def _kinds(self, schema: Mapping[str, Any], depth: int) -> list[str]:
        names = types_of(schema)
        if names is None:
            if any(key in schema for key in ("properties", "required", "additionalProperties", "minProperties")):
                return ["object"]
            if any(key in schema for key in ("items", "prefixItems", "minItems", "contains")):
                return ["array"]
            if any(key in schema for key in ("minimum", "maximum", "multipleOf", "exclusiveMinimum")):
                return ["number"]
            return ["string"]
        return sorted(dict.fromkeys(names), key=lambda kind: (kind == "null") != (depth > _DEEP))

    def _typed(self, kind: str, schema: Mapping[str, Any], name: str, depth: int) -> Iterator[Any]:
        match kind:
            case "object":
                yield self._object(schema, depth)
            case "array":
                yield from self._array(schema, name, depth)
            case "integer" | "number":
                yield from self._number(schema, name, whole=kind == "integer")
            case "boolean":
                first = self._hints.boolean(name)
                yield from (first, not first)
            case "null":
                yield None
            case _:
                yield from self._string(schema, name)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        known: Mapping[str, Any] = schema.get("properties") or {}
        required = list(schema.get("required", ()))
        room = schema.get("maxProperties", 10**9)
        names = list(dict.fromkeys([*(n for n in known if n in required), *required]))
        if depth < _DEEP:
            extra = [name for name in known if name not in required and known[name] is not False]
            names += extra[: max(0, room - len(names))]
            names.sort(key=lambda one: list(known).index(one) if one in known else len(known))
        values: dict[str, Any] = {}
        for name in names:
            rule = known.get(name, self._unknown(schema, name))
            value = self.build(rule, name, depth + 1)
            # An optional property that cannot be built is better left out.
            if name in required or holds(value, rule, self._root):
                values[name] = value
        number = 0
        while len(values) < schema.get("minProperties", 0) and number < 1000:
            number += 1
            fresh = f"key{number}"
            if fresh not in values:
                values[fresh] = self.build(self._unknown(schema, fresh), fresh, depth + 1)
        return values

    def _unknown(self, schema: Mapping[str, Any], name: str) -> Any:
        for pattern, rule in (schema.get("patternProperties") or {}).items():
            if holds(name, {"pattern": pattern}, None):
                return rule
        return schema.get("additionalProperties", True)

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> Iterator[list[Any]]:
        heads = [self.build(one, name, depth + 1) for one in schema.get("prefixItems", ())]
        items = schema.get("items", True)
        least = min(int(schema.get("minItems", 0)), _MOST_ITEMS)
        usual = least if depth >= _DEEP or items is False else max(least, 1)
        size = min(max(usual, len(heads) if least or depth < _DEEP else least), schema.get("maxItems", 10**9))
        values = heads[:size]
        if "contains" in schema:
            rule = merge(items, schema["contains"], self._root)
            values += [
                self.build(rule, name, depth + 1) for _ in range(min(int(schema.get("minContains", 1)), _MOST_ITEMS))
            ]
        attempt = 0
        while len(values) < size and attempt < size + 50:
            value = self._another(items, name, depth, attempt, values if schema.get("uniqueItems") else [])
            attempt += 1
            if value is not _MISSING:
                values.append(value)
        yield values
        yield []

    def _another(self, items: Any, name: str, depth: int, attempt: int, taken: list[Any]) -> Any:
        value = self.build(items, name, depth + 1)
        if not any(equal(value, one) for one in taken):
            return value
        for other in self._variants(value, items, attempt):
            if holds(other, items, self._root) and not any(equal(other, one) for one in taken):
                return other
        return _MISSING

    def _variants(self, value: Any, items: Any, attempt: int) -> Iterator[Any]:
        schema = flat(items, self._root)
        if isinstance(schema, Mapping):
            yield from schema.get("enum", ())
            step = schema.get("multipleOf", 1)
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield from (value + sign * step * number for number in range(1, 60) for sign in (1, -1))
        if isinstance(value, str):
            yield from (f"{value}{number}" for number in range(1, 60))
            yield from (chr(97 + number) + value[1:] for number in range(26))
        yield from (True, False, None, attempt, f"item{attempt}", [attempt], {"key": attempt})

    def _number(self, schema: Mapping[str, Any], name: str, *, whole: bool) -> Iterator[int | float]:
        said = self._hints.number(name)
        low, high = _bounds(schema)
        step = schema.get("multipleOf") or (1 if whole else None)
        if whole and step and float(step) != int(step):
            step = 1
        for start in (said, 1.0, low, high, 0.0):
            if start is None or math.isinf(start):
                continue
            near = min(max(start, low), high)
            for offset in (0, 1, -1):
                value = near if step is None else (math.ceil(near / step) + offset) * step
                yield int(value) if whole or float(value).is_integer() else value
        if not math.isinf(low) and not math.isinf(high):
            yield (low + high) / 2

    def _string(self, schema: Mapping[str, Any], name: str) -> Iterator[str]:
        least, most = min(int(schema.get("minLength", 0)), _LONGEST), int(schema.get("maxLength", 10**6))
        form = str(schema.get("format", "")).lower()
        if form in ("email", "idn-email"):
            yield self._hints.mail()
        elif form in ("uri", "url", "iri", "uri-reference"):
            yield self._hints.link()
        elif form in _FORMATS:
            said = self._hints.named(name)
            yield _FORMATS[form] if said is None or form != "date" or not _is_date(said) else said
        text = self._hints.string(name, str(schema.get("description", "")))
        if "pattern" in schema:
            yield text
            made = example(str(schema["pattern"]), least)
            if made is not None:
                yield made
        yield (text + " -" * least)[: max(least, min(most, max(len(text), least)))][:most]


def _bounds(schema: Mapping[str, Any]) -> tuple[float, float]:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is not None and not isinstance(above, bool):
        low = max(low, math.nextafter(above, math.inf))
    if below is not None and not isinstance(below, bool):
        high = min(high, math.nextafter(below, -math.inf))
    return low, high


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (schema.get("type") == "null" or schema.get("const", 0) is None)


def _is_date(text: str) -> bool:
    return len(text) == 10 and text[4] == text[7] == "-" and text.replace("-", "").isdigit()
