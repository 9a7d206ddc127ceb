from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

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
from shunpike.types import Unit
from shunpike.wire import Dialect, RateHeaders, Refused, Side, classify, read_error
from shunpike.wire.wrong_place import IN_FRONT

NOW = 1_795_000_000.0
SECRET = "sk-test-0123456789abcdef"


def refuse(status: int, body: Any = b"", headers: dict[str, str] | None = None, **dialect: Any) -> ProviderError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    side = Side("acme", Dialect(**dialect), "ACME_API_KEY", SECRET)
    return classify(Refused(status, headers or {}, data, NOW, "m1"), side)


def error(message: str = "no", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, **fields}}


@pytest.mark.parametrize(
    ("status", "kind", "cls"),
    [
        (302, "upstream", Overloaded),
        (400, "invalid_request", RequestError),
        (401, "auth", AuthError),
        (402, "credits", CreditsExhausted),
        (403, "permission", AuthError),
        (404, "not_found", NotHere),
        (408, "timeout", Overloaded),
        (410, "retired", NotHere),
        (413, "too_large", NotHere),
        (418, "invalid_request", RequestError),
        (422, "invalid_request", RequestError),
        (429, "rate_limited", RateLimited),
        (451, "region", AuthError),
        (498, "overloaded", Overloaded),
        (500, "overloaded", Overloaded),
        (502, "upstream", Overloaded),
        (503, "overloaded", Overloaded),
        (504, "timeout", Overloaded),
        (522, "timeout", Overloaded),
        (529, "overloaded", Overloaded),
    ],
)
@pytest.mark.parametrize("body", [b"", b"plain text", error(), [error()], {"detail": "no"}, {"message": "no"}])
def test_the_status_decides_whatever_the_body_looks_like(
    status: int, kind: str, cls: type[ProviderError], body: Any
) -> None:
    found = refuse(status, body)
    assert (type(found), found.kind, found.status) == (cls, kind, status)
    # Who only waited no longer does not know what the provider behind it went on to make, and to bill.
    assert found.billed is (None if status in (408, 499, 504, 524) else False)
    assert (found.provider, found.model) == ("acme", "m1")
    assert found.message.startswith(f"acme/m1 ({status}): ")


@pytest.mark.parametrize(
    ("status", "fields", "kind", "cls"),
    [
        (400, {"code": "context_length_exceeded"}, "context_overflow", NotHere),
        (400, {"code": "model_decommissioned"}, "retired", NotHere),
        (400, {"code": "content_filter"}, "content_filter", RequestError),
        (403, {"code": "unsupported_country_region_territory"}, "region", AuthError),
        (429, {"type": "insufficient_quota"}, "credits", CreditsExhausted),
        (429, {"code": "credit_balance_exhausted", "type": "insufficient_quota"}, "credits", CreditsExhausted),
        (429, {"code": "project_spend_limit_exceeded"}, "spend_cap", CreditsExhausted),
        (429, {"code": "slow_down"}, "overloaded", Overloaded),
        (429, {"code": "rate_limit_exceeded", "type": "tokens"}, "rate_limited", RateLimited),
    ],
)
def test_a_documented_code_decides_before_the_status(
    status: int, fields: dict[str, Any], kind: str, cls: type[ProviderError]
) -> None:
    found = refuse(status, error(**fields))
    assert (type(found), found.kind) == (cls, kind)


def test_a_dialect_adds_codes_and_statuses_of_its_own() -> None:
    assert type(refuse(400, error(code="tool_use_failed"), codes={"tool_use_failed": "schema_invalid"})) is BadAnswer
    assert type(refuse(403, error(), statuses={403: "context_overflow"})) is NotHere
    assert refuse(500, error(), errors_billed=True).billed is True


@pytest.mark.parametrize(
    ("fields", "cls"),
    [
        ({"code": 429}, RateLimited),
        ({"code": "429"}, RateLimited),
        ({"status_code": 400, "code": "x"}, RequestError),
        ({"type": "invalid_request_error"}, RequestError),
        ({"type": "authentication_error"}, AuthError),
        ({"type": "server_error"}, Overloaded),
        ({"code": 40301}, Overloaded),
        ({}, Overloaded),
    ],
)
def test_inside_an_answer_the_error_itself_must_tell_its_status(fields: dict[str, Any], cls: type[Exception]) -> None:
    found = refuse(200, error(**fields))
    assert type(found) is cls
    assert "(200)" not in found.message


PAGES = [
    b"<!DOCTYPE html><title>Attention Required!</title>",
    b"\xef\xbb\xbf\r\n<html><head><title>401 Authorization Required</title></head></html>",
    b'<?xml version="1.0"?><html/>',
]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 405, 407, 410, 422, 451, 511])
def test_a_web_page_knows_neither_the_key_nor_the_request(status: int, page: bytes) -> None:
    """A portal's or a proxy's 401 said that the key is wrong, and shut it."""
    found = refuse(status, page)
    assert type(found) is Overloaded
    assert "<" not in found.message
    assert "a web page answered" in found.message
    assert (found.elsewhere, found.hint) == (True, IN_FRONT)


def test_a_web_page_may_say_that_the_address_is_wrong_or_that_it_was_too_much() -> None:
    assert type(refuse(404, PAGES[0])) is NotHere
    assert type(refuse(429, PAGES[0])) is RateLimited


@pytest.mark.parametrize("body", [b"", b"Unauthorized", b'{"detail": "Unauthorized"}', b'"<html>"'])
def test_the_providers_own_401_shuts_the_key(body: bytes) -> None:
    assert type(refuse(401, body)) is AuthError


