"""Sorts OpenRouter's refusals: its own limits, its own money, or the provider behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shunpike.errors import ProviderError, QuotaExhausted, RateLimited
from shunpike.types import Evidence, Unit
from shunpike.wire.failures import Said
from shunpike.wire.lenient import string, table
from shunpike.wire.ratelimits import parse_moment

SOURCES = {
    "openrouter_free_tier_daily": "quota",
    "openrouter_in_flight_budget": "rate_limited",
    "openrouter_credits": "credits",
}
"""Documented values of ``metadata.limit_source``."""
AVAILABILITY = {
    "capacity_exhausted": "upstream",
    "free_variant_ended": "retired",
    "model_deprecated": "retired",
    "no_endpoints": "not_found",
    "privacy_restricted": "unsupported",
}
"""Documented values of ``availability.code``."""
MINUTE, DAY = 60.0, 86_400.0
# No code exists for these two: the limit's name and the overflow stand in the sentence only.
DAILY = re.compile(r"\bfree-models-per-day\b")
OVERFLOW = re.compile(r"\bmaximum context length is \d+ tokens")
PRIVACY = "the account's privacy settings exclude every provider of this model: https://openrouter.ai/settings/privacy"


def kind_of(status: int | None, said: Said) -> str | None:
    """Return the kind where OpenRouter tells more than the status does, else None."""
    metadata = table(said.detail.get("metadata"))
    kind = SOURCES.get(string(metadata.get("limit_source"))) or AVAILABILITY.get(_availability(said))
    if kind is not None:
        return kind
    if status == 400 and OVERFLOW.search(said.message):
        kind = "context_overflow"
    elif status == 403:
        kind = _forbidden(metadata)
    elif status == 429 and DAILY.search(said.message):
        kind = "quota"
    elif status == 429 and metadata.get("provider_name"):
        # The provider behind is busy: this key may go on elsewhere.
        kind = "upstream"
    return kind


def _forbidden(metadata: Mapping[str, Any]) -> str | None:
    if any(metadata.get(name) for name in ("reasons", "flagged_input", "patterns")):
        return "content_filter"
    return "spend_cap" if "limit_usd" in metadata or "resets_at" in metadata else None


def _availability(said: Said) -> str:
    return string(table(said.detail.get("availability")).get("code"))


def teach(error: ProviderError, said: Said, now: float) -> None:
    """Add to ``error`` what the body says of the limit and its reset, or of the setting that is in the way."""
    if _availability(said) == "privacy_restricted":
        error.hint = PRIVACY
    if not isinstance(error, QuotaExhausted | RateLimited):
        return
    daily = isinstance(error, QuotaExhausted)
    told = table(table(said.detail.get("metadata")).get("headers"))
    headers = {name.lower(): str(value) for name, value in told.items()}
    resets_at = parse_moment(headers["x-ratelimit-reset"], now) if "x-ratelimit-reset" in headers else None
    if isinstance(error, QuotaExhausted):
        error.reset_at = resets_at = resets_at or next_midnight(now)
    else:
        error.retry_at = resets_at or error.retry_at
    amount = headers.get("x-ratelimit-limit", "")
    if daily or amount:
        error.limit = f"{amount or 'all'} free requests a {'day' if daily else 'minute'}"
        error.evidence = (*error.evidence, _evidence(amount, resets_at, daily=daily))


def next_midnight(now: float) -> float:
    """Return when OpenRouter's present day ends, epoch seconds: it counts in UTC."""
    return (now // DAY + 1) * DAY


def _evidence(amount: str, resets_at: float | None, *, daily: bool) -> Evidence:
    return Evidence(
        unit=Unit.REQUEST,
        amount=int(amount) if amount.isascii() and amount.isdigit() and len(amount) < 16 else None,
        remaining=0,
        resets_at=resets_at,
        window_seconds=DAY if daily else MINUTE,
        origin="refusal (X-RateLimit-Reset)",
    )
