"""What a failure says of whom: of one model, of its account, of the address behind it, or of the key."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from shunpike.errors import (
    AuthError,
    CreditsExhausted,
    Interrupted,
    Overloaded,
    PluginError,
    ProviderError,
    QuotaExhausted,
    RateLimited,
)
from shunpike.routing.send import UNSENT
from shunpike.types import Cause, Unit

Failure = ProviderError | PluginError
"""An attempt that did not do: the provider's failure, or its plugin's."""


class TroubleScope(StrEnum):
    """Who shares the fate of a target."""

    MODEL = "model"
    ACCOUNT = "account"
    ORIGIN = "origin"
    KEY = "key"


_SHARED = {
    TroubleScope.MODEL: "it",
    TroubleScope.ACCOUNT: "its account",
    TroubleScope.ORIGIN: "its address",
    TroubleScope.KEY: "its key",
}


class TroublePlace(NamedTuple):
    """A target by what it shares with others. ``key`` is a fingerprint, never the key."""

    model: str
    account: str
    origin: str
    key: str = ""

    @property
    def address(self) -> str:
        """The address, as a person knows it."""
        return self.origin.rpartition(" ")[2]

    def of(self, scope: TroubleScope) -> str:
        """Return the name of what is shared."""
        return str(getattr(self, scope))


class Setback(NamedTuple):
    """What closes a target, and all that share ``scope`` with it; ``closed_until`` None: for the whole request."""

    scope: TroubleScope
    kind: str
    reason: str
    closed_until: float | None = None
    sure: bool = True
    """Whether it opens at that moment, as a limit does. Trouble may only be looked at again."""
    shared: bool = False
    """Whether a second model of the account that fails alike shows that it is the account's."""
    cause: Cause | None = None
    hint: str | None = None
    """What to type or change next, as the failure told it."""
    transient: bool = False
    """Whether nothing is closed for others: the request backs off for a time of its own, and asks again."""

    @property
    def in_trouble(self) -> str:
        """What is in trouble, in words for a person."""
        return f"{_SHARED[self.scope]} is in trouble ({self.kind})"

    @property
    def opens_at(self) -> float | None:
        """The moment at which time opens it, None where it is only looked at again, if at all."""
        return self.closed_until if self.sure or self.cause is Cause.QUOTA else None


_OF_THE_ORIGIN = frozenset({"timeout", "malformed"})
"""Kinds of trouble that come from the address where no status tells of a server that works."""


def scope_of(error: Failure) -> TroubleScope:
    """Return who is closed by ``error``."""
    match error:
        case AuthError():
            return TroubleScope.KEY
        case CreditsExhausted() | PluginError():
            return TroubleScope.ACCOUNT
        case Interrupted():
            return TroubleScope.ORIGIN
        case Overloaded() if error.kind == "connection" or (error.kind in _OF_THE_ORIGIN and error.status is None):
            return TroubleScope.ORIGIN
        case _:
            return TroubleScope.MODEL


def is_trouble(error: Failure) -> bool:
    """Whether something is out of order there, so that it is left alone for a growing time."""
    return isinstance(error, Overloaded | Interrupted | PluginError) and error.kind != UNSENT


def named_moment(error: Failure) -> float | None:
    """Return the moment that the provider named, epoch seconds."""
    match error:
        case RateLimited() | Overloaded():
            return error.retry_at
        case QuotaExhausted() | CreditsExhausted():
            return error.reset_at
        case _:
            return None


def names_limit(error: Failure, unit: Unit | None = None) -> bool:
    """Whether a refusal tells which limit, of ``unit`` where given, is used up."""
    named = (one.unit for one in error.evidence if one.remaining == 0)
    if unit is not None:
        return unit in named
    return isinstance(error, QuotaExhausted) or getattr(error, "limit", None) is not None or any(named)
