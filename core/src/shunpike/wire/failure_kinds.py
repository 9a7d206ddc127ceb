"""The words for failures: each kind belongs to one class of error."""

from __future__ import annotations

from shunpike.errors import (
    AuthError,
    BadAnswer,
    CreditsExhausted,
    NotHere,
    Overloaded,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestError,
)

KINDS: dict[str, type[ProviderError]] = {
    "auth": AuthError,
    "permission": AuthError,
    "region": AuthError,
    "invalid_request": RequestError,
    "content_filter": RequestError,
    "not_found": NotHere,
    "retired": NotHere,
    "tier": NotHere,
    "context_overflow": NotHere,
    "too_large": NotHere,
    "unsupported": NotHere,
    "rate_limited": RateLimited,
    "quota": QuotaExhausted,
    "credits": CreditsExhausted,
    "spend_cap": CreditsExhausted,
    "overloaded": Overloaded,
    "upstream": Overloaded,
    "timeout": Overloaded,
    "connection": Overloaded,
    "malformed": Overloaded,
    "schema_invalid": BadAnswer,
}

GAVE_UP = frozenset({408, 499, 504, 524})
"""Statuses with which a gateway ends its waiting: the provider behind it may go on, and bill what it made."""
