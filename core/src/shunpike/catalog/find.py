"""Finds models by the names that people and answers use."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shunpike.types import ModelInfo

SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8})$")
"""The date that answers append to a model's name, such as ``some-model-2026-08-06``."""


def find(models: Iterable[ModelInfo], name: str) -> ModelInfo | None:
    """Return the model called ``name``, retired ones included: by id, by alias, by id plus a snapshot's date.

    None = this catalog does not know it. `successor_of` tells what came after a retired one.
    """
    known = tuple(models)
    found = _exact(known, name)
    if found is None and SNAPSHOT.search(name):
        found = _exact(known, SNAPSHOT.sub("", name))
    return found


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
