"""Records as the types that JSON has, the same wherever they are shown: at the command line and over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel, SecretStr

from shunpike.types.base import iso, moments_of
from shunpike.types.limits import Limit, Remaining, Unit
from shunpike.types.money import Money


def plain(value: Any) -> Any:
    """Return ``value`` as JSON types: money as dollars in a string, so that it stays exact; never a secret."""
    if isinstance(value, BaseModel) and not isinstance(value, Money):
        value = {**_fields(value), **(value.model_extra or {})}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    return _plain_word(value)


def _fields(value: BaseModel) -> dict[str, Any]:
    found = {name: getattr(value, name) for name, field in type(value).model_fields.items() if not field.exclude}
    for name in moments_of(type(value)):
        if isinstance(found.get(name), float):
            found[name] = iso(found[name])
    limit = value.limit if isinstance(value, Remaining) else value
    if isinstance(limit, Limit) and limit.unit is Unit.USD:
        # Inside they are counts of pico-dollars, as all that a limit counts is a number.
        found |= {name: Money(pico=found[name]) for name in ("amount", "used", "left") if name in found}
    return found


def _plain_word(value: Any) -> Any:
    match value:
        case Money():
            return format(value.dollars, "f")
        case Decimal():
            return format(value, "f")  # never 1E+2
        case SecretStr():
            return "••••"
        case Enum():
            return value.value
        case str() | int() | float() | None:
            return value
        case _:
            return str(value)
