"""What other processes are told of a place in trouble, and read of it."""

from __future__ import annotations

import pytest

from shunpike.routing.shared_health import LONGEST, REMEMBERED, Closed, Place, bucket_of, heard_of, place_of, told_of
from shunpike.routing.trouble import TroubleScope
from shunpike.types import Cause
from shunpike_testkit.clock import VirtualClock

NOW = 1_800_000_000.0


@pytest.mark.parametrize("seconds", [1.0, LONGEST - 1, LONGEST, 6 * 3_600.0])
def test_others_ask_again_after_an_hour_at_the_latest_whatever_was_named(seconds: float) -> None:
    place: Place = (TroubleScope.ORIGIN, "acme https://x")
    known = Closed(NOW + seconds, NOW, 3, "overloaded", "overloaded: down", Cause.TROUBLE)
    told = told_of(place, known)
    asked = NOW + min(seconds, LONGEST)
    assert (told.test_at, told.until, told.failures) == (asked, asked + REMEMBERED, 3)
    heard = heard_of(place, told, 5.0)
    assert (heard.opens_at, heard.closed_at, heard.failures, heard.booked_mono) == (asked, NOW, 3, 5.0)
    assert (heard.kind, heard.reason) == ("overloaded", "overloaded: down")


@pytest.mark.parametrize(
    "place",
    [
        (TroubleScope.MODEL, "acme/vendor/model:free"),
        (TroubleScope.ACCOUNT, "acme"),
        (TroubleScope.ORIGIN, "acme https://host:8080"),
        (TroubleScope.KEY, "acme 1f2e3d"),
        (TroubleScope.MODEL, "my|acme/a|b"),
    ],
)
def test_a_place_is_found_again_by_its_bucket(place: Place) -> None:
    assert place_of(bucket_of(place)) == place


def test_what_others_told_is_over_within_the_hour_also_where_the_wall_clock_was_set_back() -> None:
    clock, place = VirtualClock(NOW), (TroubleScope.ORIGIN, "acme https://x")
    known = Closed(NOW + 60.0, NOW, 1, "overloaded", "overloaded: down", Cause.TROUBLE)
    heard = heard_of(place, told_of(place, known), clock.monotonic())
    assert heard.opening(clock) == NOW + 60.0
    clock.set_back(7 * 86_400.0)
    assert heard.opening(clock) == clock.now() + LONGEST
