"""Records that a caller writes: a field that can't be is one error of ours, which never repeats what may be a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from shunpike.errors import WrongField
from shunpike.validation import about, near, shown

UNSAID = frozenset({"key", "key_env", "base_url", "proxy", "headers", "options"})
"""Fields whose value is never repeated in an error: a key may have got there by mistake."""
_SILENT = UNSAID | {"providers", "store"}


class Written(BaseModel):
    """A record whose making raises `WrongField`, a `UsageError`; ``model_validate`` raises as pydantic does."""

    if not TYPE_CHECKING:  # the arguments that type checkers see are the fields

        def __init__(self, /, *values: object, **fields: Any) -> None:
            kind = type(self)
            if values:
                names = ", ".join(f"{name}=…" for name in list(kind.model_fields)[:2])
                raise WrongField(
                    f"{kind.__name__} takes names with its values, got {len(values)} without",
                    hint=f"such as {kind.__name__}({names})",
                )
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise _wrong_field(kind, error) from None

        __init__.__pydantic_base_init__ = True  # a record inside of another is read, not made


def _wrong_field(kind: type[BaseModel], error: ValidationError) -> WrongField:
    first = error.errors(include_url=False)[0]
    place, fields = first["loc"], ", ".join(kind.model_fields)
    if first["type"] == "extra_forbidden":
        where, name = ".".join(map(str, (kind.__name__, *place[:-1]))), str(place[-1])
        guess = near(name, kind.model_fields) if len(place) == 1 else ""
        return WrongField(f"{where} has no field {name!r}{guess}", hint=f"the fields of {kind.__name__}: {fields}")
    silent = not place or first["type"] == "missing" or _SILENT.intersection(map(str, place))
    got = "" if silent else f", got {shown(first['input'])}"
    return WrongField(f"{kind.__name__}: {about(first)}{got}", hint=f"the fields of {kind.__name__}: {fields}")
