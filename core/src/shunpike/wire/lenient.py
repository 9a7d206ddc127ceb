"""Reads the JSON that strangers send: whatever stands there, nothing but a `ValueError` comes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from pydantic_core import from_json

from shunpike.errors import UsageError

MOST_TOKENS = 10**10
"""No answer has more; a larger number is a mistake of the sender and is treated as absent."""


class Stated(float):
    """A number that remembers how it was written, so that an amount of money stays exact."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Read ``text`` as a float and keep it."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def _no_constant(_: str) -> None:
    """Read NaN and Infinity, which JSON does not have, as null."""


_PLAIN = json.JSONDecoder(parse_constant=_no_constant)
_EXACT = json.JSONDecoder(parse_constant=str, parse_float=Stated)
"""NaN and Infinity come as text: an amount that can't be read is another thing than none."""
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def decode(body: bytes | str, *, exact: bool = False) -> Any:
    """Return the value of a JSON text; blank lines and a byte-order mark before it are fine.

    With ``exact`` fractions come as `Stated`. Raises `ValueError` for what is no JSON, however broken.
    """
    if not exact:
        try:
            return from_json(body, allow_inf_nan=False)
        except ValueError:
            pass  # What is not quite JSON, or not quite UTF-8, is read by the more patient one.
    text = body if isinstance(body, str) else str(body, "utf-8", "replace")
    try:
        return (_EXACT if exact else _PLAIN).decode(text.lstrip("\ufeff"))
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def encode(body: Mapping[str, Any]) -> bytes:
    """Return ``body`` as JSON. Raises `UsageError` for a value that JSON does not have."""
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"the request can't be written as JSON: {error}") from error


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def at(data: Any, path: str) -> Any:
    """Return what lies at a dotted path such as ``choices.0.usage``, None where nothing does."""
    for step in _steps(path):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdigit() and len(step) < 4 and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def table(value: Any) -> Mapping[str, Any]:
    """Return ``value`` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def string(value: Any) -> str:
    """Return ``value`` if it is a string, else an empty one. Half a surrogate pair, which no encoder takes, goes."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else _LONE_SURROGATE.sub("\ufffd", value)


def rows(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; anything else is left out."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def count(value: Any) -> int | None:
    """Return a number of tokens; None for what can't be one: negative, fractional, huge, or no number at all."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= MOST_TOKENS or value != int(value):
        return None
    return int(value)
