"""Bodies that change something: each field named here, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from shunpike.config.shapes import budgets as read_budgets
from shunpike.config.shapes import limits as read_limits
from shunpike.errors import ConfigError
from shunpike.types import Budget, Limit
from shunpike.types.base import epoch
from shunpike.types.client_key import MOST_OF_EACH
from shunpike.types.control import NAME_LENGTH, REASON_LENGTH
from shunpike.validation import about
from shunpike_gateway.exchange import RejectedBody

B = TypeVar("B", bound="ChangeBody")


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("should be one line of what can be printed")
    return text


def _trimmed(text: str) -> str:
    if text != text.strip():
        raise ValueError("should begin and end with no blank")
    return _line(text)


Word = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH), AfterValidator(_line)]
KeyName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_trimmed)]
Rows = Annotated[list[dict[str, Any]], Field(max_length=MOST_OF_EACH)]


class ChangeBody(BaseModel):
    """What all of them have."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    reason: Annotated[str, Field(max_length=REASON_LENGTH), AfterValidator(_line)] = ""
    """Why; it is kept in the audit."""


class SwitchBody(ChangeBody):
    """Switches a provider, an account or a model on or off."""

    name: Word
    enabled: bool


class OrderBody(ChangeBody):
    """Says which providers are preferred; None takes it back."""

    order: Annotated[list[Word], Field(min_length=1, max_length=100)] | None


class AttemptsBody(ChangeBody):
    """Says how many attempts a request may take; None takes it back."""

    max_attempts: int | None = Field(ge=1, le=1_000)


class LimitsBody(ChangeBody):
    """Holds a provider to limits of the operator's own, in the words of files; None takes them back."""

    name: Word
    limits: Rows | None


class BoundsBody(ChangeBody):
    """What bounds a client key; what is left out stays as it is."""

    budgets: Rows = []
    limits: Rows = []
    models: Annotated[list[str], Field(max_length=MOST_OF_EACH)] = []
    no_paid: bool = False
    expires_at: str | None = None

    @field_validator("expires_at")
    @classmethod
    def _moment(cls, value: str | None) -> str | None:
        if value is not None and epoch(value) is None:
            raise ValueError("should be a moment such as 2026-12-31T00:00:00Z")
        return value

    @property
    def bounds(self) -> dict[str, Any]:
        """The bounds that were named. Raises `RejectedBody` for what is none."""
        found: dict[str, Any] = {
            "budgets": budgets_of(self.budgets),
            "limits": limits_of(self.limits),
            "models": tuple(self.models),
            "no_paid": self.no_paid,
            "expires_at": None if self.expires_at is None else epoch(self.expires_at),
        }
        return {name: value for name, value in found.items() if name in self.model_fields_set}


class ClientBody(BoundsBody):
    """Makes a client key."""

    name: KeyName


class ClientPatch(BoundsBody):
    """Changes what bounds a client key, or revokes it for good."""

    revoked: bool = False


def body_of(kind: type[B], given: Mapping[str, Any]) -> B:
    """Return a body as ``kind``. Raises `RejectedBody` naming the field."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RejectedBody(about(first), param=place or None) from None


def budgets_of(rows: list[dict[str, Any]]) -> tuple[Budget, ...]:
    """Return budgets of rows such as ``{"amount": "5", "period": "month"}``. Raises `RejectedBody`."""
    try:
        return read_budgets(rows, "budgets", "the admin API")
    except (ValueError, ConfigError) as error:
        raise RejectedBody(f"budgets: {error}", param="budgets") from None


def limits_of(rows: list[dict[str, Any]]) -> tuple[Limit, ...]:
    """Return limits of rows such as ``{"amount": 30, "unit": "request", "per": "60s"}``. Raises `RejectedBody`."""
    found = operator_limits(rows)
    shares = [one for one in found if not isinstance(one, Limit)]
    if shares:
        raise RejectedBody("limits: a key's limit is an amount, no share", param="limits")
    return tuple(one for one in found if isinstance(one, Limit))


def operator_limits(rows: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Return limits of rows, shares of what a provider grants among them. Raises `RejectedBody`."""
    try:
        return read_limits(rows, "limits", "the admin API")
    except (ValueError, TypeError, ConfigError) as error:
        raise RejectedBody(f"limits: {error}", param="limits") from None
