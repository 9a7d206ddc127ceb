"""Strict reading of JSON bodies: sizes, syntax, and the type of every field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from shunpike_sandbox.refusals import Problem

MAX_BYTES = 20 * 1024 * 1024
_MAX_DEPTH = 200


class TooLarge(Exception):
    """The body is larger than any provider takes."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a parameter may hold."""

    kinds: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    longest: int | None = None
    nullable: bool = True


def spec(text: str) -> Field:
    """Read a field's rule: kinds by ``|``, then bounds ``low..high``, a longest list ``<=n`` or choices ``{a,b}``."""
    head, *rest = text.split()
    low = high = longest = None
    choices: tuple[str, ...] = ()
    for word in rest:
        if word.startswith("{"):
            choices = tuple(word.strip("{}").split(","))
        elif word.startswith("<="):
            longest = int(word[2:])
        elif ".." in word:
            first, last = word.split("..")
            low, high = float(first) if first else None, float(last) if last else None
    return Field(tuple(head.split("|")), low, high, choices, longest)


def fields(rules: Mapping[str, str]) -> dict[str, Field]:
    """Read a table of rules."""
    return {name: spec(text) for name, text in rules.items()}


async def read(request: Request, limit: int = MAX_BYTES) -> bytes:
    """Read a body, and stop as soon as it is too large."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge
    parts = bytearray()
    async with aclosing(request.stream()) as stream:
        async for part in stream:
            parts += part
            if len(parts) > limit:
                raise TooLarge
    return bytes(parts)


def parse(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object; anything else is a `Problem`."""
    try:
        text = raw.decode("utf-8")
        _shallow(text)
        value = json.loads(text, parse_constant=_no_constant)
        # Lone surrogates can be read but never written again.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Problem("json", "", str(error)[:120]) from None
    if not isinstance(value, dict):
        raise Problem("json", "", f"expected an object, but got {name_of(value)}")
    return value


def check(body: Mapping[str, Any], rules: Mapping[str, Field], *, unknown: bool) -> None:
    """Hold a body against its rules; ``unknown`` parameters are refused if the provider does so."""
    if unknown:
        for name in body:
            if name not in rules:
                raise Problem("unknown", name, f"Unrecognized request argument supplied: {name}")
    for name, rule in rules.items():
        if body.get(name) is not None:
            _field(name, body[name], rule)


def _field(name: str, value: Any, rule: Field) -> None:
    kind = name_of(value)
    fits = kind in rule.kinds or (kind == "integer" and "number" in rule.kinds)
    if not fits:
        expected = " or ".join(rule.kinds)
        raise Problem("type", name, f"expected {expected}, but got {kind}", expected, kind)
    if isinstance(value, int | float) and not isinstance(value, bool):
        _within(name, value, rule)
    if rule.choices and isinstance(value, str) and value not in rule.choices:
        allowed = ", ".join(f"'{choice}'" for choice in rule.choices)
        raise Problem("value", name, f"must be one of {allowed}", allowed, f"'{value}'")
    if rule.longest is not None and isinstance(value, list) and len(value) > rule.longest:
        raise too_long(name, "array", "items", rule.longest, len(value))


def _within(name: str, value: float, rule: Field) -> None:
    measure = "decimal" if "number" in rule.kinds else "integer"
    must = ""
    if rule.low is not None and value < rule.low:
        must = f"greater than or equal to {rule.low:g}"
    elif rule.high is not None and value > rule.high:
        must = f"less than or equal to {rule.high:g}"
    if must:
        raise Problem("range", name, f"must be {must}", must, str(value), rule.low, rule.high, measure)


def too_long(name: str, measure: str, unit: str, most: int, got: int) -> Problem:
    """Return what is wrong with an array or a string that is too long."""
    longest = f"at most {most} {unit}"
    return Problem("length", name, longest, longest, str(got), high=most, measure=measure)


def name_of(value: Any) -> str:
    """Return the JSON name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names: tuple[tuple[type, str], ...] = ((int, "integer"), (float, "number"), (str, "string"), (list, "array"))
    return next((name for kind, name in names if isinstance(value, kind)), "object")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _shallow(text: str) -> None:
    depth, quoted, escaped = 0, False, False
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return
    for sign in text:
        if quoted:
            escaped, quoted = (sign == "\\" and not escaped), (sign != '"' or escaped)
        elif sign == '"':
            quoted = True
        elif sign in "[{":
            depth += 1
            if depth > _MAX_DEPTH:
                raise ValueError("nested too deeply")
        elif sign in "]}":
            depth -= 1
