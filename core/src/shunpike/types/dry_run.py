"""What would become of a request if it were made now: who would be asked, in which order, what stands in the way."""

from __future__ import annotations

from shunpike.types.affinity import SessionAffinity
from shunpike.types.base import Record
from shunpike.types.decision import Candidate
from shunpike.types.limits import Remaining
from shunpike.types.money import Money


class PlannedTarget(Record):
    """A target in its place, with what blocks it now and what an answer of it is likely to cost."""

    candidate: Candidate
    """Its place, what the strategy says of it, and what would keep it from being asked now."""
    paid: bool = False
    """Whether it costs money."""
    expected_cost: Money | None = None
    """What the caller would pay for an answer of the usual length; None = unknown."""
    list_price: Money | None = None
    """What that answer is worth at list price, whoever pays; None = unknown."""
    remaining: tuple[Remaining, ...] = ()
    """What is left of every limit and budget that an attempt draws on."""


class DryRun(Record):
    """The plan of a request that was not made: nobody was asked, nothing was reserved."""

    requested_model: str
    strategy: str
    alias: str | None = None
    """The alias of the settings that it means."""
    rule: str | None = None
    """The rule of the settings that is for it."""
    affinity: SessionAffinity | None = None
    """Whether it would stay where its conversation is, and why."""
    prompt_tokens: int = 0
    expected_output: int = 0
    """The output tokens that the costs are reckoned with."""
    planned: tuple[PlannedTarget, ...] = ()
    """Who would be asked, the first one first."""
    dropped: tuple[Candidate, ...] = ()
    """Who was left out, each with its reason."""

    @property
    def first(self) -> PlannedTarget | None:
        """The first that nothing blocks now: who would answer. None = nobody, at this moment."""
        return next((one for one in self.planned if one.candidate.cause is None), None)
