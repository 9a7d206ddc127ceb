"""Reads a body as JSON, and nothing that two readers could understand in two ways.

Rejected are: another encoding than UTF-8, a byte order mark, a key that stands twice in one object, NaN and Infinity,
numbers that no double holds, half a surrogate pair, deep nesting, and anything but an object at the top.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from shunpike_gateway.exchange import RejectedBody

MOST_DEPTH = 100
"""Arrays and objects in each other; a schema of a tool has about twenty."""
MOST_DIGITS = 309
"""Digits of a whole number: as many as the largest double has."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def parsed(raw: bytes | bytearray) -> dict[str, Any]:
    """Return the object that ``raw`` holds. Raises `RejectedBody` saying what is wrong with it."""
    if not raw:
        raise RejectedBody("the body is empty: a JSON object is expected", code="invalid_json")
    if raw[:3] == b"\xef\xbb\xbf":
        raise _invalid("it begins with a byte order mark; send plain UTF-8")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(f"it is no UTF-8 at byte {error.start}") from None
    try:
        found = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
    except json.JSONDecodeError as error:
        raise _invalid(f"{error.msg.lower()} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(found, dict):
        raise _invalid(f"a JSON object is expected, got {_kind(found)}")
    if raw.count(b"[") + raw.count(b"{") > MOST_DEPTH or _SURROGATE.search(raw):
        _check(found)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _invalid(f"the key {name[:60]!a} stands twice in one object")
            seen.add(name)
    return found


def _constant(name: str) -> NoReturn:
    raise _invalid(f"{name} is no JSON")


def _float(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise _invalid(f"the number {text[:20]} is too large")
    return found


def _int(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise _invalid(f"a whole number of {len(text)} digits is too large")
    return int(text)


def _check(top: dict[str, Any]) -> None:
    """Look at each value, floor by floor: no call in itself, which deep nesting would break."""
    floor: list[Any] = [top]
    depth = 0
    while floor:
        depth += 1
        if depth > MOST_DEPTH:
            raise _too_deep()
        below: list[Any] = []
        for value in floor:
            parts: Iterable[Any] = value if isinstance(value, list) else (*value.keys(), *value.values())
            for part in parts:
                if isinstance(part, str):
                    _check_text(part)
                elif isinstance(part, list | dict):
                    below.append(part)
        floor = below


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _invalid(f"a text holds half a surrogate pair (\\u{ord(text[error.start]):04x})") from None


def _too_deep() -> RejectedBody:
    return RejectedBody(f"the body is nested deeper than {MOST_DEPTH} arrays and objects", code="invalid_json")


def _invalid(what: str) -> RejectedBody:
    return RejectedBody(f"the body can't be read as JSON: {what}", code="invalid_json")


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
