"""What differs between families of Gemini models, read from the table ``[dialect]`` of ``provider.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.catalog.schema import CatalogPlace
from shunpike.types.base import Record
from shunpike.wire.dialect import Sentence


class Traits(Record):
    """Prefixes of model ids: a model has a trait when its id starts with one of them. ``sentences`` hold for all."""

    thinking_level: tuple[str, ...] = ()
    """Take ``thinkingLevel``."""
    thinking_budget: tuple[str, ...] = ()
    """Take ``thinkingBudget``, in tokens."""
    no_minimal: tuple[str, ...] = ()
    """Refuse the level MINIMAL; LOW is their least."""
    always_thinking: tuple[str, ...] = ()
    """Can't have their thinking switched off by a budget of 0."""
    call_ids: tuple[str, ...] = ()
    """Take ids of function calls, and want the thought signature of a call back; older ones answer 400 to an id."""
    tools_or_schema: tuple[str, ...] = ()
    """Refuse function tools together with structured output."""
    sentences: tuple[Sentence, ...] = ()
    """No prefixes: what of a refusal has no code of its own."""

    def has(self, trait: str, model: str) -> bool:
        """Whether ``model`` has the trait of that name."""
        prefixes: tuple[str, ...] = getattr(self, trait)
        return model.startswith(prefixes)


def read_traits(raw: Mapping[str, Any] | None, origin: str) -> Traits:
    """Return the traits that a ``[dialect]`` table describes. Raises `ConfigError` naming file and key."""
    return CatalogPlace(origin, "dialect").read(Traits, raw or {})
