"""The rules of `shortening.watched`, one at a time, and how what it keeps follows a clock that was set."""

from __future__ import annotations

import pytest

from shunpike.ledger.shortening import WindowSighting, watched
from shunpike.types import Observation, Sighting, WindowObservation
from shunpike_testkit.targets import limit

NOW, MINUTE = 1_800_000_000.0, 60.0


def refused() -> WindowSighting:
    return WindowSighting("a", NOW - 1, NOW, NOW, "HTTP 429", refused=True, left=0, wait=2.0)


@pytest.mark.parametrize("failures", [0, 1, 2, 5])
def test_after_each_refused_test_the_next_one_waits_twice_as_long(failures: int) -> None:
    known = WindowObservation(amount=10, told_at=NOW - 5, wait=2.0, tests=1, test_at=NOW - 1, failures=failures)
    found = watched(known, limit(10), refused())
    assert found is not None
    assert found.no_test_before == NOW + MINUTE * 2**failures
    assert (found.tests, found.failures) == (0, failures + 1)


def test_a_refusal_takes_a_shorter_window_back_with_what_it_was_concluded_from() -> None:
    known = WindowObservation(amount=10, told_at=NOW - 5, wait=2.0, seconds=5.0, at=NOW - 5, rolling=4.0, refilled=4.0)
    found = watched(known, limit(10), refused())
    assert found is not None
    assert (found.seconds, found.rolling, found.refilled, found.fixed) == (None, None, None, None)


def test_what_is_known_of_a_window_moves_with_the_clock_that_its_moments_are_on() -> None:
    one = Sighting(started=NOW, seen=NOW + 1, since=NOW + 2)
    span = WindowObservation(
        amount=10, told_at=NOW + 3, test_at=NOW + 4, no_test_before=NOW + 5, at=NOW + 6, log=(one,)
    )
    moved = Observation(bucket="b", at=NOW, origin="header", span=span).moved(-30.0).span
    assert moved is not None
    assert (moved.told_at, moved.test_at, moved.no_test_before, moved.at) == (
        *(NOW + 3 - 30, NOW + 4 - 30),
        *(NOW + 5 - 30, NOW + 6 - 30),
    )
    assert (moved.log[0].started, moved.log[0].seen, moved.log[0].since) == (NOW - 30, NOW + 1 - 30, NOW + 2 - 30)
    assert moved.changed_at == 0.0, "what has no moment gets none"
