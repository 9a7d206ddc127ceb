"""One status, many meanings: what Google's refusals are sorted into."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shunpike.errors import AuthError, CreditsExhausted, NotHere, Overloaded, ProviderError, QuotaExhausted, RateLimited
from shunpike.types import Unit
from shunpike.wire.failures import Refused, Side
from shunpike.wire.ratelimits import next_midnight
from shunpike_google.failures import PACIFIC, google_error

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()
SECRET = "AIzaSecretSecretSecret1234"


def refusal(status: int, message: str = "no", *, told: str = "X", details: object = ()) -> ProviderError:
    body = json.dumps({"error": {"code": status, "message": message, "status": told, "details": details}})
    refused = Refused(status, {}, body.encode(), NOW, "gemini-3.8-flash")
    return google_error(refused, Side("google", env_key="GEMINI_API_KEY", secret=SECRET), frozenset({"gone"}))


def quota(name: str, value: str | None = "20", delay: str | None = "22s") -> list[dict[str, object]]:
    violation = {"quotaId": name} | ({} if value is None else {"quotaValue": value})
    details: list[dict[str, object]] = [{"@type": "…QuotaFailure", "violations": [violation]}]
    return details + ([{"@type": "…RetryInfo", "retryDelay": delay}] if delay else [])


PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
INPUT = "GenerateContentInputTokensPerModelPerMinute-FreeTier"


def test_a_days_quota_reopens_at_midnight_pacific_whatever_the_delay_says():
    error = refusal(429, details=quota(PER_DAY))

    assert isinstance(error, QuotaExhausted)
    assert error.reset_at == MIDNIGHT
    assert error.limit == f"20 ({PER_DAY})"
    (taught,) = error.evidence
    assert (taught.unit, taught.amount, taught.remaining, taught.resets_at) == (Unit.REQUEST, 20, 0, MIDNIGHT)


def test_a_minutes_rate_reopens_after_the_delay():
    error = refusal(429, details=quota(PER_MINUTE, "5", "34.4s"))

    assert isinstance(error, RateLimited)
    assert error.retry_at == pytest.approx(NOW + 34.4)
    assert (error.evidence[0].amount, error.evidence[0].window_seconds) == (5, 60.0)


def test_a_minutes_rate_of_tokens_counts_input():
    error = refusal(429, details=quota(INPUT, "250000", "48s"))

    assert (error.evidence[0].unit, error.evidence[0].amount) == (Unit.INPUT_TOKEN, 250_000)


def test_a_day_among_several_limits_is_what_counts():
    error = refusal(429, details=quota(PER_MINUTE) + quota(PER_DAY))

    assert isinstance(error, QuotaExhausted)
    assert len(error.evidence) == 2


@pytest.mark.parametrize(
    ("message", "details"),
    [("Quota exceeded … limit: 0, model: gemini-4-argon", quota(PER_DAY, None)), ("no", quota(PER_DAY, "0"))],
)
def test_a_limit_of_zero_is_a_model_outside_the_tier(message, details):
    error = refusal(429, message, details=details)

    assert isinstance(error, NotHere)
    assert error.kind == "tier"


def test_a_bare_429_is_a_rate_without_a_moment():
    error = refusal(429, "Resource has been exhausted (e.g. check quota).", told="RESOURCE_EXHAUSTED")

    assert isinstance(error, RateLimited)
    assert error.retry_at is None
    assert error.evidence == ()


@pytest.mark.parametrize("status", [402, 429])
def test_empty_credits_are_no_rate(status):
    assert isinstance(refusal(status, "Your prepayment credits are depleted. …"), CreditsExhausted)


def test_a_bad_key_comes_as_a_bad_request_and_names_the_variable():
    error = refusal(400, f"API key not valid: {SECRET}", details=[{"reason": "API_KEY_INVALID"}])

    assert isinstance(error, AuthError)
    assert error.kind == "auth"
    assert "GEMINI_API_KEY" in error.hint
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("status", "told", "message", "kind"),
    [
        (400, "FAILED_PRECONDITION", "User location is not supported for the API use.", "region"),
        (400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens", "context_overflow"),
        (400, "INVALID_ARGUMENT", "Request contains an invalid argument.", "invalid_request"),
        (403, "PERMISSION_DENIED", "Enable the API", "permission"),
        (404, "NOT_FOUND", "models/x is not found", "not_found"),
        (500, "INTERNAL", "An internal error", "overloaded"),
        (503, "UNAVAILABLE", "The model is overloaded.", "overloaded"),
        (504, "DEADLINE_EXCEEDED", "Deadline expired", "timeout"),
    ],
)
def test_the_rest_goes_by_status_and_code(status, told, message, kind):
    assert refusal(status, message, told=told).kind == kind


def test_a_model_that_the_catalog_knows_as_gone_is_retired():
    refused = Refused(404, {}, b'{"error": {"code": 404, "message": "not found"}}', NOW, "gone")

    assert google_error(refused, Side("google"), frozenset({"gone"})).kind == "retired"


def test_an_error_inside_a_list_or_a_stream_is_read_the_same():
    inner = {"code": 429, "message": "no", "details": quota(PER_DAY)}
    for status, body in ((429, [{"error": inner}]), (200, {"error": inner})):
        refused = Refused(status, {}, json.dumps(body).encode(), NOW, "m")
        assert isinstance(google_error(refused, Side("google"), frozenset()), QuotaExhausted)


def test_a_page_of_html_is_trouble_not_a_crash():
    error = google_error(Refused(502, {}, b"<html>bad gateway</html>", NOW, "m"), Side("google"), frozenset())

    assert isinstance(error, Overloaded)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 3, 8, 8, 30, tzinfo=UTC), datetime(2026, 3, 9, 7, tzinfo=UTC)),  # a day of 23 hours
        (datetime(2026, 11, 1, 7, 30, tzinfo=UTC), datetime(2026, 11, 2, 8, tzinfo=UTC)),  # a day of 25 hours
        (datetime(2026, 11, 22, 8, 0, tzinfo=UTC), datetime(2026, 11, 23, 8, tzinfo=UTC)),
        (datetime(2026, 11, 22, 7, 59, 59, tzinfo=UTC), datetime(2026, 11, 22, 8, tzinfo=UTC)),
    ],
)
def test_midnight_is_pacific_on_every_day(now, expected):
    assert next_midnight(PACIFIC, now.timestamp()) == expected.timestamp()
