"""What an alias stands for: rungs of model references, asked one after the other.

Pure. An entry of an alias is one rung, or the rungs of the alias that it names; neighbours with weights change places
from one request to the next. An alias with a strategy is one rung, whatever it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from shunpike.types import AliasTarget, ModelAlias

Arrange = Callable[[Sequence[tuple[str, float]]], Sequence[str]]
"""(name, weight) of neighbours → their names in the order of one request."""


class Rung(NamedTuple):
    """References whose targets are ranked together, and asked before those of the next rung."""

    names: tuple[str, ...]
    strategy: str | None = None
    """Its own; None = the one in force."""
    options: Mapping[str, Any] | None = None
    """What its own strategy, or the one of the settings, is told; None = what all are told."""
    place: tuple[int, ...] = ()
    """Where it stands in its chain: neighbours that share by weight have the same place."""


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

    def rungs(self, arrange: Arrange, above: tuple[int, ...] = ()) -> Iterator[Rung]:
        """Yield its rungs in their order for one request, each with its place behind that of the chain ``above``."""
        if self.rung is not None:
            yield self.rung._replace(place=above) if above else self.rung
        for number, (weighted, group) in enumerate(groupby(self.parts, lambda one: one.weight is not None)):
            parts = list(group)
            if weighted and len(parts) > 1:
                by_name = {one.name: one for one in parts}
                names = arrange([(one.name, one.weight or 0.0) for one in parts])
                shared = (rung for name in names for rung in by_name[name].rungs(arrange))
                yield from (rung._replace(place=(*above, number)) for rung in shared)
            else:
                for place, one in enumerate(parts):
                    yield from one.rungs(arrange, (*above, number, place))

    @property
    def names(self) -> tuple[str, ...]:
        """Every reference of it once, in the order in which they are written."""
        if self.rung is not None:
            return self.rung.names
        return tuple(dict.fromkeys(name for one in self.parts for name in one.names))


def unfold(name: str, aliases: Mapping[str, ModelAlias]) -> Chain:
    """Return what ``name`` stands for: itself, where it is no alias. None of ``aliases`` may stand for itself."""
    return _unfolded(AliasTarget(model=name), aliases, None)


def _unfolded(entry: AliasTarget, aliases: Mapping[str, ModelAlias], told: Mapping[str, Any] | None) -> Chain:
    name, weight = entry.model, entry.weight
    if name not in aliases:
        return Chain(name, Rung((name,), None, told), weight=weight)
    alias = aliases[name]
    told = alias.strategy_options or told
    parts = tuple(_unfolded(one, aliases, told) for one in alias.targets)
    if alias.strategy is None:
        return Chain(name, None, parts, weight)
    names = tuple(dict.fromkeys(one for part in parts for one in part.names))
    return Chain(name, Rung(names, alias.strategy, told), weight=weight)
