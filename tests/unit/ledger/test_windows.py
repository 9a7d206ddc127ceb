"""Days of 23 and 25 hours, months, and the identity of buckets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.errors import ConfigError
from shunpike.ledger.buckets import bucket_of, budget_bucket
from shunpike.ledger.windows import GUARD, NEVER, expiry, full_again_at, last_expiry, next_reset, opens_at, zone_of
from shunpike.types import Budget, Calendar, Held, Lifetime, Money, Rolling, Scope
from shunpike_testkit.targets import limit, target

ZONES = ["UTC", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia", "America/Havana", "Asia/Beirut", "Europe/Berlin"]


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "reset", "hours"),
    [
        ("2026-03-08T08:00", "2026-03-09T07:00", 23),
        ("2026-11-01T07:00", "2026-11-02T08:00", 25),
        ("2028-02-29T08:00", "2028-03-01T08:00", 24),
    ],
)
def test_a_pacific_day_has_the_hours_that_it_has(moment: str, reset: str, hours: int) -> None:
    day = Calendar(period="day", zone="America/Los_Angeles")
    assert next_reset(day, at(moment)) == at(reset)
    assert at(reset) - at(moment) == hours * 3_600
    assert next_reset(day, at(moment) - 1) == at(moment)


@given(moment=st.floats(at("2000-01-01"), at("2040-01-01")), zone=st.sampled_from(ZONES))
def test_a_reset_is_the_next_midnight_of_the_zone(moment: float, zone: str) -> None:
    """Always ahead, never more than 25 hours, and the local date has changed by it, not before."""
    for period, longest in (("day", 25.1), ("month", 31 * 24 + 25.1)):
        reset = next_reset(Calendar.model_validate({"period": period, "zone": zone}), moment)
        assert moment < reset <= moment + longest * 3_600
        before, after = (datetime.fromtimestamp(one, ZoneInfo(zone)) for one in (reset - 1, reset))
        assert before.date() < after.date()
        assert period == "day" or after.day == 1
        here = datetime.fromtimestamp(moment, ZoneInfo(zone)).date()
        # Apia had no 2011-12-30: its day after the 29th was the 31st.
        assert period == "month" or after.date() - here in (timedelta(days=1), timedelta(days=2))


def test_expiries_of_the_four_windows() -> None:
    assert expiry(Rolling(seconds=60), 100.0) == 160.0 + GUARD
    assert expiry(Calendar(period="day"), 100.0) == 86_400.0 + GUARD
    assert expiry(Lifetime(), 100.0) == NEVER
    assert expiry(Held(), 100.0) == 100.0
    assert expiry(Calendar(period="day"), 86_400.0 - GUARD / 2) == 2 * 86_400.0 + GUARD
    assert last_expiry(Calendar(period="day"), 100.0) == 2 * 86_400.0 + GUARD


def test_when_a_full_limit_opens() -> None:
    minute = Rolling(seconds=60)
    ended = [(10.0, 1), (20.0, 2), (30.0, 4)]
    assert [opens_at(minute, 5.0, excess, ended) for excess in (1, 2, 3, 7)] == [10.0, 20.0, 20.0, 30.0]
    assert opens_at(minute, 5.0, 8, ended) == 65.0 + GUARD
    assert opens_at(Lifetime(), 5.0, 1, ended) is None


def test_when_everything_is_free_again() -> None:
    assert full_again_at(Rolling(seconds=60), 5.0, 30.0, 0) == 30.0
    assert full_again_at(Rolling(seconds=60), 5.0, 30.0, 1) == 65.0 + GUARD
    assert full_again_at(Rolling(seconds=60), 5.0, None, 0) is None
    assert full_again_at(Lifetime(), 5.0, NEVER, 1) is None


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd"])
def test_a_name_that_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is not a time zone"):
        zone_of(name)


def test_buckets_are_stable_words() -> None:
    """They stand in files: a changed word would give every account a fresh quota."""
    day = Calendar(period="day", zone="America/Los_Angeles")
    assert bucket_of(target(), limit(1)) == "north/default|model:m-1|request|rolling:60"
    assert bucket_of(target(), limit(1, window=day)) == "north/default|model:m-1|request|day:America/Los_Angeles"
    pool = limit(1, window=Held(), scope=Scope.POOL, pool="a|b")
    assert bucket_of(target(), pool) == "north/default|pool:a%7Cb|request|held"
    for scope in (Scope.ACCOUNT, Scope.PROJECT):
        assert bucket_of(target(), limit(1, window=Lifetime(), scope=scope)) == "north/default|account|request|lifetime"
    assert bucket_of(target(), limit(1, scope=Scope.IP)) == "north|ip|request|rolling:60"


def test_sections_share_an_account_only_where_they_name_one() -> None:
    one, two = target(name="north-a", account="acme"), target(name="north-b", account="acme")
    assert bucket_of(one, limit(1)) == bucket_of(two, limit(1))
    assert bucket_of(target(name="north-a"), limit(1)) != bucket_of(target(name="north-b"), limit(1))


def test_keys_of_one_account_have_each_their_own_limit_where_it_is_the_key_s() -> None:
    one, two = target(name="north-a", account="acme"), target(name="north-b", account="acme")
    mine = limit(1, scope=Scope.KEY)
    assert bucket_of(one, mine) == "north/acme|key:north-a|request|rolling:60"
    assert bucket_of(one, mine) != bucket_of(two, mine)


def test_a_budget_keeps_its_bucket_when_its_amount_changes() -> None:
    small = Budget(amount=Money.usd("1"), period="day", zone="Europe/Berlin", provider="north")
    assert budget_bucket(small) == "budget|provider:north|usd|day:Europe/Berlin"
    assert budget_bucket(small.model_copy(update={"amount": Money.usd("2")})) == budget_bucket(small)
