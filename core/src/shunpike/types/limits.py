"""A limit is typed data with provenance: what is counted, over which window, for whom, and who says so."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator

from shunpike.types.base import Moment, Record, epoch, iso
from shunpike.types.money import Money
from shunpike.types.written import Written


class Unit(StrEnum):
    """What a limit counts. The unit is part of the type: 200 requests are never 200 tokens."""

    REQUEST = "request"
    INPUT_TOKEN = "input_token"
    OUTPUT_TOKEN = "output_token"
    TOTAL_TOKEN = "total_token"
    USD = "usd"
    LIST_USD = "list_usd"
    """What an answer costs at list price, whoever pays."""
    CONCURRENT = "concurrent"


class Owner(StrEnum):
    """Whose bound a limit is."""

    PROVIDER = "provider"
    """Counted at one provider: what it grants, and what the operator keeps beside that."""
    OPERATOR = "operator"
    """A budget."""
    PRINCIPAL = "principal"
    """A bound of whoever asks, such as a client key."""


MONEY = frozenset({Unit.USD, Unit.LIST_USD})
"""Units that are counted in pico-dollars."""
LARGEST = 2**63 - 1
"""What a database's integers hold; in pico-dollars, nine million dollars."""

Figure = Annotated[int, Field(ge=0, le=LARGEST)]
"""An amount that was read somewhere: what a provider says beyond these bounds, its plugin takes as not said."""


class Scope(StrEnum):
    """Who shares a limit. ``POOL`` is a named set of models that draw on one quota."""

    KEY = "key"
    ACCOUNT = "account"
    PROJECT = "project"
    MODEL = "model"
    POOL = "pool"
    IP = "ip"


class Rolling(Record):
    """The last ``seconds`` seconds, wherever they start."""

    kind: Literal["rolling"] = "rolling"
    seconds: float = Field(gt=0)


class Calendar(Record):
    """A day or month on the provider's own calendar: ``zone`` is an IANA name, days may have 23 or 25 hours."""

    kind: Literal["calendar"] = "calendar"
    period: Literal["day", "month"]
    zone: str = "UTC"


class Lifetime(Record):
    """Once and for all, such as a granted credit."""

    kind: Literal["lifetime"] = "lifetime"


class Held(Record):
    """As long as the call lasts: the window of concurrency."""

    kind: Literal["held"] = "held"


Window = Annotated[Rolling | Calendar | Lifetime | Held, Field(discriminator="kind")]


class Confidence(StrEnum):
    """How much a limit's figure is worth; only equal or better evidence replaces it."""

    ASSUMED = "assumed"
    REPORTED = "reported"
    PUBLISHED = "published"
    OBSERVED = "observed"
    OPERATOR = "operator"


class Limit(Written, Record):
    """No more than ``amount`` of ``unit`` per ``window`` within ``scope``. USD amounts are pico-dollars."""

    unit: Unit
    amount: int = Field(ge=0)
    window: Window
    scope: Scope = Scope.MODEL
    pool: str | None = None
    source: str = ""
    observed_at: Moment | None = None
    """When the figure was seen: of a day, its beginning in UTC. ISO text is taken too."""
    confidence: Confidence = Confidence.PUBLISHED
    counts: Literal["used", "asked", "reserved"] = "used"
    """How the provider counts tokens of answers: ``asked`` = it admits a request by its cap, and counts what was used;
    ``reserved`` = the cap stays counted. ``used`` = its cap does not matter to it."""
    cached: Literal["counted", "free"] = "counted"
    """Whether the provider counts the tokens of a prompt that it had in its cache; ``free`` = it does not."""
    shape: Literal["stated", "unknown"] = "stated"
    """``unknown``: nobody says whether a day is the calendar's or the last 24 hours, so that both are kept."""
    overrides: bool = False
    """For the operator's own: it replaces what the provider grants of this unit and window, even where it is more."""

    @field_validator("observed_at", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return epoch(value) if isinstance(value, str) else value

    @property
    def seen_on(self) -> str:
        """The day (UTC) on which the figure was seen, as an ISO date; empty where nobody knows."""
        return "" if self.observed_at is None else (iso(self.observed_at) or "")[:10]

    @property
    def text(self) -> str:
        """The limit for a person, such as ``30 requests / 60 s``."""
        amount = self.said(self.amount)
        plural = "s" if self.amount != 1 and self.unit is not Unit.CONCURRENT else ""
        name = {Unit.USD: "", Unit.LIST_USD: " at list price"}.get(self.unit, f" {self.unit.replace('_', ' ')}{plural}")
        return f"{amount}{name}{window_text(self.window)}"

    def text_of(self, owner: Owner) -> str:
        """Return the limit with what it is: a ``limit``, or the name of somebody's budget."""
        return f"{'limit' if owner is Owner.PROVIDER else self.source} {self.text}"

    def said(self, count: int) -> str:
        """Return so much of what is counted for a person: money as money, all else with its thousands."""
        return str(Money(pico=count)) if self.unit in MONEY else f"{count:,}"

    def said_left(self, count: int) -> str:
        """Return so much of what is left for a person: as `said`, but money is rounded down."""
        return Money(pico=count).left if self.unit in MONEY else f"{count:,}"


def window_text(window: Rolling | Calendar | Lifetime | Held) -> str:
    """Return `` / 60 s``, `` / day (UTC)`` and so on."""
    match window:
        case Rolling(seconds=seconds):
            return f" / {seconds:g} s"
        case Calendar(period=period, zone=zone):
            return f" / {period} ({zone})"
        case Lifetime():
            return " in all"
        case Held():
            return " at once"


class Remaining(Record):
    """How much of one limit is left. ``resets_at`` is epoch seconds, None when nothing is used or it never resets."""

    limit: Limit
    bucket: str
    owner: Owner = Owner.PROVIDER
    used: int
    left: int
    resets_at: Moment | None = None
    admitted_at: Moment | None = None
    """When something was last admitted that counts in it, by whatever process; None = it is not known."""
    blocked_until: Moment | None = None
    """When it, or the scope that it is of, opens again, where it was seen to be closed."""
    overages: int = 0
    """How often the provider refused by it while our own books said that there was room."""


class BoundLimit(NamedTuple):
    """A limit with the bucket that it counts in, and whose bound it is."""

    bucket: str
    limit: Limit
    owner: Owner = Owner.PROVIDER


class Cap(Written, Record):
    """The operator's own bound as a share of what the provider grants; None = of every unit, of every window."""

    percent: int = Field(ge=1, le=100)
    unit: Unit | None = None
    window: Window | None = None

    @property
    def text(self) -> str:
        """The cap for a person, such as ``80% of requests / 60 s``."""
        unit = "every limit" if self.unit is None else f"{self.unit.replace('_', ' ')}s"
        return f"{self.percent}% of {unit}{'' if self.window is None else window_text(self.window)}"


class Evidence(Record):
    """What a provider's answer taught about a limit; None = it did not say.

    ``window_seconds`` is None where the answer does not tell the window.
    """

    unit: Unit
    amount: Figure | None = None
    remaining: Figure | None = None
    resets_at: Moment | None = None
    window_seconds: float | None = None
    origin: str
    """Where it stood, such as ``header x-ratelimit-remaining-requests``."""
