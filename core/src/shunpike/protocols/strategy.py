"""What routing asks a strategy: to rank candidates, from facts alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from typing_extensions import override

from shunpike.protocols.target import Target
from shunpike.types import Price, Remaining, Speed
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


class TargetHealth(Record):
    """What is known of failures in a row at a target, its account, its address or its key."""

    failures: int = 0
    """Failures in a row that closed it; 0 = it is well, as far as is known."""
    error: str | None = None
    """The kind of the last of them."""


class TargetState(Record):
    """What a strategy may know of one target at this moment."""

    price: Price | None = None
    """The most that a call of this request can cost now; None = unknown."""
    remaining: tuple[Remaining, ...] = ()
    """What is left of every limit and budget that a call draws on."""
    blocked_until: float | None = None
    """Epoch seconds before which nothing is sent there, be it in trouble or at a limit that this request does not fit;
    infinite where no moment is known, None = it is open."""
    health: TargetHealth = TargetHealth()
    quality: float | None = None
    """From 0 to 1, None = unknown."""
    usable: float | None = None
    """The share of its answers to such tasks that were any, from 0 to 1, drawn to what is usual as long as few were
    seen; None = none was."""
    speed: Speed | None = None
    """How fast it was seen to answer prompts of this size, streamed or whole as this one; None = never."""
    expected_output: int = 0
    """Output tokens that one answer of its model to such a request is likely to take, 0 = unknown."""
    cached_share: float | None = None
    """Which share of a prompt, from 0 to 1, it is likely to find in its cache; None = unknown."""
    in_flight: int = 0
    """Attempts of this process that run there now."""


class _NotAsked(Mapping[str, TargetState]):
    """In place of the states where a strategy did not say that it looks at them."""

    @override
    def __getitem__(self, label: str) -> TargetState:
        raise LookupError(_UNASKED)

    @override
    def __iter__(self) -> Iterator[str]:
        raise LookupError(_UNASKED)

    @override
    def __len__(self) -> int:
        raise LookupError(_UNASKED)


_UNASKED = "View.states is filled only for a strategy that says `needs_states = True`"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a strategy may look at beside the candidates: facts only, no I/O. ``now`` is epoch seconds."""

    now: float
    prompt_tokens: int
    max_output: int
    """Output tokens that are asked for; 0 where vectors are."""
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    """Another one for each request: a strategy that shares out by chance draws from ``random.Random(view.seed)``."""
    blocked_until: Mapping[str, float] = field(default_factory=dict)
    """Target label → when it opens, epoch seconds, for those that are known to be in trouble or at a limit."""
    stream: bool = False
    """Whether the answer is read as it is made."""
    task: str | None = None
    """What it is about, as the caller says: his tag for such requests."""
    min_quality: float | None = None
    """The quality, from 0 to 1, that the caller wants at least; None = any."""
    expected_output: int = 0
    """Output tokens that one such answer is likely to take, whoever gives it; 0 = unknown."""
    difficulty: float | None = None
    """The share of this user's own recent requests that look easier, from 0 to 1; None = not assessed."""
    states: Mapping[str, TargetState] = field(default_factory=_NotAsked)
    """Target label → its state, of every candidate. Only for a `NeedsStates`; others get a `LookupError`."""


class Ranked(NamedTuple):
    """A candidate in its place. ``score`` and ``why`` are for persons: they stand in the record of the decision."""

    target: Target
    score: float | None = None
    why: str = ""
    group: int | None = None
    """Neighbours of one group are equals, over which new conversations may be spread; None = it has no equal."""


@runtime_checkable
class Strategy(Protocol):
    """A pure ranker: the same arguments always give the same order."""

    @property
    def name(self) -> str:
        """The name it is configured by."""
        ...

    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        """Return each of ``candidates`` once, best first; what costs money is asked after all that is free anyway."""
        ...


@runtime_checkable
class NeedsStates(Protocol):
    """A strategy that looks at `View.states`, which costs a look at the ledger for each request."""

    @property
    def needs_states(self) -> bool:
        """True where it does."""
        ...


@runtime_checkable
class NeedsDifficulty(Protocol):
    """A strategy that looks at `View.difficulty`, which costs a tenth of a millisecond for each request."""

    @property
    def needs_difficulty(self) -> bool:
        """True where it does."""
        ...
