"""What an alias stands for: rungs of model references, asked one after the other.

Pure. An entry of an alias is one rung, or the rungs of the alias that it names; neighbours with weights change places
from one request to the next. An alias with a strategy is one rung, whatever it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from shunpike.errors import ConfigError
from shunpike.types import ModelAlias
from shunpike.types.base import ANY

Arrange = Callable[[Sequence[tuple[str, float]]], Sequence[str]]
"""(name, weight) of neighbours → their names in the order of one request."""


class Rung(NamedTuple):
    """References whose targets are ranked together, and asked before those of the next rung."""

    names: tuple[str, ...]
    strategy: str | None = None
    """Its own; None = the one in force."""
    options: Mapping[str, Any] | None = None
    """What its own strategy is told; None = what all are told."""


class Chain(NamedTuple):
    """What a name stands for: a rung, or chains of which the weighted neighbours share the requests."""

    name: str
    rung: Rung | None
    parts: tuple[Chain, ...] = ()
    weight: float | None = None

    @property
    def is_shared(self) -> bool:
        """Whether its order changes from one request to the next."""
        weighted = [list(some) for has, some in groupby(self.parts, lambda one: one.weight is not None) if has]
        return any(len(some) > 1 for some in weighted) or any(one.is_shared for one in self.parts)

    def rungs(self, arrange: Arrange) -> Iterator[Rung]:
        """Yield its rungs in their order for one request."""
        if self.rung is not None:
            yield self.rung
        for weighted, group in groupby(self.parts, lambda one: one.weight is not None):
            parts = list(group)
            if weighted and len(parts) > 1:
                by_name = {one.name: one for one in parts}
                parts = [by_name[name] for name in arrange([(one.name, one.weight or 0.0) for one in parts])]
            for one in parts:
                yield from one.rungs(arrange)

    @property
    def names(self) -> tuple[str, ...]:
        """Every reference of it once, in the order in which they are written."""
        own = self.rung.names if self.rung is not None else ()
        return tuple(dict.fromkeys((*own, *(name for one in self.parts for name in one.names))))


def unfold(name: str, aliases: Mapping[str, ModelAlias]) -> Chain:
    """Return what ``name`` stands for: itself, where it is no alias. Raises `ConfigError` where that is a circle."""
    return _unfolded(name, None, aliases, ())


def _unfolded(name: str, weight: float | None, aliases: Mapping[str, ModelAlias], above: tuple[str, ...]) -> Chain:
    if name not in aliases:
        return Chain(name, Rung((name,)), weight=weight)
    if name in above:
        circle = " -> ".join((*above[above.index(name) :], name))
        raise ConfigError(f"models.{name}: it stands for itself: {circle}", hint="take one of these targets out")
    alias = aliases[name]
    parts = tuple(_unfolded(one.model, one.weight, aliases, (*above, name)) for one in alias.targets)
    if alias.strategy is None:
        return Chain(name, None, parts, weight)
    names = tuple(dict.fromkeys(one for part in parts for one in part.names))
    return Chain(name, Rung(names, alias.strategy, alias.strategy_options or None), weight=weight)


def check_aliases(aliases: Mapping[str, ModelAlias], providers: Sequence[str] = ()) -> None:
    """Raise `ConfigError` for an alias whose name means something else already, or that stands for itself."""
    for name in aliases:
        if name in ("", ANY) or name in providers or name.endswith(f"/{ANY}"):
            raise ConfigError(f"models.{name}: the name {name!r} means something else already", hint="choose another")
        unfold(name, aliases)
