"""What answers teach, and what is kept of it: observations about limits, and factors of token counts."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from shunpike.types.base import Moment, Record
from shunpike.types.limits import Confidence, Figure, Limit


def kept(text: str) -> str:
    """Return ``text`` as any database can keep it."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


Text = Annotated[str, AfterValidator(kept)]
"""What comes from outside, and any database can keep: no NUL, no half of a surrogate pair."""


class Bound(Record):
    """What a limit is at most, as refusals showed that named it and no amount: ``ledger/refusals.py``."""

    amount: Figure | None = None
    """None = nothing is believed yet."""
    suspected: Figure | None = None
    """What it is if such a refusal comes again."""
    figure: Figure
    """The amount that held until then."""
    at: Moment
    """When the first of these refusals came, epoch seconds."""
    origin: Text


class Sighting(Record):
    """What one answer, or several taken together, showed of a limit's window. Times are epoch seconds."""

    started: Moment
    """When the first of them was sent at the earliest."""
    seen: Moment
    """When the headers of the last had come."""
    served: Figure = 1
    """How many of them the provider counts."""
    left: Figure | None = None
    """The least that they said was left."""
    since: Moment | None = None
    """Where something had come back between ``since`` and ``seen``: the latest such moment that is known."""
    wait: float | None = None
    """The furthest reset that they stated, in seconds from when it was."""
    several: bool = False

    def moved(self, seconds: float) -> Sighting:
        """Return it by a clock that is ahead by so much."""
        since = None if self.since is None else self.since + seconds
        shifted = {"started": self.started + seconds, "seen": self.seen + seconds, "since": since}
        return self.model_copy(update=shifted)


class WindowObservation(Record):
    """How long a limit's window is at most, as answers showed: ``ledger/shortening.py``. Times are epoch seconds."""

    seconds: float | None = Field(default=None, gt=0)
    """The window that takes the place of the listed one; None = none is shorter."""
    at: Moment = 0.0
    """When that was last shown."""
    changed_at: Moment = 0.0
    """When ``seconds``, or the belief in tests, last changed."""
    origin: Text = ""
    rolling: float | None = None
    """How long it is at most if it is rolling; None = nothing is shown. The next two are the same of other shapes."""
    refilled: float | None = None
    fixed: float | None = None
    log: tuple[Sighting, ...] = ()
    told_at: Moment = 0.0
    """When a reset was last stated that is nearer than the window."""
    wait: float = 0.0
    """How far away it was then, in seconds."""
    amount: Figure | None = None
    """The limit's amount that the log is of."""
    tests: int = 0
    """How many requests were let through to test it, in a row."""
    test_at: Moment = 0.0
    """From when on the last of them may be sent."""
    tester: str = ""
    """The attempt that is counted until then only, to make room for it."""
    failures: int = 0
    """How many such rows ended without a observation."""
    no_test_before: float = 0.0

    def joined(self, new: WindowObservation | None) -> WindowObservation:
        """Return what is kept of it and of what may have been concluded elsewhere: the last change, newer sightings."""
        if new is None or new.changed_at >= self.changed_at:
            return new or self
        seen = {"log": new.log, "amount": new.amount, "told_at": new.told_at, "wait": new.wait}
        return self.model_copy(update=seen)

    def moved(self, seconds: float) -> WindowObservation:
        """Return it by a clock that is ahead by so much."""
        names = ("at", "changed_at", "told_at", "test_at", "no_test_before")
        shifted = {name: getattr(self, name) + seconds for name in names if getattr(self, name)}
        return self.model_copy(update={**shifted, "log": tuple(one.moved(seconds) for one in self.log)})


class Observation(Record):
    """What a provider was seen to say of one bucket: the figures, when (epoch seconds), and where it stood."""

    bucket: str
    amount: Figure | None = None
    remaining: Figure | None = None
    resets_at: Moment | None = None
    at: Moment
    confidence: Confidence = Confidence.OBSERVED
    origin: str
    overages: Figure = 0
    """How often it refused while our own books said that there was room."""
    unlisted: Limit | None = None
    """The limit itself, where no catalog lists it: ``ledger/unlisted.py``."""
    bound: Bound | None = None
    """What refusals without an amount showed."""
    span: WindowObservation | None = None
    """What was seen of how long its window is at most."""

    def moved(self, seconds: float) -> Observation:
        """Return it by a clock that is ahead by so much."""
        resets = None if self.resets_at is None else self.resets_at + seconds
        bound = None if self.bound is None else self.bound.model_copy(update={"at": self.bound.at + seconds})
        span = None if self.span is None else self.span.moved(seconds)
        shifted = {"at": self.at + seconds, "resets_at": resets, "bound": bound, "span": span}
        return self.model_copy(update=shifted)


class LimitUpdate(Record):
    """What one answer taught of ``limit`` as it is in force; by which rule: ``ledger/learning.py``."""

    limit: Limit
    observation: Observation
    begins: bool = False
    """Whether the limit counts from now on: what it says is used, is taken, though nothing has counted in it yet."""


class Sample(Record):
    """One number to learn from, at a moment in epoch seconds: see ``ledger/counting.py`` for what is named how."""

    name: Text
    value: float = Field(gt=0)
    at: Moment = 0.0


class Factor(Record):
    """What was learned of a name: the moving mean of its samples, and of their distance to it."""

    mean: float
    deviation: float = 0.0
    samples: int = 1
    at: Moment = 0.0
    """When the last one was seen."""
