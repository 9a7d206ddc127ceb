"""Laws of times as providers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.wire import parse_duration, parse_moment, retry_moment, retry_told

NOW = 1_795_000_000.0


def format_duration(seconds: float) -> str:
    """Return ``seconds`` in the form of Go's durations, to the microsecond: the inverse of `parse_duration`."""
    micros = round(seconds * 1e6)
    hours, micros = divmod(micros, 3_600_000_000)
    minutes, micros = divmod(micros, 60_000_000)
    whole, part = divmod(micros, 1_000_000)
    fraction = f".{part:06d}".rstrip("0") if part else ""
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{head}{whole}{fraction}s"


@given(micros=st.integers(min_value=0, max_value=30 * 86_400 * 10**6))
def test_a_duration_survives_being_written_and_read(micros: int) -> None:
    seconds = micros / 1e6
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-6)


@given(micros=st.integers(min_value=0, max_value=86_400 * 10**6))
def test_a_sentence_says_the_same_as_the_duration_in_it(micros: int) -> None:
    written = format_duration(micros / 1e6)
    assert retry_told(f"Rate limit reached. Please try again in {written}. See the docs.", NOW) == pytest.approx(
        NOW + micros / 1e6, abs=1e-5
    )


@given(ahead=st.integers(min_value=0, max_value=86_400 * 300))
def test_epoch_seconds_milliseconds_and_dates_name_the_same_moment(ahead: int) -> None:
    moment = int(NOW) + ahead
    date = datetime.fromtimestamp(moment, UTC)
    for text in (str(moment), str(moment * 1000), format_datetime(date, usegmt=True), date.isoformat()):
        assert parse_moment(text, NOW) == pytest.approx(moment)


@given(text=st.text(max_size=80))
def test_no_text_at_all_makes_the_parsers_fail(text: str) -> None:
    for moment in (parse_moment(text, NOW), retry_moment({"retry-after": text, "retry-after-ms": text}, NOW)):
        assert moment is None or moment >= NOW
    assert (parse_duration(text) or 0) >= 0
    assert (retry_told(f"try again in {text}", NOW) or NOW) >= NOW
