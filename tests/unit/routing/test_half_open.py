"""A place that one request tests is tested by another as soon as the test has ended, however it did."""

from __future__ import annotations

import pytest

from shunpike.errors import Overloaded, RateLimited
from shunpike.routing.breaker import FAILURES, FIRST_CLOSED, UNNAMED
from shunpike.routing.health import Health
from shunpike_testkit.clock import VirtualClock

from .test_health import CONNECTION, NORTH, down


@pytest.mark.parametrize(("closing", "testing"), [(down(), CONNECTION), (CONNECTION, down())])
def test_a_test_that_fails_at_something_else_is_over(closing: Overloaded, testing: Overloaded) -> None:
    clock = VirtualClock()
    health = Health(clock)
    for _ in range(FAILURES):
        health.learn(NORTH, closing, clock.now())
        clock.advance(0.01)
    clock.advance(FIRST_CLOSED)
    assert health.enter(NORTH) is None
    assert health.enter(NORTH) is not None, "one at a time tests it"

    health.learn(NORTH, testing, clock.now())

    assert health.enter(NORTH) is None
    assert health.enter(NORTH) is not None


def test_what_had_begun_before_a_place_was_closed_ends_no_test_of_it() -> None:
    clock = VirtualClock()
    health, begun = Health(clock), clock.now()
    clock.advance(1.0)
    for _ in range(FAILURES):
        health.learn(NORTH, down(), clock.now())
        clock.advance(0.01)
    clock.advance(FIRST_CLOSED)
    assert health.enter(NORTH) is None

    health.learn(NORTH, CONNECTION, begun)

    assert health.enter(NORTH) is not None


def test_a_test_of_a_limit_that_meets_trouble_is_over() -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.learn(NORTH, RateLimited("slow down", provider="north", status=429), clock.now())
    clock.advance(UNNAMED.first)
    assert health.enter(NORTH) is None
    clock.advance(0.01)

    health.learn(NORTH, down(), clock.now())

    assert health.enter(NORTH) is None
