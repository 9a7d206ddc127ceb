"""Which price is in force at a moment, and until when that answer holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from shunpike.types import ModelInfo, Money, Price, PriceRow
from shunpike.types.price import per_token

DAY = timedelta(days=1)
DAYS = range(9)
"""How many days hours and weekdays have to be followed until they repeat: the one that has begun, a week, its end."""


def price_at(model: ModelInfo, at: datetime, prompt_tokens: int) -> Price | None:
    """Return the list price of ``model`` at the aware moment ``at`` for a prompt of that size; None = unknown.

    Days and hours are UTC. Of the rows in force the narrowest wins: the highest prompt-size bound, then the fewest
    hours, the fewest weekdays, the latest first day, then one that ends. ``valid_until`` of the
    price is the next moment at which another row, or none, takes over. Raises `ValueError` for a naive moment.
    """
    if at.tzinfo is None:
        raise ValueError(f"expected an aware moment, got {at!r} without a time zone")
    at = at.astimezone(UTC)
    rows = [row for row in model.prices if prompt_tokens > _bound(row)]
    row = _in_force(rows, at)
    return None if row is None else _price(row, _changes(rows, row, at))


def _in_force(rows: Sequence[PriceRow], at: datetime) -> PriceRow | None:
    return max((row for row in rows if _holds(row, at)), key=_narrowness, default=None)


def _holds(row: PriceRow, at: datetime) -> bool:
    day = at.date()
    return (
        (row.effective_from is None or row.effective_from <= day)
        and (row.effective_until is None or day <= row.effective_until)
        and (row.weekdays is None or day.weekday() in row.weekdays)
        and (row.hours_utc is None or any(start <= at.hour < end for start, end in row.hours_utc))
    )


def _narrowness(row: PriceRow) -> tuple[int, int, int, date, bool]:
    hours = 24 if row.hours_utc is None else sum(end - start for start, end in row.hours_utc)
    weekdays = 7 if row.weekdays is None else len(set(row.weekdays))
    starts = row.effective_from or date.min
    return _bound(row), -hours, -weekdays, starts, row.effective_until is not None


def _bound(row: PriceRow) -> int:
    return -1 if row.above_prompt_tokens is None else row.above_prompt_tokens


def _changes(rows: Sequence[PriceRow], row: PriceRow, at: datetime) -> float | None:
    for moment in _edges(rows, at):
        if _in_force(rows, moment) is not row:
            return moment.timestamp()
    return None


def _edges(rows: Sequence[PriceRow], at: datetime) -> list[datetime]:
    days = {row.effective_from for row in rows if row.effective_from}
    days |= {row.effective_until + DAY for row in rows if row.effective_until}
    edges = {datetime.combine(day, time(), UTC) for day in days}
    if any(row.hours_utc is not None or row.weekdays is not None for row in rows):
        hours = {hour for row in rows for window in row.hours_utc or () for hour in window} | {0}
        for base in (at, *edges.copy()):
            midnight = datetime.combine(base.date(), time(), UTC)
            edges |= {midnight + timedelta(days=day, hours=hour) for day in DAYS for hour in hours}
    return sorted(edge for edge in edges if edge > at)


def _price(row: PriceRow, valid_until: float | None) -> Price:
    return Price(
        prompt=per_token(row.prompt),
        completion=per_token(row.completion),
        cached=None if row.cached is None else per_token(row.cached),
        cache_write=None if row.cache_write is None else per_token(row.cache_write),
        request=Money.usd(row.request).pico,
        valid_until=valid_until,
    )
