"""Sorts Google's refusals: one 429 means a minute's rate, a day's quota, a model outside the tier or empty credits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from shunpike.errors import ProviderError, QuotaExhausted, RateLimited
from shunpike.types import Evidence, Unit
from shunpike.wire.error_body import Said, read_error
from shunpike.wire.failures import Refused, Side, classify
from shunpike.wire.lenient import rows, string, table
from shunpike.wire.ratelimits import next_midnight, parse_duration

PACIFIC = "America/Los_Angeles"
"""Where Google's day ends; it has 23 or 25 hours twice a year."""
MINUTE, DAY = 60.0, 86_400.0
# Google has no code of its own for these three: the words are all there is.
TOO_LONG = re.compile(r"input token count\b.*\bexceeds the maximum", re.DOTALL)
NO_CREDIT = re.compile(r"prepayment credits are depleted", re.IGNORECASE)
NOT_ON_TIER = re.compile(r"\blimit: 0\b")
BAD_KEY = re.compile(r"^API key (?:not valid|not found|expired)", re.IGNORECASE)
EXCEEDED = re.compile(r"Quota exceeded for metric: (?:[\w.]+/)?(\w{1,100}), limit: ([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Violation:
    """One limit that a refusal names. ``window`` is in seconds, None where the name does not tell."""

    name: str
    unit: Unit
    window: float | None
    amount: int | None

    @property
    def text(self) -> str:
        """The limit for a person."""
        return self.name if self.amount is None else f"{self.amount} ({self.name})"


def google_error(refused: Refused, side: Side, retired: AbstractSet[str]) -> ProviderError:
    """Return the error that a refusal means. ``retired`` holds the ids that the catalog knows as gone."""
    said = read_error(refused.body)
    status = refused.status if refused.status >= 300 else said.status
    details = rows(said.detail.get("details"))
    violations = _violations(details) or _told(said.message)
    kind = _kind(status, said, details, violations)
    if status == 404 and refused.model in retired:
        kind = "retired"
    if status is not None and kind is not None:
        side = replace(side, dialect=side.dialect.model_copy(update={"statuses": {status: kind}, "sentences": ()}))
    error = classify(refused, side)
    _teach(error, violations, _retry_delay(details), refused.now)
    return error


def _kind(status: int | None, said: Said, details: list[Mapping[str, Any]], violations: list[Violation]) -> str | None:
    """Return the kind where status alone does not tell it."""
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in details) or BAD_KEY.search(said.message):
        return "auth"
    if status == 400 and said.detail.get("status") == "FAILED_PRECONDITION":
        return "region"
    if status == 400 and TOO_LONG.search(said.message):
        return "context_overflow"
    return _kind_of_429(said.message, violations) if status == 429 else None


def _kind_of_429(message: str, violations: list[Violation]) -> str:
    if NO_CREDIT.search(message):
        return "credits"
    if NOT_ON_TIER.search(message) or any(one.amount == 0 for one in violations):
        return "tier"
    return "quota" if any(one.window == DAY for one in violations) else "rate_limited"


def _teach(error: ProviderError, violations: list[Violation], delay: float | None, now: float) -> None:
    """Set when the limit opens, and keep what the refusal says about limits."""
    at = None if delay is None else now + delay
    midnight = next_midnight(PACIFIC, now)
    if isinstance(error, QuotaExhausted):
        # Google sends a delay of seconds together with a day's quota: it reopens nothing.
        error.reset_at = midnight
        error.limit = next((one.text for one in violations if one.window == DAY), None)
    elif isinstance(error, RateLimited):
        error.retry_at = at or error.retry_at
        error.limit = next((one.text for one in violations), None)
    if isinstance(error, QuotaExhausted | RateLimited):
        error.evidence = tuple(
            Evidence(
                unit=one.unit,
                amount=one.amount,
                remaining=0,
                resets_at=midnight if one.window == DAY else at,
                window_seconds=one.window,
                origin=f"refusal ({one.name})",
            )
            for one in violations
        )


def _violations(details: list[Mapping[str, Any]]) -> list[Violation]:
    return [_violation(row) for detail in details for row in rows(detail.get("violations"))]


def _violation(row: Mapping[str, Any]) -> Violation:
    name, value = string(row.get("quotaId")), string(row.get("quotaValue"))
    window = DAY if "PerDay" in name else MINUTE if "PerMinute" in name else None
    unit = Unit.INPUT_TOKEN if "InputToken" in name else Unit.TOTAL_TOKEN if "Token" in name else Unit.REQUEST
    amount = int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None
    return Violation(name=name, unit=unit, window=window, amount=amount)


def _told(message: str) -> list[Violation]:
    """Return the limits that the sentence names, for a refusal without details: it never tells the window."""
    return [
        Violation(name, Unit.INPUT_TOKEN if "input_token" in name else Unit.REQUEST, None, int(amount))
        for name, amount in EXCEEDED.findall(message[:4000])
    ]


def _retry_delay(details: list[Mapping[str, Any]]) -> float | None:
    for detail in details:
        if delay := string(table(detail).get("retryDelay")):
            return parse_duration(delay)
    return None
