"""Makes a valid instance of a JSON Schema, with values from the prompt wherever names match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from shunpike_sandbox.hints import Hints
from shunpike_sandbox.patterns import example
from shunpike_sandbox.schema_check import equal, holds, matches, types_of
from shunpike_sandbox.schema_merge import flat, merge
from shunpike_sandbox.schema_scalars import numbers, strings
from shunpike_sandbox.schema_variants import variants

_DEEP = 6
_ABYSS = 30
# Whoever asks for more than this gets this much: a schema must not fill the memory.
_MOST_ITEMS = 2_000
_MOST_NAMES = 300
# Enough for every branch of a choice to have its turn.
_TRIES = 60
_MISSING = object()


def instance(schema: Any, text: str) -> Any:
    """Return a value that fulfils ``schema``, made from ``text``; a contradiction gets a best effort."""
    return _Builder(schema, Hints(text)).build(schema, "value", 0)


class _Builder:
    def __init__(self, root: Any, hints: Hints) -> None:
        self._root = root
        self._hints = hints

    def build(self, schema: Any, name: str, depth: int) -> Any:
        """Return the first construction that holds; of none, the first one tried."""
        first = _MISSING
        for candidate in islice(self._candidates(schema, name, depth), _TRIES):
            if holds(candidate, schema, self._root):
                return candidate
            first = candidate if first is _MISSING else first
        if first is _MISSING:
            return None
        # The value is wrong in a detail, such as being the one value that is not allowed.
        near = variants(first, schema, self._root) if depth < _DEEP else iter(())
        return next((other for other in near if holds(other, schema, self._root)), first)

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
                # Where two branches overlap, only the one with nothing optional in it may tell them apart.
                yield self._object(schema, depth, bare=True)
            case "array":
                yield from self._array(schema, name, depth)
            case "integer" | "number":
                yield from numbers(schema, self._hints, name, whole=kind == "integer")
            case "boolean":
                first = self._hints.boolean(name)
                yield from (first, not first)
            case "null":
                yield None
            case _:
                yield from strings(schema, self._hints, name)

    def _object(self, schema: Mapping[str, Any], depth: int, *, bare: bool = False) -> dict[str, Any]:
        schema = self._with_dependents(schema)
        known: Mapping[str, Any] = schema.get("properties") or {}
        required = _needed(schema)
        room = schema.get("maxProperties", 10**9)
        names = list(dict.fromkeys([*(n for n in known if n in required), *required]))
        if depth < _DEEP and not bare:
            extra = [name for name in known if name not in required and known[name] is not False]
            names += extra[: max(0, room - len(names))]
            names.sort(key=lambda one: list(known).index(one) if one in known else len(known))
        values: dict[str, Any] = {}
        for name in names:
            rule = self._rule(schema, name)
            value = self.build(rule, name, depth + 1)
            # An optional property that cannot be built is better left out.
            if name in required or holds(value, rule, self._root):
                values[name] = value
        for name in self._fresh(schema):
            if len(values) >= min(schema.get("minProperties", 0), _MOST_NAMES):
                break
            if name not in values:
                values[name] = self.build(self._rule(schema, name), name, depth + 1)
        return values

    def _with_dependents(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Fold in what follows from the properties that are there anyway."""
        merged: Any = schema
        for name, rule in (schema.get("dependentSchemas") or {}).items():
            if name in (schema.get("properties") or {}) or name in schema.get("required", ()):
                merged = merge(merged, rule, self._root)
        return merged if isinstance(merged, Mapping) else schema

    def _rule(self, schema: Mapping[str, Any], name: str) -> Any:
        """Return what a property must fulfil: its own rule and those of all patterns that match its name."""
        known: Mapping[str, Any] = schema.get("properties") or {}
        rules = [known[name]] if name in known else []
        rules += [rule for pattern, rule in (schema.get("patternProperties") or {}).items() if matches(pattern, name)]
        if not rules:
            return schema.get("additionalProperties", True)
        merged = rules[0]
        for rule in rules[1:]:
            merged = merge(merged, rule, self._root)
        return merged

    def _fresh(self, schema: Mapping[str, Any]) -> Iterator[str]:
        """Yield names that the object may have beyond those that it must have."""
        yield from (schema.get("properties") or {})
        rule = schema.get("propertyNames", True)
        patterns = [example(pattern) for pattern in schema.get("patternProperties") or {}]
        first = self.build(merge({"type": "string"}, rule, self._root), "key", _DEEP) if rule is not True else "key1"
        starts = [name for name in (first, *patterns) if isinstance(name, str)]
        closed = schema.get("additionalProperties", True) is False
        for start in starts:
            for name in (start, *variants(start, rule, self._root)):
                allowed = isinstance(name, str) and holds(name, rule, self._root)
                if allowed and not (closed and self._rule(schema, name) is False):
                    yield name

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> Iterator[list[Any]]:
        heads = [self.build(one, name, depth + 1) for one in schema.get("prefixItems", ())]
        items = schema.get("items", True)
        least = min(int(schema.get("minItems", 0)), _MOST_ITEMS)
        usual = least if depth >= _DEEP or items is False else max(least, 1)
        size = min(max(usual, len(heads) if least or depth < _DEEP else least), schema.get("maxItems", 10**9))
        values = heads[:size]
        if "contains" in schema:
            rule = merge(items, schema["contains"], self._root)
            for _ in range(min(int(schema.get("minContains", 1)), _MOST_ITEMS)):
                found = self._another(rule, name, depth, values if schema.get("uniqueItems") else [])
                values += [] if found is _MISSING else [found]
            if "maxContains" in schema:
                items = merge(items, {"not": schema["contains"]}, self._root)
        attempt = 0
        while len(values) < size and attempt < size + 50:
            value = self._another(items, name, depth, values if schema.get("uniqueItems") else [])
            attempt += 1
            if value is not _MISSING:
                values.append(value)
        yield values
        yield []

    def _another(self, items: Any, name: str, depth: int, taken: list[Any]) -> Any:
        schema = flat(items, self._root)
        branches = (schema.get("anyOf") or schema.get("oneOf") or ()) if isinstance(schema, Mapping) else ()
        for rule in (items, *branches):
            value = self.build(rule, name, depth + 1)
            for other in (value, *variants(value, rule, self._root)):
                if holds(other, items, self._root) and not any(equal(other, one) for one in taken):
                    return other
        return _MISSING


def _needed(schema: Mapping[str, Any]) -> list[str]:
    """Return the required names, and those that they require in turn."""
    names = dict.fromkeys(schema.get("required", ()))
    follows: Mapping[str, Any] = schema.get("dependentRequired") or {}
    present = [*names, *(schema.get("properties") or {})]
    for name in present:
        more = [one for one in follows.get(name, ()) if one not in names]
        names.update(dict.fromkeys(more))
        present += more
    return list(names)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and (schema.get("type") == "null" or schema.get("const", 0) is None)
