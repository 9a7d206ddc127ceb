"""What the body of a refusal says, read leniently: it may be JSON of any shape, plain text, a web page or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from shunpike.wire.lenient import at, decode, encode, string, table


@dataclass(frozen=True, slots=True)
class Said:
    """What the body of a refusal says, whatever shape it has. Codes and texts are as the sender wrote them."""

    message: str = ""
    codes: tuple[str, ...] = ()
    """Code and type, the more exact one first."""
    status: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    """The error object itself, for what only one provider has."""
    also: str = ""
    """Text of other places, such as what the provider behind this one said."""
    also_codes: tuple[str, ...] = ()
    """The codes that stand there."""
    param: str = ""
    """The field of the request that the refusal is about."""
    page: bool = False
    """Whether it is a web page: then something in front of the API answered, which knows neither key nor request."""


@cache
def marks(places: tuple[str, ...]) -> re.Pattern[str]:
    """Match what is in the text of every answer that holds an error at one of ``places``, dotted paths, or as such."""
    return re.compile("|".join({'"error"', *(f'"{re.escape(path.rpartition(".")[2])}"' for path in places)}))


def read_error(body: bytes) -> Said:
    """Return what an error body says. Never fails: HTML, plain text and an empty body say little, but say it."""
    try:
        data = decode(body)
    except ValueError:
        text = str(body, "utf-8-sig", "replace").strip()
        return Said(page=True) if text.startswith("<") else Said(text)
    if isinstance(data, list):
        data = data[0] if data else None
    if isinstance(data, str):
        return Said(data)
    whole = table(data)
    error = whole.get("error")
    if isinstance(error, str):
        return Said(error, _codes(whole), _status(whole), whole, param=string(whole.get("param")))
    if isinstance(error, Mapping):
        text = _message(error) or _message(whole)
        return Said(text, _codes(error), _status(error), error, param=string(error.get("param")))
    return Said(_message(whole), _codes(whole), _status(whole), whole, param=string(whole.get("param")))


def look_further(said: Said, codes_at: Iterable[str], texts_at: Iterable[str]) -> Said:
    """Return ``said`` with the codes and texts that one provider has at places of its own; such codes come first."""
    codes = [value for path in codes_at if isinstance(value := at(said.detail, path), str) and value]
    others = [_other(value) for path in texts_at if (value := at(said.detail, path))]
    if not codes and not others:
        return said
    return replace(
        said,
        codes=(*codes, *said.codes),
        also=" ".join(other.message for other in others if other.message),
        also_codes=tuple(code for other in others for code in other.codes),
    )


def _other(value: Any) -> Said:
    """Return what someone else's refusal says: an error object, its JSON as text, or a sentence."""
    if isinstance(value, Mapping):
        return read_error(encode(value))
    text = string(value)
    if not text.lstrip().startswith(("{", "[")):
        return Said(text)
    read = read_error(text.encode())
    return read if read.message else replace(read, message=text)


def _message(data: Mapping[str, Any]) -> str:
    for name in ("message", "detail", "error_description", "title"):
        value = data.get(name)
        if isinstance(value, str) and value:
            return string(value)
        if isinstance(value, list) and value:
            return "; ".join(_part(row) for row in value[:5])
        if isinstance(value, Mapping) and value:
            return _message(value)
    return ""


def _part(row: Any) -> str:
    """Return one entry of a validation error's list: where it is and what is wrong."""
    data = table(row)
    place = data.get("loc")
    where = ".".join(str(step) for step in place) if isinstance(place, list) else ""
    text = string(data.get("msg")) or string(data.get("message")) or string(row)
    return f"{where}: {text}" if where else text


def _codes(data: Mapping[str, Any]) -> tuple[str, ...]:
    named = (data.get("code"), data.get("type"), data.get("error_type"), data.get("status"))
    # A number of three digits repeats the status; a longer one is a code.
    codes = (str(value) if type(value) is int and 1000 <= value < 1_000_000 else value for value in named)
    return tuple(value for value in codes if isinstance(value, str) and value)


def _status(data: Mapping[str, Any]) -> int | None:
    for name in ("status_code", "http_status", "code", "status"):
        value = data.get(name)
        if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None
