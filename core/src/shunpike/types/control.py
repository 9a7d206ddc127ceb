"""What an operator changes while processes run: switches and overrides, each with who changed it, when and why."""

from __future__ import annotations

import json
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shunpike.types.base import Moment, Record
from shunpike.types.client_key import HASH, ClientKey
from shunpike.types.limit_updates import Text, kept
from shunpike.types.limits import Cap, Limit
from shunpike.types.written import Written

NAME_LENGTH = 300
"""Characters of a name, and of who changed something, at most."""
REASON_LENGTH = 1_000
"""Characters of a reason at most."""
VALUE_LENGTH = 10_000
"""Characters of a value as JSON at most."""


def _at_most(length: int, text: str) -> str:
    if len(text) > length:
        raise ValueError(f"takes {len(text):,} characters, {length:,} are the most")
    return kept(text)


Name = Annotated[str, AfterValidator(partial(_at_most, NAME_LENGTH))]
Reason = Annotated[str, AfterValidator(partial(_at_most, REASON_LENGTH))]


class Subject(StrEnum):
    """What a control is about."""

    EVERYTHING = "everything"
    """All requests; it has no name."""
    PROVIDER = "provider"
    """A provider by its id, with all of its accounts."""
    ACCOUNT = "account"
    """One configured section by its name."""
    MODEL = "model"
    """``account/model``."""
    CLIENT = "client"
    """A client key of a gateway by its name."""


class ControlSetting(StrEnum):
    """What can be changed while processes run."""

    ENABLED = "enabled"
    """False: it is not asked."""
    ORDER = "order"
    """Of everything: names in the order of preference; of an account: its place."""
    LIMITS = "limits"
    """Limits of the operator's own, in the place of those that the account's section names."""
    MAX_ATTEMPTS = "max_attempts"
    """How many attempts one request may take."""
    CLIENT_KEY = "client_key"
    """Of a client: its key's hash, and what bounds it."""


_ENABLED: TypeAdapter[Any] = TypeAdapter(Annotated[bool, Field(strict=True)])
_VALUES: dict[tuple[Any, Any], TypeAdapter[Any]] = {
    (Subject.PROVIDER, ControlSetting.ENABLED): _ENABLED,
    (Subject.ACCOUNT, ControlSetting.ENABLED): _ENABLED,
    (Subject.MODEL, ControlSetting.ENABLED): _ENABLED,
    (Subject.EVERYTHING, ControlSetting.ORDER): TypeAdapter(tuple[Name, ...]),
    (Subject.ACCOUNT, ControlSetting.ORDER): TypeAdapter(Annotated[int, Field(strict=True)]),
    (Subject.ACCOUNT, ControlSetting.LIMITS): TypeAdapter(tuple[Limit | Cap, ...]),
    (Subject.EVERYTHING, ControlSetting.MAX_ATTEMPTS): TypeAdapter(Annotated[int, Field(strict=True, ge=1, le=1_000)]),
    (Subject.CLIENT, ControlSetting.CLIENT_KEY): TypeAdapter(ClientKey),
}
"""What may be set of what, and the values that it takes."""


def audited(value: Any) -> Any:
    """Return a value as it may be read by whoever reads the audit."""
    return {name: one for name, one in value.items() if name != HASH} if isinstance(value, dict) else value


class Change(Written, Record):
    """One thing to be set; ``value`` None takes it back, so that files and variables hold again.

    Raises `WrongField` for a setting that its subject does not have, or a value that the setting does not take.
    """

    subject: Subject
    name: Name = ""
    setting: ControlSetting
    value: Any = None

    @field_validator("value")
    @classmethod
    def _taken(cls, value: Any, info: ValidationInfo) -> Any:
        kind = _VALUES.get((info.data.get("subject"), info.data.get("setting")))
        if kind is None or value is None:
            return value
        try:
            taken = kind.dump_python(kind.validate_python(value), mode="json")
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, (info.data["setting"], *first["loc"])))
            raise ValueError(f"{place}: {first['msg']}") from None
        _at_most(VALUE_LENGTH, json.dumps(taken))
        return taken

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.subject, self.setting) not in _VALUES:
            subjects = ", ".join(subject for subject, setting in _VALUES if setting is self.setting)
            raise ValueError(f"{self.setting} can be set of: {subjects}; not of: {self.subject}")
        if (self.subject is Subject.EVERYTHING) is bool(self.name):
            raise ValueError(f"{self.subject} {'takes no' if self.name else 'needs a'} name")
        if self.subject is Subject.MODEL and not all(self.name.partition("/")):
            raise ValueError(f"{self.name!r} should be ACCOUNT/MODEL")
        return self

    @property
    def typed(self) -> Any:
        """The value as `Settings` has it."""
        return None if self.value is None else _VALUES[self.subject, self.setting].validate_python(self.value)

    @property
    def key(self) -> tuple[Subject, str, ControlSetting]:
        """What is set: one value for each."""
        return self.subject, self.name, self.setting


class Signature(Written, Record):
    """Who changes something, when and why. ``at`` is epoch seconds."""

    at: Moment
    who: Name
    why: Reason = ""


class Override(Change):
    """A value in force, with the change that set it."""

    revision: int = Field(ge=1)
    signed: Signature


class AuditEntry(Record):
    """What one change did: the value before and after, None where files and variables held, or hold again."""

    revision: int
    """The same for all that was changed at once."""
    signed: Signature
    subject: Subject
    name: Text
    setting: ControlSetting
    before: Any = None
    after: Any = None


class Controls(Record):
    """All overrides in force as of one revision; 0 = nothing was ever changed."""

    revision: int = 0
    overrides: tuple[Override, ...] = ()

    def find(self, subject: Subject, name: str, setting: ControlSetting) -> Override | None:
        """Return what is in force of one setting."""
        return next((one for one in self.overrides if one.key == (subject, name, setting)), None)

    def switched_off(self, provider: str, account: str, model: str | None = None) -> Override | None:
        """Return the switch that keeps a target from being asked, the widest first; None where none does."""
        names = [(Subject.PROVIDER, provider), (Subject.ACCOUNT, account)]
        if model is not None:
            names.append((Subject.MODEL, f"{account}/{model}"))
        switches = (self.find(subject, name, ControlSetting.ENABLED) for subject, name in names)
        return next((one for one in switches if one is not None and one.value is False), None)

    def models_off(self, account: str) -> tuple[Override, ...]:
        """Return the switches of single models of ``account``."""
        switches = (one for one in self.overrides if (one.subject, one.value) == (Subject.MODEL, False))
        return tuple(one for one in switches if one.name.startswith(f"{account}/"))


UNCONTROLLED = Controls()
"""Nothing was changed: files and variables hold."""
