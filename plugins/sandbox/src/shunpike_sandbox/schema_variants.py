"""Other values like a given one: for lists without repeats, and where the first value is the one that is forbidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from typing import Any

from shunpike_sandbox.schema_merge import flat
from shunpike_sandbox.schema_scalars import FORMATS

_MOST = 400
_DEEP = 4
_SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_ "
_FIRST_DAY = date(2026, 11, 22)


def variants(value: Any, schema: Any, root: Any) -> Iterator[Any]:
    """Yield values near ``value``; whether one fulfils ``schema`` is for the caller to check."""
    return islice(_variants(value, schema, root, 0), _MOST)


def _variants(value: Any, schema: Any, root: Any, depth: int) -> Iterator[Any]:
    schema = flat(schema, root)
    rules: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    yield from rules.get("enum", ())
    for branch in (*rules.get("anyOf", ()), *rules.get("oneOf", ())) if depth < _DEEP else ():
        inner = flat(branch, root)
        if isinstance(inner, Mapping):
            yield from [inner["const"]] if "const" in inner else inner.get("enum", ())
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from _numbers(value, rules.get("multipleOf") or 1)
    elif isinstance(value, str):
        yield from _strings(value, str(rules.get("format", "")))
    elif isinstance(value, list) and depth < _DEEP:
        yield from _lists(value, rules, root, depth)
    elif isinstance(value, dict) and depth < _DEEP:
        yield from _objects(value, rules, root, depth)
    if depth == 0:
        yield from ("other", 7, True, None, [], {}, "a", 0, False)


def _numbers(value: float, step: float) -> Iterator[float]:
    yield from (value + sign * step * number for number in range(1, 60) for sign in (1, -1))


def _strings(value: str, form: str) -> Iterator[str]:
    if form in FORMATS or form in ("email", "uri", "url"):
        yield from _formatted(value, form)
        return
    yield from (f"{value}{number}" for number in range(1, 20))
    for place in range(min(len(value), 12)):
        yield from (value[:place] + sign + value[place + 1 :] for sign in _SIGNS if sign != value[place])


def _formatted(value: str, form: str) -> Iterator[str]:
    if form in ("date", "date-time"):
        for number in range(1, 100):
            yield f"{_FIRST_DAY + timedelta(days=number)}{value[10:] if form == 'date-time' else ''}"
    elif form == "uuid":
        yield from (f"{value[:-2]}{number:02x}" for number in range(256))
    elif form in ("ipv4", "ipv6"):
        yield from (f"{value[:-1]}{number}" for number in range(2, 10))
    elif form == "time":
        yield from (f"{hour:02d}:00:00Z" for hour in range(24))
    elif form == "duration":
        yield from (f"PT{number}H" for number in range(2, 60))
    elif form == "email":
        yield from (f"someone{number}@example.com" for number in range(60))
    else:
        yield from (f"{value}{number}" for number in range(1, 60))


def _lists(value: list[Any], rules: Mapping[str, Any], root: Any, depth: int) -> Iterator[list[Any]]:
    heads = rules.get("prefixItems", ())
    for place, one in enumerate(value[:4]):
        inner = heads[place] if place < len(heads) else rules.get("items", True)
        for other in islice(_variants(one, inner, root, depth + 1), 80):
            yield [*value[:place], other, *value[place + 1 :]]


def _objects(value: dict[str, Any], rules: Mapping[str, Any], root: Any, depth: int) -> Iterator[dict[str, Any]]:
    known = rules.get("properties") or {}
    if rules.get("additionalProperties") is not False:
        yield from ({**value, f"key{number}": number} for number in range(1, 20))
    for name, one in list(value.items())[:6]:
        inner = known.get(name, rules.get("additionalProperties", True))
        for other in islice(_variants(one, inner, root, depth + 1), 80):
            yield {**value, name: other}
