"""Google's JSON: names in camel or snake case, no name that is not known, and for every name its kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from shunpike_sandbox.refusals import Problem

Shape = Mapping[str, str]
"""The kinds of a message's fields by their camel-case names."""


def shape(text: str) -> dict[str, str]:
    """Read a shape from words such as ``topP:float``; a word without a kind may hold anything."""
    return {name: kind or "any" for name, _, kind in (word.partition(":") for word in text.split())}


def camel(name: str) -> str:
    """Return a field's name in camel case."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def snake(name: str) -> str:
    """Return a field's name in snake case, as Google's errors write paths."""
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)


def known(value: Any, allowed: Shape, where: str) -> dict[str, Any]:
    """Return an object with camel-case names, all of which are allowed and hold what they should; null is absent."""
    if not isinstance(value, Mapping):
        raise wrong(where, "type.googleapis.com/google.protobuf.Struct", value)
    result: dict[str, Any] = {}
    for raw, one in value.items():
        name = camel(raw)
        if name not in allowed:
            raise _unknown(where, f'Unknown name "{raw}"', "Cannot find field.")
        if one is not None:
            _of_kind(one, allowed[name], f"{where}.{snake(name)}" if where else snake(name))
            result[name] = one
    return result


def wrong(where: str, kind: str, value: Any) -> Problem:
    """Return the complaint about a value of the wrong kind."""
    return Problem("type", where, f"Invalid value at '{where}' ({kind}), {json.dumps(value)[:80]}")


def _unknown(where: str, what: str, why: str) -> Problem:
    place = f" at '{where}'" if where else ""
    return Problem("unknown", where, f"Invalid JSON payload received. {what}{place}: {why}")


def _of_kind(value: Any, kind: str, where: str) -> None:
    if kind == "any":
        return
    if kind.endswith("[]"):
        if not isinstance(value, list):
            raise wrong(where, _NAMES[kind[:-2]], value)
        for number, one in enumerate(value):
            _of_kind(one, kind[:-2], f"{where}[{number}]")
        return
    if isinstance(value, list):
        last = where.rpartition(".")[2]
        raise _unknown(
            where.rpartition(".")[0], f'Unknown name "{last}"', "Proto field is not repeating, cannot start list."
        )
    if not _FITS[kind](value):
        raise wrong(where, _NAMES[kind], value)


def _float(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _int32(value: Any) -> bool:
    return _float(value) and float(value).is_integer() and abs(value) < 2**31


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "float": lambda value: _float(value) and abs(value) < 1e39,
    "int32": _int32,
    "message": lambda value: isinstance(value, Mapping),
}
_NAMES = {
    "string": "TYPE_STRING",
    "bool": "TYPE_BOOL",
    "float": "TYPE_FLOAT",
    "int32": "TYPE_INT32",
    "message": "type.googleapis.com/google.protobuf.Struct",
}
