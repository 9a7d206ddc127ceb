"""Finds models by the names that people and answers use."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shunpike.types import ModelInfo

_YEAR, _MONTH, _DAY = r"20\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
SNAPSHOT = re.compile(
    rf"-(?:{_YEAR}-{_MONTH}-{_DAY}|{_YEAR}{_MONTH}{_DAY}|{_MONTH}-{_DAY}|{_MONTH}{_DAY}|2\d{_MONTH})(?=:[\w-]+$|$)"
)
"""The date that answers append to a model's name: ``-2026-08-06``, ``-20260806``, ``-08-06``, ``-0806``, ``-2608``.

A variant may follow it (``:free``). Nothing else that follows a name is read as the same model: ``some-model-mini``
and ``some-model-audio-preview`` have prices of their own.
"""
_PATH = "models/"
"""What Google puts before a name."""


def find(models: Iterable[ModelInfo], name: str) -> ModelInfo | None:
    """Return the model called ``name``, retired ones included: by id, by alias, by id plus a snapshot's date.

    None = this catalog does not know it. `successor_of` tells what came after a retired one.
    """
    known = tuple(models)
    found = _exact(known, name)
    if found is None and SNAPSHOT.search(name):
        found = _exact(known, SNAPSHOT.sub("", name))
    return found


def find_served(models: Iterable[ModelInfo], asked: ModelInfo, name: str) -> ModelInfo | None:
    """Return which of ``models`` an answer means by ``name`` where ``asked`` was asked for; None = none of them.

    A name is a model's own where it is the id or an alias, whatever the case, with or without the owner before it
    (``openai/gpt-oss-120b``), or one of these with a snapshot's date. A row of its own always wins over a date.
    """
    known = [*models, asked]
    folded = name.removeprefix(_PATH).casefold()
    for served in dict.fromkeys((folded, SNAPSHOT.sub("", folded))):
        for agree in (str.__eq__, _but_for_the_owner):
            found = {one.id: one for one in known if any(agree(named, served) for named in _names(one))}
            if asked.id in found:
                return asked
            if found:
                return next(iter(found.values())) if len(found) == 1 else None
    return None


def _names(model: ModelInfo) -> tuple[str, ...]:
    return tuple(one.removeprefix(_PATH).casefold() for one in (model.id, *model.aliases))


def _but_for_the_owner(one: str, other: str) -> bool:
    """Whether two names are one where only one of them says whose the model is."""
    return ("/" in one) is not ("/" in other) and one.rsplit("/", 1)[-1] == other.rsplit("/", 1)[-1]


def _exact(models: tuple[ModelInfo, ...], name: str) -> ModelInfo | None:
    by_id = next((model for model in models if model.id == name), None)
    return by_id or next((model for model in models if name in model.aliases), None)


def successor_of(models: Iterable[ModelInfo], model: ModelInfo) -> ModelInfo | None:
    """Return what replaced ``model``, following retired successors to one that still answers; None = nothing known."""
    known = tuple(models)
    seen = {model.id}
    following = _exact(known, model.successor) if model.successor else None
    while following is not None and following.id not in seen:
        if following.status != "retired":
            return following
        seen.add(following.id)
        following = _exact(known, following.successor) if following.successor else None
    return None
