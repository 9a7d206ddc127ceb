"""What a process learned of models, accounts, addresses and keys: what is closed, for how long, and who tests it."""

from __future__ import annotations

import pytest

from shunpike.errors import (
    AuthError,
    BadAnswer,
    CreditsExhausted,
    NotHere,
    Overloaded,
    ProviderError,
    RateLimited,
    RequestError,
)
from shunpike.routing.breaker import (
    BACK_OFF,
    CREDITS,
    FAILURES,
    FIRST_CLOSED,
    FORGIVEN,
    GONE,
    HASTE,
    KEY,
    LONGEST_CLOSED,
    TEST_LEASE,
    TESTED_FOR,
    UNNAMED,
)
from shunpike.routing.health import Health
from shunpike.routing.trouble import TroublePlace, TroubleScope
from shunpike.types import Cause
from shunpike_testkit.clock import VirtualClock

NORTH = TroublePlace("north/m", "north", "north https://north", "north key")
OTHER_MODEL = NORTH._replace(model="north/other")
ELSEWHERE = TroublePlace("south/m", "south", "south https://south", "south key")


CONNECTION = Overloaded("no way", provider="north", kind="connection")


def down(status: int | None = 503) -> Overloaded:
    return Overloaded("down", provider="north", status=status)


def learn(health: Health, clock: VirtualClock, times: int, error: ProviderError | None = None) -> None:
    """Let so many attempts fail, one after the other."""
    for _ in range(times):
        health.learn(NORTH, error or down(), clock.now())
        clock.advance(0.01)


