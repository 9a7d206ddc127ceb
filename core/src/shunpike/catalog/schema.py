"""What may stand in a ``provider.toml``, table by table, and the sentence for what may not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError, field_validator
from pydantic_core import ErrorDetails

from shunpike.errors import ConfigError
from shunpike.types import Billing, Confidence, Scope, Unit
from shunpike.types.base import Record
from shunpike.validation import complaint

Feature = Literal["tools", "json", "json_schema", "vision", "reasoning"]
T = TypeVar("T", bound=BaseModel)


class ProviderTable(Record):
    """The table ``[provider]``; fields as in `ProviderInfo`."""

    id: StrictStr
    title: StrictStr
    base_url: StrictStr
    default_tier: StrictStr
    env_key: StrictStr | None = None
    key_url: StrictStr | None = None
    order: StrictInt = 100
    status: Literal["active", "unverified"] = "active"


class TierTable(Record):
    """One of ``[tiers]``; fields as in `Tier`, its limits a set's name or a list."""

    billing: Billing
    credit_usd: StrictStr | None = None
    limits: Any = ()
    trains_on_prompts: StrictBool | None = None


class ModelTable(Record):
    """One of ``[[models]]``; fields as in `ModelInfo`, its parts still raw."""

    id: StrictStr = Field(min_length=1)
    kind: Literal["chat", "embedding"] = "chat"
    context: StrictInt | None = Field(default=None, ge=1)
    max_output: StrictInt | None = Field(default=None, ge=1)
    features: frozenset[Feature] = frozenset()
    status: Literal["active", "deprecated", "retired", "unverified"] = "active"
    retired_on: date | None = None
    successor: StrictStr | None = None
    aliases: tuple[StrictStr, ...] = ()
    family: StrictStr | None = Field(default=None, min_length=1)
    quality: StrictFloat | None = Field(default=None, ge=0, le=1)
    prices: tuple[dict[str, Any], ...] = ()
    limits: dict[str, Any] = Field(default_factory=dict)
    source: StrictStr | None = None
    as_of: date | None = None


class LimitTable(Record):
    """One limit. ``per`` is the window as text; a USD amount is a string of dollars."""

    unit: Unit
    """What is counted."""
    amount: StrictInt | StrictStr
    """How much of it: a whole number; dollars as a text such as ``"0.50"``; a share such as ``"80%"`` of what is
    granted."""
    per: StrictStr | None = None
    """In which window: seconds such as ``60s``, ``day ZONE``, ``month ZONE`` or ``lifetime``; none for ``concurrent``.
    A zone is an IANA name such as ``UTC``."""
    scope: Scope = Scope.MODEL
    """For whom: each model, or all that share the account, key, project, address or pool."""
    pool: StrictStr | None = None
    """The name of the pool, with ``scope = "pool"``."""
    counts: Literal["used", "asked", "reserved"] = "used"
    """How tokens of answers are counted: those used; by the cap when it is asked; or the cap, whatever is used."""
    cached: Literal["counted", "free"] = "counted"
    """Whether tokens of a prompt that the provider had in its cache are counted; ``free`` = they are not."""
    shape: Literal["stated", "unknown"] = "stated"
    """``unknown``: nobody says whether a day is the calendar's or the last 24 hours, so that both are kept."""
    overrides: StrictBool = False
    """Whether it takes the place of what the provider grants of this unit and window, even where it is more."""
    confidence: Confidence | None = None
    """How much the figure is worth; what you say counts as ``operator``."""
    source: StrictStr | None = None
    """Where the figure is from."""
    as_of: date | None = None
    """The day on which it was seen."""

    @field_validator("amount", mode="before")
    @classmethod
    def _counted(cls, value: object) -> object:
        """A union would blame each of its members by a name that nobody wrote."""
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError("expected a whole number, or dollars as a string")  # noqa: TRY004 - pydantic wants this
        return value


class LimitSet(Record):
    """Limits that models share by name, with a provenance of their own where it differs from the model's."""

    limits: tuple[dict[str, Any], ...]
    confidence: Confidence | None = None
    source: StrictStr | None = None
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class CatalogPlace:
    """A place in a catalog, for messages: the file and the table."""

    origin: str
    table: str

    def at(self, table: str) -> CatalogPlace:
        """Return a place inside this one."""
        return CatalogPlace(self.origin, f"{self.table}.{table}" if self.table else table)

    def fail(self, problem: str) -> NoReturn:
        """Raise `ConfigError` for this place."""
        table = f"[{self.table}] " if self.table else ""
        raise ConfigError(f"{self.origin}: {table}{problem}")

    def read(self, kind: type[T], raw: object) -> T:
        """Return ``raw`` as ``kind``. Raises `ConfigError` naming file, table, key and what was expected."""
        if not isinstance(raw, Mapping):
            self.fail(f"expected a table, got {raw!r}")
        try:
            return kind.model_validate(dict(raw))
        except ValidationError as error:
            self.fail("; ".join(_sentence(detail, kind) for detail in error.errors()))


def _sentence(detail: ErrorDetails, kind: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "value"
    match detail["type"]:
        case "extra_forbidden":
            return unknown_key(key, sorted(kind.model_fields))
        case "missing":
            return f"key {key!r} is missing"
        case _:
            return f"key {key!r}: {complaint(detail, 'should be')}, got {detail['input']!r}"


def unknown_key(key: str, known: Collection[str]) -> str:
    """Return the sentence for a key that nothing reads, with the nearest one that exists."""
    near = get_close_matches(key, known, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"key {key!r} is not known; {guess}expected one of {', '.join(known)}"
