"""What answers teach, and what is kept of it: proofs about limits, and factors of token counts."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from shunpike.types.base import Record
from shunpike.types.limits import Confidence, Figure, Limit


def _kept(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


Text = Annotated[str, AfterValidator(_kept)]
"""What comes from outside, and any database can keep: no NUL, no half of a surrogate pair."""


class Bound(Record):
    """What a limit is at most, as refusals showed that named it and no amount: ``ledger/refusals.py``."""

    amount: Figure | None = None
    """None = nothing is believed yet."""
    suspected: Figure | None = None
    """What it is if such a refusal comes again."""
    figure: Figure
    """The amount that held until then."""
    at: float
    """When the first of these refusals came, epoch seconds."""
    origin: Text


class Proof(Record):
    """What a provider was seen to say of one bucket: the figures, when (epoch seconds), and where it stood."""

    bucket: str
    amount: Figure | None = None
    remaining: Figure | None = None
    resets_at: float | None = None
    at: float
    confidence: Confidence = Confidence.OBSERVED
    origin: str
    overages: Figure = 0
    """How often it refused while our own books said that there was room."""
    unlisted: Limit | None = None
    """The limit itself, where no catalog lists it: ``ledger/unlisted.py``."""
    bound: Bound | None = None
    """What refusals without an amount showed."""

    def moved(self, seconds: float) -> Proof:
        """Return it by a clock that is ahead by so much."""
        resets = None if self.resets_at is None else self.resets_at + seconds
        bound = None if self.bound is None else self.bound.model_copy(update={"at": self.bound.at + seconds})
        return self.model_copy(update={"at": self.at + seconds, "resets_at": resets, "bound": bound})


class Lesson(Record):
    """What one answer taught of ``limit`` as it is in force; by which rule: ``ledger/learning.py``."""

    limit: Limit
    proof: Proof


class Sample(Record):
    """One number to learn from, at a moment in epoch seconds: see ``ledger/counting.py`` for what is named how."""

    name: Text
    value: float = Field(gt=0)
    at: float = 0.0


class Factor(Record):
    """What was learned of a name: the moving mean of its samples, and of their distance to it."""

    mean: float
    deviation: float = 0.0
    samples: int = 1
    at: float = 0.0
    """When the last one was seen."""
