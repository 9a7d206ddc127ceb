from __future__ import annotations

import pytest

from shunpike.types import Unit
from shunpike.wire import RateHeaders, header_evidence, parse_duration, parse_moment, retry_moment, retry_told

NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1m26.4s", 86.4), ("7.66s", 7.66), ("644ms", 0.644), ("12ms", 0.012), ("0s", 0), ("6m0s", 360), ("2h3m", 7380),
        ("0", 0), ("1", 1), (" 2.5 ", 2.5), ("17.399999999s", 17.399999999), ("22s", 22),
        ("562476.752463453s", 562476.752463453),
        ("2m59.56s", 179.56), ("250us", 0.00025), ("3µs", 0.000003), ("1d", 86400), (".5s", 0.5),
    ],
)  # fmt: skip
def test_durations_of_every_spelling_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "-5s", "1m26.4", "s", "1x", "1s soon", "nan", "inf", "1e9", "9" * 80, "99999999d", "١s"]
)
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30", NOW + 30),
        ("1.5s", NOW + 1.5),
        (str(int(NOW) + 60), NOW + 60),
        (str((int(NOW) + 60) * 1000), NOW + 60),
        (str(int(NOW) - 60), NOW - 60),
        ("Wed, 18 Nov 2026 14:26:40 GMT", NOW + 12_000),
        ("2026-11-18T14:26:40Z", NOW + 12_000),
        ("Wed, 18 Nov 2020 14:26:40 GMT", 1_605_709_600.0),
        ("tomorrow", None),
        ("99999999999999999999", None),
        ("", None),
    ],
)
def test_moments_of_every_spelling_are_read(text: str, moment: float | None) -> None:
    assert parse_moment(text, NOW) == (None if moment is None else pytest.approx(moment, abs=1e-3))


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"retry-after": "3"}, 3), ({"retry-after": "0.25"}, 0.25), ({"retry-after-ms": "250"}, 0.25), ({}, None),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2), ({"retry-after": "-3"}, None),
        ({"retry-after": "never"}, None),
        ({"retry-after-ms": "9" * 20, "retry-after": "2"}, 2),
    ],
)  # fmt: skip
def test_the_retry_headers_are_read(headers: dict[str, str], after: float | None) -> None:
    assert retry_moment(headers, NOW) == (None if after is None else pytest.approx(NOW + after))


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("Please try again in 9m38.016s. Visit https://x.y", 578.016),
        ("Please try again in 644ms.", 0.644),
        ("Please retry in 48.939935699s.", 48.939935699),
        ("at capacity. Retry after 40 seconds.", 40),
        ("Try again in 2 minutes", 120),
        ("retry in 1 hour", 3600),
        ("please retry shortly", None),
        ("", None),
    ],
)
def test_a_sentence_may_tell_the_next_moment(text: str, after: float | None) -> None:
    assert retry_told(text, NOW) == (None if after is None else pytest.approx(NOW + after))


def test_headers_become_evidence_by_the_table() -> None:
    table = [
        RateHeaders(
            unit=Unit.REQUEST, window=86400, limit="X-RateLimit-Limit-Requests", remaining="x-r", reset="x-reset"
        ),
        RateHeaders(unit=Unit.TOTAL_TOKEN, remaining="x-tokens"),
        RateHeaders(unit=Unit.OUTPUT_TOKEN, limit="x-missing"),
    ]
    headers = {"x-ratelimit-limit-requests": "1000", "x-r": "999.0", "x-reset": "1m26.4s", "x-tokens": "garbage"}
    [found] = header_evidence(headers, table, NOW)
    assert (found.unit, found.amount, found.remaining, found.window_seconds) == (Unit.REQUEST, 1000, 999, 86400)
    assert found.resets_at == pytest.approx(NOW + 86.4)
    assert found.origin == "header x-ratelimit-limit-requests"
    [tokens] = header_evidence({"x-tokens": "0"}, table, NOW)
    assert (tokens.remaining, tokens.amount, tokens.origin) == (0, None, "header x-tokens")
