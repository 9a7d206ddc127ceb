"""What routing asks a strategy: to rank candidates, from facts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from shunpike.protocols.target import Target
from shunpike.types.base import Record


class RoutableRequest(Protocol):
    """A request as far as routing looks at it, whatever it asks for. What else it has depends on its ``kind``."""

    @property
    def kind(self) -> Literal["chat", "embedding"]:
        """What a model must be for."""
        ...

    @property
    def model(self) -> str:
        """Which model is asked for: ``auto``, or a name."""
        ...

    @property
    def needs(self) -> frozenset[str]:
        """What a model must be able to do, such as ``tools``."""
        ...

    @property
    def output_cap(self) -> int | None:
        """The caller's bound on output tokens, None where there is none."""
        ...

    @property
    def choices(self) -> int:
        """How many answers are asked for."""
        ...

    @property
    def service_tier(self) -> str | None:
        """The provider's tier of service that is asked for, if any."""
        ...


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

    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Target]:
        """Return a permutation of ``candidates``, best first."""
        ...
