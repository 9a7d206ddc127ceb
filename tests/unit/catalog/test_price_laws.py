"""What holds of every list of prices, at every moment."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shunpike.catalog import price_at
from shunpike.types import ModelInfo, PriceRow

DAYS = st.dates(date(2026, 11, 20), date(2026, 12, 10))
WINDOWS = st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda window: window[0] < window[1])
AMOUNTS = st.integers(0, 50).map(lambda cents: f"{cents / 100:.2f}")


@st.composite
def rows(draw: st.DrawFn) -> PriceRow:
    first, last = draw(st.none() | DAYS), draw(st.none() | DAYS)
    if first and last and first > last:
        first, last = last, first
    return PriceRow(
        prompt=draw(AMOUNTS),
        completion=draw(AMOUNTS),
        effective_from=first,
        effective_until=last,
        hours_utc=draw(st.none() | st.lists(WINDOWS, min_size=1, max_size=2).map(tuple)),
        weekdays=draw(st.none() | st.lists(st.integers(0, 6), min_size=1, unique=True).map(tuple)),
        above_prompt_tokens=draw(st.none() | st.integers(0, 100)),
    )


MODELS = st.lists(rows(), max_size=5).map(
    lambda prices: ModelInfo(provider="p", id="m", prices=tuple(prices), as_of=date(2026, 11, 22), source="test")
)
MOMENTS = st.datetimes(datetime(2026, 11, 15), datetime(2026, 12, 20), timezones=st.just(UTC))  # noqa: DTZ001
PROMPTS = st.integers(0, 150)


def figures(model: ModelInfo, at: datetime, prompt: int) -> object:
    price = price_at(model, at, prompt)
    return None if price is None else price.model_copy(update={"valid_until": None})


@settings(deadline=None)
@given(model=MODELS, at=MOMENTS, prompt=PROMPTS, share=st.floats(0, 1, exclude_max=True))
def test_a_price_holds_until_the_moment_it_names(model, at, prompt, share):
    price = price_at(model, at, prompt)
    if price is None:
        return
    until = price.valid_until if price.valid_until is not None else (at + timedelta(days=60)).timestamp()
    assert until > at.timestamp()

    later = at + timedelta(seconds=(until - at.timestamp()) * share)

    if later.timestamp() < until:
        assert figures(model, later, prompt) == figures(model, at, prompt)


@settings(max_examples=30, deadline=None)  # it walks through hundreds of hours
@given(model=MODELS, at=MOMENTS, prompt=PROMPTS)
def test_every_hour_until_then_has_the_same_price(model, at, prompt):
    price = price_at(model, at, prompt)
    if price is None or price.valid_until is None:
        return
    edge = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while edge.timestamp() < price.valid_until:
        assert figures(model, edge, prompt) == figures(model, at, prompt)
        edge += timedelta(hours=1)


@settings(deadline=None)
@given(model=MODELS, at=MOMENTS, prompt=PROMPTS)
def test_a_price_is_known_exactly_when_a_row_is_in_force(model, at, prompt):
    in_force = [
        row
        for row in model.prices
        if (row.effective_from or date.min) <= at.date() <= (row.effective_until or date.max)
        and (row.weekdays is None or at.weekday() in row.weekdays)
        and (row.hours_utc is None or any(start <= at.hour < end for start, end in row.hours_utc))
        and (row.above_prompt_tokens is None or prompt > row.above_prompt_tokens)
    ]

    assert (price_at(model, at, prompt) is None) == (not in_force)
