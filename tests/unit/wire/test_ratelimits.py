from __future__ import annotations

import pytest

from shunpike.types import Evidence, Observation, Unit
from shunpike.wire import RateHeaders, header_evidence, parse_duration, parse_moment, retry_moment, retry_told
from shunpike.wire.balance import BalanceTable, QuotaTable, read_balance
from shunpike.wire.ratelimits import counted, limit_told

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


@pytest.mark.parametrize("text", ["-1", str(2**63), "9" * 30, "1e30"])
def test_a_figure_that_no_ledger_could_hold_says_nothing(text: str) -> None:
    """Wherever it stands: it is a mistake of the sender, and no reason to fail."""
    assert header_evidence({"x": text}, [RateHeaders(unit=Unit.REQUEST, remaining="x")], NOW) == ()
    assert limit_told(f"Your rate limit is {text} queries per minute", NOW) is None
    assert counted(f"tokens per minute (TPM): Limit {text}, Used {text}, Requested 5") is None
    quota = QuotaTable(unit=Unit.REQUEST, amount="limit", remaining="left")
    where = BalanceTable(path="/key", currency="USD", quotas=(quota,))
    (balance,) = read_balance({"limit": float(text), "left": float(text)}, where, NOW)
    assert balance.evidence == ()


@pytest.mark.parametrize("figure", [-1, 2**63])
def test_evidence_and_its_observation_are_what_a_ledger_can_hold(figure: int) -> None:
    for field in ("amount", "remaining"):
        with pytest.raises(ValueError, match=field):
            Evidence(unit=Unit.REQUEST, origin="x", **{field: figure})
        with pytest.raises(ValueError, match=field):
            Observation(bucket="b", at=NOW, origin="x", **{field: figure})
    assert Evidence(unit=Unit.REQUEST, origin="x", amount=2**63 - 1, remaining=0).remaining == 0
