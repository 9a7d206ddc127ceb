"""Aliases and rules as they are written in files and variables, each mistake named by its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from shunpike.types import AliasTarget, RoutingRule
from shunpike.types.base import Record
from shunpike.validation import complaint, near

R = TypeVar("R", bound=Record)


def alias_targets(value: Any, table: str, origin: str) -> tuple[AliasTarget, ...]:
    """Return what an alias stands for, from ``["acme/m", { model = "other", weight = 2 }]``. Raises `ValueError`."""
    del table, origin
    if isinstance(value, str) or not isinstance(value, list | tuple) or not value:
        raise _expected('should be a list of models, such as ["acme/m-large", "auto"]')
    entries = ({"model": one} if isinstance(one, str) else one for one in value)
    found = tuple(_read(AliasTarget, one, place) for place, one in enumerate(entries, 1))
    names = [one.model for one in found]
    if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
        raise ValueError(f"names {twice!r} twice")
    return found


def routing_rules(value: Any, table: str, origin: str) -> tuple[RoutingRule, ...]:
    """Return the rules of ``[[routing.rule]]``. Raises `ValueError`."""
    del table, origin
    if not isinstance(value, list | tuple):
        raise _expected("should be tables [[routing.rule]]")
    return tuple(_read(RoutingRule, one, place) for place, one in enumerate(value, 1))


def _read(kind: type[R], item: Any, place: int) -> R:
    """Return the entry at ``place``, which are counted from 1 on."""
    if isinstance(item, kind):
        return item
    if not isinstance(item, Mapping):
        raise _expected(f"entry {place} should be a table, got {item!r:.60}")
    if (strange := next((name for name in item if name not in kind.model_fields), None)) is not None:
        raise ValueError(
            f"entry {place}: there is no {strange!r}{near(str(strange), kind.model_fields)}; there are: "
            f"{', '.join(kind.model_fields)}"
        )
    try:
        return kind.model_validate(dict(item), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        raise ValueError(f"entry {place}: {f'{name} ' if name else ''}{complaint(first, 'should be')}") from None


def _expected(text: str) -> ValueError:
    return ValueError(text)