COUNTED = "Rate limit reached for model `m` on tokens per {} ({}): Limit {}, Used {}, Requested {}. {}"


def test_a_day_that_is_used_up_is_a_quota_and_a_minute_is_a_rate() -> None:
    again = "Please try again in 9m38.016s. Need more tokens?"
    day = refuse(429, error(COUNTED.format("day", "TPD", 100000, 97050, 3619, again), code="rate_limit_exceeded"))
    assert isinstance(day, QuotaExhausted)
    assert (day.limit, day.reset_at) == ("100000 tokens a day (TPD)", pytest.approx(NOW + 578.016))
    [evidence] = day.evidence
    assert (evidence.unit, evidence.amount, evidence.remaining) == (Unit.TOTAL_TOKEN, 100000, 2950)
    assert (evidence.window_seconds, evidence.resets_at) == (86400, pytest.approx(NOW + 578.016))
    minute = refuse(429, error(COUNTED.format("minute", "TPM", 12000, 4509, 9882, "Please try again in 11.955s.")))
    assert isinstance(minute, RateLimited)
    assert (minute.limit, minute.retry_at) == ("12000 tokens a minute (TPM)", pytest.approx(NOW + 11.955))


def test_of_two_hints_the_later_one_holds() -> None:
    found = refuse(429, error("Please try again in 11.955s."), {"retry-after": "2"})
    assert isinstance(found, RateLimited)
    assert found.retry_at == pytest.approx(NOW + 11.955, abs=1e-3)
    found = refuse(429, error("Please try again in 1s."), {"retry-after": "2"})
    assert isinstance(found, RateLimited)
    assert found.retry_at == NOW + 2


@pytest.mark.parametrize("status", [413, 429])
def test_a_request_larger_than_the_limit_is_not_worth_waiting(status: int) -> None:
    text = "Request too large for m on tokens per min (TPM): Limit 6000, Requested 10338, please reduce it."
    found = refuse(status, error(text, code="rate_limit_exceeded", type="tokens"))
    assert isinstance(found, NotHere)
    assert (found.kind, found.evidence[0].amount) == ("too_large", 6000)


def test_the_next_moment_comes_from_header_and_text_else_from_the_limit_that_is_used_up() -> None:
    row = {"unit": "request", "limit": "x-limit", "remaining": "x-left", "reset": "x-reset"}
    limits = {"ratelimits": (RateHeaders(**row),)}
    headers = {"x-limit": "10", "x-left": "0", "x-reset": "30s"}
    text = error("slow down, try again in 20s")
    for body, extra, expected in [
        (error(), {"retry-after": "5"}, 5),
        (error(), {"retry-after-ms": "1500", "retry-after": "5"}, 1.5),
        (text, {"retry-after": "25"}, 25),
        (text, {}, 20),
        (error(), {}, 30),
        (error(), {"x-left": "3"}, None),
    ]:
        found = refuse(429, body, {**headers, **extra}, **limits)
        assert isinstance(found, RateLimited)
        assert found.retry_at == (None if expected is None else NOW + expected)
        assert found.evidence[0].amount == 10
    busy = refuse(503, error(), {"retry-after": "7"})
    assert isinstance(busy, Overloaded)
    assert busy.retry_at == NOW + 7


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "just text"}, "just text"),
        ({"detail": [{"loc": ["body", "n"], "msg": "too many", "type": "x"}]}, "body.n: too many"),
        ({"detail": {"message": "inner"}}, "inner"),
        ({"object": "error", "message": "flat", "code": 40301}, "flat"),
        ([{"error": {"message": "listed"}}], "listed"),
        ("text in JSON", "text in JSON"),
        ([], "invalid request"),
        (None, "invalid request"),
        (7, "invalid request"),
        ({"error": {"message": None}, "message": "outer"}, "outer"),
        ({"error": {"message": {"deep": 1}}}, "invalid request"),
        (b"\xff\xfe\x00", "��"),
    ],
)
def test_a_message_is_found_in_every_shape(body: Any, message: str) -> None:
    assert message in refuse(400, body).message


def test_a_refused_key_names_its_variable_and_is_not_shown() -> None:
    found = refuse(401, error(f"Incorrect API key provided: {SECRET}. Bearer abc"), {"x-request-id": "r1"})
    assert found.hint == "check the variable ACME_API_KEY   ·   or store another key: shunpike keys set acme"
    assert found.provider_request_id == "r1"
    assert SECRET not in f"{found}{vars(found)}"
    again = pickle.loads(pickle.dumps(found))
    assert (type(again), again.kind, again.message, again.billed) == (AuthError, "auth", found.message, False)


def test_who_was_asked_is_shown_without_its_key() -> None:
    assert SECRET not in repr(Side("acme", secret=SECRET))


def test_what_only_one_provider_says_can_be_read_by_its_plugin() -> None:
    said = read_error(b'{"error": {"message": "m", "code": "c", "type": "t", "metadata": {"raw": "x"}}}')
    assert (said.codes, said.detail["metadata"]) == (("c", "t"), {"raw": "x"})


@pytest.mark.parametrize(
    "said", [error("Too many concurrent requests"), error("slow down", code="concurrent_requests_exceeded")]
)
def test_a_refusal_for_what_runs_at_once_is_evidence_of_that_limit(said: dict[str, Any]) -> None:
    found = refuse(429, said)
    assert isinstance(found, RateLimited)
    assert [(one.unit, one.remaining, one.amount) for one in found.evidence] == [(Unit.CONCURRENT, 0, None)]
    assert refuse(500, said).evidence == ()
