"""Checks a value against a JSON Schema: just enough to choose between branches of a schema.

The sandbox makes instances by construction; this check decides which of several constructions holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Root = Mapping[str, Any]
_DEPTH = 60


def resolve(schema: Any, root: Any) -> Any:
    """Follow a local ``$ref`` and merge its neighbours over the target."""
    for _ in range(_DEPTH):
        if not isinstance(schema, Mapping) or "$ref" not in schema:
            return schema
        target = pointer(str(schema["$ref"]), root)
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        if not rest or not isinstance(target, Mapping):
            return target
        schema = {"allOf": [target, rest]} if set(rest) - {"description", "title", "default"} else target
    return True


def pointer(reference: str, root: Any) -> Any:
    """Return what a local JSON pointer or anchor names; anything else allows everything."""
    if reference.startswith("#") and not reference.startswith("#/") and len(reference) > 1:
        return next(_anchored(root, reference[1:], 0), True)
    node = root
    for raw in reference.lstrip("#").split("/")[1:]:
        part = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, Mapping) and part in node:
            node = node[part]
        else:
            return True
    return node


def _anchored(node: Any, name: str, depth: int) -> Iterator[Any]:
    if depth > _DEPTH or not isinstance(node, Mapping | list):
        return
    if isinstance(node, Mapping) and node.get("$anchor") == name:
        yield node
    for inner in node.values() if isinstance(node, Mapping) else node:
        yield from _anchored(inner, name, depth + 1)


def type_name(value: Any) -> str:
    """Return the JSON Schema type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if float(value).is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def types_of(schema: Mapping[str, Any]) -> list[str] | None:
    """Return the allowed types in lower case, or None for any; ``nullable`` adds null."""
    raw = schema.get("type")
    if raw is None:
        return None
    names = [str(name).lower() for name in (raw if isinstance(raw, list) else [raw])]
    return [*names, "null"] if schema.get("nullable") is True else names


def equal(one: Any, other: Any) -> bool:
    """Compare as JSON does: 1 equals 1.0 but true is no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return bool(one == other)


def holds(value: Any, schema: Any, root: Any, depth: int = 0) -> bool:
    """Tell whether ``value`` fulfils ``schema``."""
    if schema is True or schema is None or depth > _DEPTH:
        return True
    if schema is False:
        return False
    if not isinstance(schema, Mapping):
        return True
    if "$ref" in schema and not holds(value, pointer(str(schema["$ref"]), root), root, depth + 1):
        return False
    checks = (_general, _number, _string, _array, _object)
    return all(check(value, schema, root, depth + 1) for check in checks)


def _general(value: Any, schema: Root, root: Any, depth: int) -> bool:  # noqa: C901, PLR0911  # one line a keyword
    def ok(one: Any) -> bool:
        return holds(value, one, root, depth)

    names = types_of(schema)
    if names is not None:
        kind = type_name(value)
        if kind not in names and not (kind == "integer" and "number" in names):
            return False
    if "const" in schema and not equal(value, schema["const"]):
        return False
    if "enum" in schema and not any(equal(value, one) for one in schema["enum"]):
        return False
    if not all(ok(one) for one in schema.get("allOf", ())):
        return False
    if "anyOf" in schema and not any(ok(one) for one in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(ok(one) for one in schema["oneOf"]) != 1:
        return False
    if "not" in schema and ok(schema["not"]):
        return False
    if "if" in schema:
        branch = "then" if ok(schema["if"]) else "else"
        return ok(schema.get(branch, True))
    return True


def _number(value: Any, schema: Root, _root: Any, _depth: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    limits: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
        ("minimum", lambda a, b: a >= b),
        ("maximum", lambda a, b: a <= b),
        ("exclusiveMinimum", lambda a, b: isinstance(b, bool) or a > b),
        ("exclusiveMaximum", lambda a, b: isinstance(b, bool) or a < b),
    )
    if not all(test(value, schema[key]) for key, test in limits if key in schema):
        return False
    step = schema.get("multipleOf")
    return not step or abs(value / step - round(value / step)) < 1e-9


def _string(value: Any, schema: Root, _root: Any, _depth: int) -> bool:
    if not isinstance(value, str):
        return True
    if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", len(value)):
        return False
    pattern = schema.get("pattern")
    return pattern is None or matches(str(pattern), value)


def matches(pattern: str, value: str) -> bool:
    """Tell whether the pattern is found in the value; a pattern Python cannot read allows all."""
    try:
        return re.search(pattern, value) is not None
    except (re.error, RecursionError):
        return True


def _array(value: Any, schema: Root, root: Any, depth: int) -> bool:  # noqa: PLR0911  # one line a keyword
    if not isinstance(value, list):
        return True
    if len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", len(value)):
        return False
    if schema.get("uniqueItems") and any(equal(a, b) for i, a in enumerate(value) for b in value[:i]):
        return False
    heads = schema.get("prefixItems", ())
    if not all(holds(one, head, root, depth) for one, head in zip(value, heads, strict=False)):
        return False
    rest = value[len(heads) :]
    if "items" in schema and not all(holds(one, schema["items"], root, depth) for one in rest):
        return False
    if "contains" in schema:
        found = sum(holds(one, schema["contains"], root, depth) for one in value)
        return bool(schema.get("minContains", 1) <= found <= schema.get("maxContains", found))
    return True


def _object(value: Any, schema: Root, root: Any, depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    if any(name not in value for name in schema.get("required", ())):
        return False
    if len(value) < schema.get("minProperties", 0) or len(value) > schema.get("maxProperties", len(value)):
        return False
    if not _dependents(value, schema, root, depth):
        return False
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, one in value.items():
        rules = [known[name]] if name in known else []
        rules += [rule for pattern, rule in patterns.items() if matches(pattern, name)]
        rules = rules or [schema.get("additionalProperties", True)]
        if not all(holds(one, rule, root, depth) for rule in rules):
            return False
    return True


def _dependents(value: Mapping[str, Any], schema: Root, root: Any, depth: int) -> bool:
    """Check the names, and what the presence of one property asks of the others."""
    names = schema.get("propertyNames", True)
    if not all(holds(name, names, root, depth) for name in value):
        return False
    for name, needed in schema.get("dependentRequired", {}).items():
        if name in value and any(one not in value for one in needed):
            return False
    return all(
        holds(value, rule, root, depth) for name, rule in schema.get("dependentSchemas", {}).items() if name in value
    )
