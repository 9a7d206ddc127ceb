"""The flat list of targets of a request: each visited at most once, each left out with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from shunpike.protocols import Ranked, Target
from shunpike.routing.affinity import OFF, PlannedTurn
from shunpike.types import Candidate, ModelInfo
from shunpike.types.base import Record


class Targets(Record):
    """Everything that could be asked, and what could not and why."""

    targets: tuple[Target, ...]
    unavailable: tuple[Candidate, ...] = ()
    """Providers that are switched off or have no key, with the reason."""
    names: tuple[str, ...] = ()
    """Every configured or installed provider, usable or not."""
    catalog: tuple[ModelInfo, ...] = ()
    """Every known model, the retired ones included."""
    real: bool = False
    """Whether a key of a real provider exists: then a sandbox answers only where it is named."""


@dataclass(frozen=True)
class Plan:
    """The candidates in the order in which they are tried, and those that were left out."""

    ranked: tuple[Ranked, ...]
    dropped: tuple[Candidate, ...]
    strategy: str
    rule: str | None = None
    """The operator's rule that was for the request, as ``routing.rule[1]``, or his pattern for its name, if one was."""
    alias: str | None = None
    """The operator's alias that the request, or the rule, named, if one was."""
    conversation: PlannedTurn = OFF
    """What is known of the conversation that the request is a turn of."""
    places: Mapping[str, int] = field(default_factory=dict)
    """Label → place in the alias, from 0 on, where it has several: neighbours that share by weight have the same."""

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """Those that are tried, in order."""
        return tuple(one.target for one in self.ranked)
