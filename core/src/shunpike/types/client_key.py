"""A client key: what somebody is given who asks through a gateway, and what bounds it."""

from __future__ import annotations

from pydantic import Field, field_validator

from shunpike.types.base import Moment, Record
from shunpike.types.limits import Limit
from shunpike.types.settings import Budget
from shunpike.types.written import Written

HASH = "sha256"
"""The field that is kept of the key itself; it stands in no audit and on no page."""
MOST_OF_EACH = 50
"""Budgets, limits and patterns that one key may have, of each."""
PATTERN_LENGTH = 300
"""Characters of a pattern at most."""


class ClientBounds(Written, Record):
    """What bounds whoever asks with a client key, beside the operator's own bounds."""

    budgets: tuple[Budget, ...] = Field(default=(), max_length=MOST_OF_EACH)
    limits: tuple[Limit, ...] = Field(default=(), max_length=MOST_OF_EACH)
    """Over all providers together; their ``scope`` is not looked at."""
    models: tuple[str, ...] = Field(default=(), max_length=MOST_OF_EACH)
    """Patterns of the model names that may be asked for, such as ``fast`` or ``groq/*``; empty = all."""
    no_paid: bool = False
    """Whether nothing that costs money is asked for it."""
    expires_at: Moment | None = None
    """From when on it opens nothing any more; None = it does so until it is revoked."""

    @field_validator("models")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not one or len(one) > PATTERN_LENGTH or not one.isprintable():
                raise ValueError(f"{one[:40]!r} is no pattern of a model's name, such as fast or acme/*")
        return value


class ClientKey(ClientBounds):
    """What is known of a client key. The key itself is not: it was shown once, when it was made.

    The name that it is kept under is whom its requests are admitted for: who asks with a later key of that name goes on
    with what is left of the budgets.
    """

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    """The hash of the key in hex. The key is random, so that no guess leads from the one to the other."""
    shown: str = Field(max_length=40)
    """The beginning of the key, by which a person knows it."""
    created_at: Moment
    revoked_at: Moment | None = None

    def why_not(self, now: float) -> str | None:
        """Return ``revoked`` or ``expired`` where it opens nothing at ``now``, None where it does."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else None
