"""Names that clients ask for and nobody here has, such as another provider's models: each stands for one of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from typing import NamedTuple


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
        self._patterns = [
            (re.compile(translate(pattern.casefold())), StandIn(model, pattern)) for pattern, model in patterns.items()
        ]

    def stand_in(self, name: str) -> StandIn | None:
        """Return what is asked instead of ``name``; None where no pattern fits it."""
        if not self._patterns:
            return None
        folded = name.casefold()
        return next((found for fits, found in self._patterns if fits.match(folded)), None)
