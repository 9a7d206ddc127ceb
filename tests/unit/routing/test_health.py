"""What a process learned of models, accounts, addresses and keys: what is closed, for how long, and who tests it."""

from __future__ import annotations

import pytest

from shunpike.errors import AuthError, CreditsExhausted, NotHere, Overloaded, ProviderError, RateLimited, RequestError
from shunpike.routing.health import CREDITS, GONE, KEY, TESTED_FOR, TROUBLE, UNNAMED, Health
from shunpike.routing.trouble import TroublePlace, TroubleScope
from shunpike.types import Cause
from shunpike_testkit.clock import VirtualClock

NORTH = TroublePlace("north/m", "north", "north https://north", "north key")
OTHER_MODEL = NORTH._replace(model="north/other")
ELSEWHERE = TroublePlace("south/m", "south", "south https://south", "south key")


def down(status: int | None = 503) -> Overloaded:
    return Overloaded("down", provider="north", status=status)


@pytest.mark.parametrize(
    ("error", "scope", "seconds"),
    [
        (down(), TroubleScope.MODEL, TROUBLE.first),
        (Overloaded("no way", provider="north", kind="connection"), TroubleScope.ORIGIN, TROUBLE.first),
        (AuthError("refused", provider="north"), TroubleScope.KEY, KEY.first),
        (CreditsExhausted("empty", provider="north"), TroubleScope.ACCOUNT, CREDITS.first),
        (NotHere("gone", provider="north"), TroubleScope.MODEL, GONE.first),
        (RateLimited("too many", provider="north"), TroubleScope.MODEL, UNNAMED.first),
    ],
)
def test_a_failure_closes_what_it_is_about_for_its_time(
    error: ProviderError, scope: TroubleScope, seconds: float
) -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.learn(NORTH, error, clock.now())

    closed = health.enter(NORTH)
    assert closed is not None
    assert closed.scope is scope
    assert health.closed_until(NORTH) == clock.now() + seconds
    assert health.enter(ELSEWHERE) is None
    clock.advance(seconds)
    assert health.enter(NORTH) is None


def test_a_request_that_is_refused_closes_nothing() -> None:
    health = Health(VirtualClock())
    health.learn(NORTH, RequestError("no such field", provider="north"), 0.0)

    assert health.enter(NORTH) is None


def test_each_failure_in_a_row_doubles_the_time() -> None:
    clock = VirtualClock()
    health = Health(clock)
    for seconds in (1.0, 2.0, 4.0):
        health.learn(NORTH, down(), clock.now())
        assert health.closed_until(NORTH) == clock.now() + seconds
        clock.advance(seconds)
        assert health.enter(NORTH) is None


def test_one_request_tests_it_while_the_others_stay_away() -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.learn(NORTH, down(), clock.now())
    clock.advance(TROUBLE.first)

    assert health.enter(NORTH) is None
    assert health.enter(NORTH) is not None
    health.leave(NORTH)
    assert health.enter(NORTH) is None
    clock.advance(TESTED_FOR)
    assert health.enter(NORTH) is None


def test_a_good_answer_opens_it_and_tells_the_others() -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.learn(NORTH, down(), clock.now())
    told, _ = health.news()
    health.booked(told)
    health.succeeded(NORTH)

    assert health.enter(NORTH) is None
    assert health.news() == ((), tuple(one.bucket for one in told))


def test_two_models_in_trouble_close_their_account() -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.learn(NORTH, down(), clock.now())
    clock.advance(0.1)
    health.learn(OTHER_MODEL, down(), clock.now())

    closed = health.enter(NORTH._replace(model="north/third"))
    assert closed is not None
    assert (closed.scope, closed.cause) == (TroubleScope.ACCOUNT, Cause.TROUBLE)


def test_what_it_knows_of_a_target_is_told_to_strategies() -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.learn(NORTH, down(), clock.now())

    assert (health.of(NORTH).failures, health.of(NORTH).error) == (1, "overloaded")
    assert health.of(ELSEWHERE).failures == 0


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (down(), TROUBLE.first),
        (NotHere("gone", provider="north"), GONE.first),
        (RateLimited("too many", provider="north"), UNNAMED.first),
    ],
)
def test_a_wall_clock_that_is_set_back_keeps_nothing_closed_for_longer(error: ProviderError, seconds: float) -> None:
    """It was closed for as long as the clock had been set back: a week, where it was a week."""
    clock = VirtualClock()
    health = Health(clock)
    health.learn(NORTH, error, clock.now())
    clock.set_back(7 * 86_400.0)

    assert health.closed_until(NORTH) == pytest.approx(clock.now() + seconds, abs=1e-3)
    closed = health.enter(NORTH)
    assert closed is not None
    assert closed.closed_until == health.closed_until(NORTH)
    clock.advance(seconds)
    assert health.closed_until(NORTH) is None
    assert health.enter(NORTH) is None
    assert health.enter(NORTH) is not None, "one tests it"
    clock.set_back(86_400.0)
    clock.advance(TESTED_FOR)
    assert health.enter(NORTH) is None, "also for the others, while one tests"


def test_a_moment_that_the_provider_named_is_one_of_the_wall_clock() -> None:
    clock = VirtualClock()
    health, error = Health(clock), down()
    error.retry_at = named = clock.now() + 100.0
    health.learn(NORTH, error, clock.now())
    clock.set_back(3_600.0)

    assert health.closed_until(NORTH) == named
