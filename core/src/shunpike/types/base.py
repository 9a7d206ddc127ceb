"""The base classes of all records: `Record` for our own, `Open` for what callers and providers send."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Self, TypeVar, cast, get_args

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

EPOCH = "seconds since the epoch (UTC)"
Moment = Annotated[float, EPOCH]
"""A point in time: a float in Python, so that it can be reckoned with, and ISO 8601 with its zone in JSON.

A day is a `date`, or an ISO date where it is only shown.
"""


def is_moment(annotation: Any) -> bool:
    """Whether ``annotation`` is a `Moment`, or one that may be missing."""
    return annotation == Moment or any(map(is_moment, get_args(annotation)))


def moments_of(record: type[BaseModel]) -> frozenset[str]:
    """Return the fields of ``record`` that are points in time."""
    fields = record.model_fields.items()
    return frozenset(name for name, field in fields if EPOCH in field.metadata or is_moment(field.annotation))


def epoch(text: str) -> float | None:
    """Return the moment of ISO 8601 text, in UTC where it names no zone; None of nothing. Raises `ValueError`."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def iso(at: float) -> str | None:
    """Return the moment ``at`` (epoch seconds) as ISO 8601 in UTC, None where no calendar has it."""
    try:
        return datetime.fromtimestamp(at, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None


class Record(BaseModel):
    """A frozen record of ours: an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @override
    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:  # type: ignore[override]
        """Return a record of ``values`` that are right already, unchecked: in a quarter of the time, for each chunk.

        The types are checked where they are written: mypy's plugin knows the fields of each kind.
        """
        if (defaults := _defaults(cls)) is None:
            return super().model_construct(_fields_set, **values)
        made = cls.__new__(cls)
        _put(made, "__dict__", {**defaults, **values})
        _put(made, "__pydantic_fields_set__", set(values) if _fields_set is None else _fields_set)
        _put(made, "__pydantic_extra__", None)
        _put(made, "__pydantic_private__", None)
        return made


class Open(BaseModel):
    """A frozen part of the chat-completions vocabulary: unknown fields are kept and passed on."""

    model_config = ConfigDict(frozen=True, extra="allow")


def told(record: Open) -> dict[str, Any]:
    """Return all fields of ``record``, those included that are not known here."""
    return {**record.__dict__, **(record.__pydantic_extra__ or {})}


R = TypeVar("R", bound=Record)
_put = object.__setattr__


def changed(record: R, /, **values: Any) -> R:
    """Return ``record`` with other ``values``, unchecked: as its ``model_copy``, in a third of the time."""
    told = record.__pydantic_fields_set__ | values.keys()
    return cast("R", type(record).model_construct(told, **{**record.__dict__, **values}))


@cache
def _defaults(kind: type[BaseModel]) -> dict[str, Any] | None:
    """Return what fields have that are not named, None where some are made anew for each record."""
    fields = {name: field for name, field in kind.model_fields.items() if not field.is_required()}
    made = any(field.default_factory for field in fields.values())
    return None if made else {name: field.default for name, field in fields.items()}


SHOWN = 40
"""Characters of a text that a ``repr`` shows."""


ANY = "auto"
"""The model that means any."""


def label(provider: str, model: str) -> str:
    """Return ``provider/model``, which a call takes back; a model that bears its provider's name has it once.

    Unless that would mean any model of the provider.
    """
    return model if model.startswith(f"{provider}/") and model != f"{provider}/{ANY}" else f"{provider}/{model}"


def one_line(text: str) -> str:
    """Return the beginning of ``text`` with a blank for each run of them."""
    return " ".join(text[: 2 * SHOWN].split())


def shortened(text: str) -> str:
    """Return ``text`` as far as a line that shows it has room."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
