"""Who is asked after a failure: the row of the table ``[fall_over]`` that it falls under."""

from __future__ import annotations

from shunpike.errors import (
    AuthError,
    BadAnswer,
    CreditsExhausted,
    Interrupted,
    NotHere,
    Overloaded,
    PluginError,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestError,
)
from shunpike.routing.trouble import Failure
from shunpike.types import FallOver, FallOverStep

BAD_ANSWERS = ("empty", "truncated", "refused", "schema_invalid", "looping", "wrong_language")
"""The kinds of `BadAnswer`, each of which has a row."""
_ROWS: tuple[tuple[type[ProviderError | PluginError], str], ...] = (
    (AuthError, "auth"),
    (RequestError, "request"),
    (NotHere, "not_here"),
    (RateLimited, "rate_limited"),
    (QuotaExhausted, "quota"),
    (CreditsExhausted, "credits"),
    (Interrupted, "interrupted"),
    (PluginError, "plugin"),
)
_OF_ITS_KIND: tuple[tuple[type[ProviderError], str, dict[str, str]], ...] = (
    (Overloaded, "overloaded", {"timeout": "timed_out", "connection": "connection"}),
    (BadAnswer, "bad_answer", {kind: kind for kind in BAD_ANSWERS}),
)
"""Class, its row, and kind → row of those of its kinds that have one of their own."""


def row_of(error: Failure) -> str | None:
    """Return the row of ``error``, None where its class has none, such as a stranger's."""
    for kind, row, own in _OF_ITS_KIND:
        if isinstance(error, kind):
            return own.get(error.kind, row)
    return next((row for kind, row in _ROWS if isinstance(error, kind)), None)


def step_after(error: Failure, table: FallOver) -> FallOverStep:
    """Return what follows ``error``: by the table, but `stop` where it knows itself that nobody can do better.

    A class without a row goes by its own word, ``elsewhere``.
    """
    row = row_of(error)
    if row is None:
        return FallOverStep.WAIT if error.elsewhere else FallOverStep.STOP
    if not error.elsewhere and not isinstance(error, RequestError):
        return FallOverStep.STOP
    step: FallOverStep = getattr(table, row)
    return step


def ends_paying(error: Failure, *, paid: bool, table: FallOver) -> bool:
    """Whether nothing else that costs money is asked: a ``paid`` answer was billed, and is of no use."""
    return paid and isinstance(error, BadAnswer) and error.billed is not False and not table.paid_again
