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
    "free_variant_ended": "retired",
    "model_deprecated": "retired",
    "no_endpoints": "not_found",
    "privacy_restricted": "unsupported",
}
"""Documented values of ``availability.code``."""
# No code exists for these two: the limit's name and the overflow stand in the sentence only.
DAILY = re.compile(r"\bfree-models-per-day\b")
OVERFLOW = re.compile(r"\bmaximum context length is \d+ tokens")
PRIVACY = "the account's privacy settings exclude every provider of this model: https://openrouter.ai/settings/privacy"


def kind_of(status: int | None, said: Said) -> str | None:
    """Return the kind where OpenRouter tells more than the status does, else None."""
    metadata = table(said.detail.get("metadata"))
    if kind := SOURCES.get(string(metadata.get("limit_source"))):
        return kind
    kind: str | None = None
    if status == 400 and OVERFLOW.search(said.message):
        kind = "context_overflow"
    elif status == 403:
        kind = _forbidden(metadata)
    elif status == 404:
        kind = AVAILABILITY.get(_availability(said))
    elif status == 429 and DAILY.search(said.message):
        kind = "quota"
    elif status == 429 and metadata.get("provider_name"):
        # The provider behind is busy: this key may go on elsewhere.
        kind = "upstream"
    return kind


def _forbidden(metadata: Mapping[str, Any]) -> str | None:
    if metadata.get("reasons") or metadata.get("flagged_input"):
        return "content_filter"
    return "spend_cap" if "limit_usd" in metadata or "resets_at" in metadata else None


def _availability(said: Said) -> str:
    return string(table(said.detail.get("availability")).get("code"))


def teach(error: ProviderError, said: Said, now: float) -> None:
    """Add to ``error`` what the body says of the limit and its reset, or of the setting that is in the way."""
    if _availability(said) == "privacy_restricted":
        error.hint = PRIVACY
    headers = {
        name.lower(): str(value) for name, value in table(table(said.detail.get("metadata")).get("headers")).items()
    }
    if not isinstance(error, QuotaExhausted | RateLimited) or "x-ratelimit-reset" not in headers:
        return
    resets_at = parse_moment(headers["x-ratelimit-reset"], now)
    amount = headers.get("x-ratelimit-limit", "")
    daily = isinstance(error, QuotaExhausted)
    if isinstance(error, QuotaExhausted):
        error.reset_at = resets_at
    else:
        error.retry_at = resets_at
    error.limit = f"{amount or 'some'} free requests a {'day' if daily else 'minute'}"
    evidence = Evidence(
        unit=Unit.REQUEST,
        amount=int(amount) if amount.isascii() and amount.isdigit() and len(amount) < 16 else None,
        remaining=0,
        resets_at=resets_at,
        window_seconds=86_400.0 if daily else 60.0,
        origin="refusal (X-RateLimit-Reset)",
    )
    error.evidence = (*error.evidence, evidence)
