"""Names that clients ask for and nobody here has, such as another provider's models: each stands for one of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from shunpike.patterns import matches


class StandIn(NamedTuple):
    """What is asked instead of a name that nobody has."""

    model: str
    pattern: str
    """The first that fits the name."""

    @property
    def text(self) -> str:
        """Where it stands in the settings."""
        return f'models.map["{self.pattern}"]'


class ForeignNames:
    """The operator's patterns, in their order; ``*`` and ``?`` stand for any characters, and no case matters."""

    def __init__(self, patterns: Mapping[str, str]) -> None:
        self._stand_ins = [(pattern.casefold(), StandIn(model, pattern)) for pattern, model in patterns.items()]

    def stand_in(self, name: str) -> StandIn | None:
        """Return what is asked instead of ``name``; None where no pattern fits it."""
        folded = name.casefold()
        return next((found for pattern, found in self._stand_ins if matches(pattern, folded)), None)
