"""What routing asks a strategy: to rank candidates, from facts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from shunpike.protocols.target import Target
from shunpike.types import ChatRequest
from shunpike.types.base import Record


class View(Record):
    """What a strategy may look at beside the candidates: facts only, no I/O. ``now`` is epoch seconds."""

    now: float
    prompt_tokens: int
    max_output: int
    options: dict[str, Any]
    closed_until: dict[str, float]
    """Target label → when its closed limit opens, where one is closed."""


@runtime_checkable
class Strategy(Protocol):
    """A pure ranker: the same arguments always give the same order."""

    @property
    def name(self) -> str:
        """The name it is configured by."""
        ...

    def rank(self, candidates: Sequence[Target], request: ChatRequest, view: View) -> Sequence[Target]:
        """Return a permutation of ``candidates``, best first."""
        ...
