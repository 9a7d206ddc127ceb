"""Many that fail at a time are one trouble: it closes a place once, until the latest moment that one of them names."""

from __future__ import annotations

import pytest

from shunpike.routing.breaker import FIRST_CLOSED
from shunpike.routing.health import Health
from shunpike_testkit.clock import VirtualClock

from .test_health import NORTH, down


@pytest.mark.parametrize("named", [None, 1.0])
def test_many_that_fail_at_a_time_close_a_place_once(named: float | None) -> None:
    clock = VirtualClock()
    health, begun = Health(clock), clock.now()
    clock.advance(1.0)
    for _ in range(20):
        error = down()
        error.retry_at = None if named is None else clock.now() + named
        health.learn(NORTH, error, begun)
    assert health.closed_until(NORTH) == clock.now() + (named or FIRST_CLOSED)


def test_the_latest_moment_that_one_of_many_names_counts() -> None:
    clock = VirtualClock()
    health, begun = Health(clock), clock.now()
    clock.advance(1.0)
    for seconds in (5.0, 40.0, 20.0):
        error = down()
        error.retry_at = clock.now() + seconds
        told = health.learn(NORTH, error, begun)
        assert told.closed_until == health.closed_until(NORTH)
    assert health.closed_until(NORTH) == clock.now() + 40.0
