"""What stands in no code: sentences, places of a provider's own, headers inside a body."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shunpike.errors import CreditsExhausted, NotHere, Overloaded, ProviderError, QuotaExhausted, RateLimited
from shunpike.types import Unit
from shunpike.wire import Dialect, RateHeaders, Refused, Sentence, Side, classify
from shunpike.wire.error_body import look_further, read_error
from shunpike.wire.ratelimits import header_evidence, limit_text, limit_told, next_midnight

NOW = 1_795_377_600.0
"""2026-11-22 20:00 UTC, noon in Los Angeles."""
RATES = (RateHeaders(unit=Unit.REQUEST, limit="x-limit", remaining="x-left", reset="x-reset"),)
DAY = {"status": 429, "words": "per-day", "kind": "quota", "window": 86400, "zone": "UTC", "hint": "wait"}
MINUTE = {"status": 429, "words": "per-min", "kind": "rate_limited", "window": 60}


def refuse(status: int, error: Any, headers: dict[str, str] | None = None, **dialect: Any) -> ProviderError:
    body = json.dumps({"error": error}).encode()
    return classify(Refused(status, headers or {}, body, NOW), Side("acme", Dialect(**dialect)))


def test_a_sentence_tells_a_day_from_a_minute() -> None:
    rules = {"sentences": [DAY, MINUTE], "ratelimits": RATES}
    day = refuse(429, {"message": "free per-day"}, {"retry-after": "5"}, **rules)
    assert isinstance(day, QuotaExhausted)
    assert (day.reset_at, day.hint) == (NOW + 4 * 3600, "wait")
    assert [(row.window_seconds, row.remaining, row.resets_at) for row in day.evidence] == [(86400, 0, day.reset_at)]
    minute = refuse(429, {"message": "free per-min"}, {"x-limit": "20", "x-reset": "7"}, **rules)
    assert isinstance(minute, RateLimited)
    assert (minute.retry_at, minute.limit) == (NOW + 7, "20 requests a minute")


def test_a_sentence_counts_at_its_own_status_only() -> None:
    assert refuse(503, {"message": "per-day"}, sentences=[DAY]).kind == "overloaded"


def test_headers_inside_the_body_are_headers() -> None:
    told = {"message": "per-day", "meta": {"headers": {"X-Limit": 50, "X-Left": "0", "X-Reset": "1795392000000"}}}
    error = refuse(429, told, headers_at="meta.headers", sentences=[DAY], ratelimits=RATES)
    assert isinstance(error, QuotaExhausted)
    assert (error.reset_at, error.limit) == (1_795_392_000.0, "50 requests a day")


def test_codes_texts_and_presence_at_places_of_ones_own() -> None:
    rules: dict[str, Any] = {
        "codes_at": ("meta.source",),
        "codes": {"budget": "credits"},
        "kinds_at": {"meta.reasons": "content_filter"},
        "texts_at": ("meta.raw",),
        "sentences": [{"status": 400, "words": "too long", "kind": "context_overflow"}],
    }
    assert isinstance(refuse(429, {"message": "no", "meta": {"source": "budget"}}, **rules), CreditsExhausted)
    assert refuse(403, {"message": "no", "meta": {"reasons": ["x"]}}, **rules).kind == "content_filter"
    assert refuse(403, {"message": "no", "meta": {"reasons": []}}, **rules).kind == "permission"
    for raw in ("too long", {"error": {"message": "too long"}}, {"message": "too long"}):
        assert isinstance(refuse(400, {"message": "no", "meta": {"raw": raw}}, **rules), NotHere)


@pytest.mark.parametrize(("status", "kind"), [(401, "upstream"), (429, "upstream"), (400, "invalid_request")])
def test_what_the_provider_behind_refused_does_not_close_our_key(status: int, kind: str) -> None:
    error = refuse(status, {"message": "no", "meta": {"name": "Host"}}, relayed_at="meta.name")
    assert error.kind == kind
    assert isinstance(error, Overloaded) == (kind == "upstream")


def test_a_mistake_in_a_sentence_names_what_was_expected() -> None:
    with pytest.raises(ValidationError, match="no kind of failure; expected one of auth"):
        Sentence(status=400, words="x", kind="silly")  # type: ignore[arg-type] # a pattern is read from text
    with pytest.raises(ValidationError, match="no time zone"):
        Sentence(status=400, words="x", kind="quota", zone="Moon/Base")  # type: ignore[arg-type] # as above
    with pytest.raises(ValidationError, match="words"):
        Dialect(sentences=[{"status": 400, "words": "(", "kind": "quota"}])


def test_looking_further_finds_nothing_in_an_empty_error() -> None:
    said = read_error(b"")
    assert look_further(said, ("a.b",), ("c",)) is said


def test_a_number_of_four_digits_or_more_is_a_code() -> None:
    assert read_error(b'{"object":"error","message":"m","code":40301}').codes == ("40301",)
    assert read_error(b'{"error":{"code":429,"message":"m"}}').codes == ()


@pytest.mark.parametrize(
    ("limit", "left", "reset", "window"),
    [
        ("5000", "4999", "12ms", 60.0),
        ("10000", "9999", "8.64s", 86_400.0),
        ("10000", "9996", "29.783s", 86_400.0),
        ("10", "9", "100ms", 1.0),
        ("30", "29", "66ms", None),
        ("30", "29", "59s", None),
        ("500", "499", "1m0s", None),
        ("10000", "10000", "0s", None),
        ("10000", "9999", "0s", None),
        ("10000", None, "1s", None),
        ("0", "0", "1s", None),
    ],
)
def test_what_refills_evenly_tells_its_window(limit: str, left: str | None, reset: str, window: float | None) -> None:
    rates = (RATES[0].model_copy(update={"refill": True}),)
    headers = {"x-limit": limit, "x-reset": reset, **({} if left is None else {"x-left": left})}
    [found] = header_evidence(headers, rates, NOW)
    assert found.window_seconds == window


@pytest.mark.parametrize(
    ("text", "amount", "unit", "window"),
    [
        ("Your rate limit is 60 queries per minute.", 60, Unit.REQUEST, 60),
        ("Rate limit exceeded: 600 per 1 minute", 600, Unit.REQUEST, 60),
        ("The rate limit is 5000 tokens per second", 5000, Unit.TOTAL_TOKEN, 1),
    ],
)
def test_a_sentence_may_name_the_limit(text: str, amount: int, unit: Unit, window: float) -> None:
    found = limit_told(text, NOW)
    assert found is not None
    assert (found.amount, found.unit, found.window_seconds) == (amount, unit, window)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("Too many concurrent requests", None),
        ("the number of concurrent requests of this account exceeds its limit of 500. Please", 500),
        ("You have reached your concurrency limit", None),
        ("slow down concurrent_requests_exceeded", None),
    ],
)
def test_a_sentence_may_name_what_runs_at_once(text: str, amount: int | None) -> None:
    found = limit_told(text, NOW)
    assert found is not None
    assert (found.unit, found.amount, found.remaining, found.window_seconds) == (Unit.CONCURRENT, amount, 0, None)


def test_a_sentence_without_a_limit_names_none() -> None:
    assert limit_told("slow down", NOW) is None


def test_a_day_that_loses_an_hour_ends_at_its_own_midnight() -> None:
    begins = 1_772_956_800.0  # 2026-03-08 00:00 in Los Angeles, a day of 23 hours
    assert next_midnight("America/Los_Angeles", begins) - begins == 23 * 3600
    assert next_midnight("UTC", NOW) == NOW + 4 * 3600


def test_a_limit_is_named_for_a_person() -> None:
    [found] = header_evidence({"x-limit": "5"}, RATES, NOW)
    assert limit_text(found) == "5 requests"
    assert limit_text(found.model_copy(update={"window_seconds": 7.0})) == "5 requests in 7 s"
