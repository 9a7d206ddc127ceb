"""The price in force: days, hours, weekdays, the size of the prompt, and how long the answer holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from shunpike.catalog import price_at
from shunpike.types import ModelInfo, Price, PriceRow


def model(*rows: PriceRow) -> ModelInfo:
    return ModelInfo(provider="p", id="m", prices=rows, as_of=date(2026, 11, 22), source="test")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dollars(price: Price | None) -> tuple[float, float] | None:
    return None if price is None else (price.prompt / 10**6, price.completion / 10**6)


PROMO = model(
    PriceRow(prompt="0.75", completion="3.75", cached="0.075", effective_until=date(2026, 12, 31)),
    PriceRow(prompt="1.50", completion="7.50", effective_from=date(2027, 1, 1)),
)
PEAK = model(
    PriceRow(prompt="0.15", completion="0.60"),
    PriceRow(prompt="0.30", completion="1.20", hours_utc=((1, 4), (6, 10)), weekdays=(0, 1, 2, 3, 4)),
)
SIZES = model(
    PriceRow(prompt="2", completion="12"),
    PriceRow(prompt="4", completion="18", above_prompt_tokens=200_000),
)


def test_without_rows_the_price_is_unknown():
    assert price_at(model(), moment("2026-11-22"), 1) is None


def test_a_row_without_conditions_holds_until_the_catalog_changes():
    price = price_at(model(PriceRow(prompt="0.1", completion="0.5", request="0.001")), moment("2026-11-22"), 1)

    assert price == Price(prompt=100_000, completion=500_000, request=10**9)


def test_a_promotion_ends_at_the_end_of_its_last_day():
    before, after = moment("2026-12-31T23:59:59"), moment("2027-01-01")

    assert dollars(price_at(PROMO, before, 1)) == (0.75, 3.75)
    assert price_at(PROMO, before, 1).valid_until == after.timestamp()
    assert dollars(price_at(PROMO, after, 1)) == (1.5, 7.5)
    assert price_at(PROMO, after, 1).valid_until is None


def test_after_the_last_row_the_price_is_unknown_never_zero():
    ended = model(PriceRow(prompt="1", completion="2", effective_until=date(2026, 11, 30)))

    assert price_at(ended, moment("2026-11-30T12:00"), 1).valid_until == moment("2026-12-01").timestamp()
    assert price_at(ended, moment("2026-12-01"), 1) is None


@pytest.mark.parametrize(
    ("at", "expected", "until"),
    [
        ("2026-11-23T00:59:59", (0.15, 0.6), "2026-11-23T01:00"),  # a Monday
        ("2026-11-23T01:00:00", (0.3, 1.2), "2026-11-23T04:00"),
        ("2026-11-23T04:00:00", (0.15, 0.6), "2026-11-23T06:00"),
        ("2026-11-23T09:59:59", (0.3, 1.2), "2026-11-23T10:00"),
        ("2026-11-27T10:00:00", (0.15, 0.6), "2026-11-30T01:00"),  # Friday to Monday
        ("2026-11-28T02:00:00", (0.15, 0.6), "2026-11-30T01:00"),  # a Saturday
    ],
)
def test_peak_hours_are_half_open_and_on_their_weekdays_only(at, expected, until):
    price = price_at(PEAK, moment(at), 1)

    assert dollars(price) == expected
    assert price.valid_until == moment(until).timestamp()


def test_hours_are_those_of_utc_wherever_the_moment_was_read():
    pacific = moment("2026-11-23T02:00").astimezone(timezone(timedelta(hours=-8)))

    assert dollars(price_at(PEAK, pacific, 1)) == (0.3, 1.2)


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="aware moment"):
        price_at(PEAK, datetime(2026, 11, 23), 1)  # noqa: DTZ001


def test_a_prompt_above_the_bound_is_priced_by_that_row_as_a_whole():
    assert dollars(price_at(SIZES, moment("2026-11-22"), 200_000)) == (2, 12)
    assert dollars(price_at(SIZES, moment("2026-11-22"), 200_001)) == (4, 18)


def test_the_size_of_the_prompt_goes_before_the_hour():
    both = model(*PEAK.prices, PriceRow(prompt="9", completion="9", above_prompt_tokens=1000))

    assert dollars(price_at(both, moment("2026-11-23T02:00"), 1001)) == (9, 9)


def test_a_later_row_goes_before_an_open_one():
    changed = model(
        PriceRow(prompt="1", completion="1"), PriceRow(prompt="2", completion="2", effective_from=date(2026, 11, 1))
    )

    assert dollars(price_at(changed, moment("2026-11-02"), 1)) == (2, 2)
    assert price_at(changed, moment("2026-10-02"), 1).valid_until == moment("2026-11-01").timestamp()


def test_a_row_that_ends_goes_before_one_that_does_not():
    promo = model(
        PriceRow(prompt="2", completion="2"), PriceRow(prompt="1", completion="1", effective_until=date(2026, 11, 30))
    )

    assert dollars(price_at(promo, moment("2026-11-30"), 1)) == (1, 1)
    assert dollars(price_at(promo, moment("2026-12-01"), 1)) == (2, 2)