@pytest.mark.parametrize(
    ("error", "scope", "seconds"),
    [
        (AuthError("refused", provider="north"), TroubleScope.KEY, KEY.first),
        (CreditsExhausted("empty", provider="north"), TroubleScope.ACCOUNT, CREDITS.first),
        (NotHere("gone", provider="north"), TroubleScope.MODEL, GONE.first),
        (RateLimited("too many", provider="north"), TroubleScope.MODEL, UNNAMED.first),
    ],
)
def test_what_is_no_trouble_closes_at_once_what_it_is_about_for_its_time(
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


@pytest.mark.parametrize(("error", "scope"), [(down(), TroubleScope.MODEL), (CONNECTION, TroubleScope.ORIGIN)])
def test_five_failures_in_a_row_close_it_and_fewer_close_nothing_for_others(
    error: ProviderError, scope: TroubleScope
) -> None:
    clock = VirtualClock()
    health = Health(clock)
    for failures in range(1, FAILURES):
        setback = health.learn(NORTH, error, clock.now())
        assert (setback.transient, setback.closed_until) == (True, clock.now() + BACK_OFF.after(failures))
        assert health.enter(NORTH) is None
        assert health.enter(NORTH) is None, "nobody tests it: all may go in"
    setback = health.learn(NORTH, error, clock.now())

    assert (setback.transient, setback.closed_until, setback.scope) == (False, clock.now() + FIRST_CLOSED, scope)
    closed = health.enter(NORTH)
    assert closed is not None
    assert (closed.scope, closed.cause) == (scope, Cause.TROUBLE)
    assert health.enter(ELSEWHERE) is None


def test_an_answer_in_between_begins_the_count_anew() -> None:
    clock = VirtualClock()
    health = Health(clock)
    for _ in range(5):
        learn(health, clock, FAILURES - 1)
        health.succeeded(NORTH)

    assert health.enter(NORTH) is None


def test_each_time_it_is_closed_for_longer_up_to_five_minutes() -> None:
    clock = VirtualClock()
    health = Health(clock)
    learn(health, clock, FAILURES - 1)
    for times in range(1, 14):
        health.learn(NORTH, down(), clock.now())
        assert health.closed_until(NORTH) == clock.now() + min(LONGEST_CLOSED, FIRST_CLOSED * times)
        clock.advance(min(LONGEST_CLOSED, FIRST_CLOSED * times))
        assert health.enter(NORTH) is None


def test_one_that_flaps_is_closed_for_longer_until_it_was_well_for_a_while() -> None:
    clock = VirtualClock()
    health = Health(clock)
    learn(health, clock, FAILURES)
    for wait, seconds in ((1.0, 2 * FIRST_CLOSED), (1.0, 3 * FIRST_CLOSED), (2 * FORGIVEN, 2 * FIRST_CLOSED)):
        health.succeeded(NORTH)
        clock.advance(wait)
        learn(health, clock, FAILURES)
        assert health.closed_until(NORTH) == pytest.approx(clock.now() - 0.01 + seconds)


def test_attempts_that_fail_together_close_it_once() -> None:
    clock = VirtualClock()
    health, begun = Health(clock), clock.now()
    for _ in range(64):
        clock.advance(0.1)
        health.learn(NORTH, down(), begun)

    assert health.closed_until(NORTH) == pytest.approx(begun + 0.1 * FAILURES + FIRST_CLOSED)
    assert health.of(NORTH).failures == FAILURES


def test_a_moment_that_trouble_names_is_obeyed_at_once_and_never_shortened() -> None:
    clock = VirtualClock()
    health, late, soon = Health(clock), down(), down()
    late.retry_at, soon.retry_at = clock.now() + 400.0, clock.now() + 2.0
    setback = health.learn(NORTH, late, clock.now())
    assert (setback.transient, setback.closed_until, setback.sure) == (False, late.retry_at, True)

    health.learn(NORTH, soon, clock.now())
    learn(health, clock, FAILURES)
    assert health.closed_until(NORTH) == late.retry_at


def test_a_limit_and_trouble_of_one_model_do_not_shorten_each_other() -> None:
    """They were one count, so that four failures made a minute's limit one of sixteen seconds more."""
    clock = VirtualClock()
    health, limited = Health(clock), RateLimited("too many", provider="north")
    limited.retry_at = clock.now() + 0.5
    learn(health, clock, FAILURES - 1)
    health.learn(NORTH, limited, clock.now())
    assert health.closed_until(NORTH) == clock.now() + HASTE.first

    health.learn(NORTH, down(), clock.now())
    assert health.closed_until(NORTH) == clock.now() + FIRST_CLOSED


def test_one_request_tests_it_while_the_others_stay_away() -> None:
    clock = VirtualClock()
    health = Health(clock)
    learn(health, clock, FAILURES)
    clock.advance(FIRST_CLOSED)

    assert health.enter(NORTH) is None
    assert health.enter(NORTH) is not None
    health.leave(NORTH)
    assert health.enter(NORTH) is None
    for _ in range(4):
        assert health.closed_until(NORTH) == clock.now() + TESTED_FOR
        clock.advance(TESTED_FOR)
        assert health.enter(NORTH) is not None, "the test has not ended"
    clock.advance(TEST_LEASE)
    assert health.enter(NORTH) is None, "whatever became of it"


def test_a_test_that_tells_nothing_of_the_trouble_lets_another_one_in() -> None:
    clock = VirtualClock()
    health = Health(clock)
    learn(health, clock, FAILURES)
    clock.advance(FIRST_CLOSED)
    assert health.enter(NORTH) is None
    health.learn(NORTH, RequestError("no such field", provider="north"), clock.now())

    assert health.enter(NORTH) is None
    health.learn(NORTH, BadAnswer("empty", provider="north"), clock.now())
    assert health.enter(NORTH) is None
    assert health.enter(NORTH) is None, "a model that answers is well, whatever it says"


def test_a_good_answer_opens_it_and_tells_the_others() -> None:
    clock = VirtualClock()
    health = Health(clock)
    learn(health, clock, FAILURES)
    told, _ = health.news()
    health.booked(told)
    health.succeeded(NORTH)

    assert health.enter(NORTH) is None
    assert health.news() == ((), tuple(one.bucket for one in told))


def test_two_models_in_trouble_close_their_account() -> None:
    clock = VirtualClock()
    health = Health(clock)
    learn(health, clock, 3)
    health.learn(OTHER_MODEL, down(), clock.now())
    assert health.enter(NORTH._replace(model="north/third")) is None, "once is no more than chance"
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
        (down(), FIRST_CLOSED),
        (NotHere("gone", provider="north"), GONE.first),
        (RateLimited("too many", provider="north"), UNNAMED.first),
    ],
)
def test_a_wall_clock_that_is_set_back_keeps_nothing_closed_for_longer(error: ProviderError, seconds: float) -> None:
    """It was closed for as long as the clock had been set back: a week, where it was a week."""
    clock = VirtualClock()
    health = Health(clock)
    for _ in range(FAILURES if isinstance(error, Overloaded) else 1):
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
    clock.advance(TEST_LEASE)
    assert health.enter(NORTH) is None, "also for the others, while one tests"


def test_a_moment_that_the_provider_named_is_one_of_the_wall_clock() -> None:
    clock = VirtualClock()
    health, error = Health(clock), down()
    error.retry_at = named = clock.now() + 100.0
    health.learn(NORTH, error, clock.now())
    clock.set_back(3_600.0)

    assert health.closed_until(NORTH) == named
