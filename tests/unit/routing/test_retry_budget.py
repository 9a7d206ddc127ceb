"""A target that mostly fails is not asked again by every request, and never by none."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from shunpike.routing.retry_budget import ALWAYS, LONGEST, MINUTE, RetryBudget, back_off

EVENTS = st.lists(st.tuples(st.sampled_from(["failed", "answered", "asks"]), st.floats(0, 20)), max_size=120)


@given(events=EVENTS)
def test_a_retry_needs_half_of_the_bucket_but_a_few_a_minute_need_nothing(events: Sequence[tuple[str, float]]) -> None:
    budget, tenths, now, retried = RetryBudget(), 100, 0.0, deque[float]()
    for what, seconds in events:
        now += seconds
        if what == "failed":
            budget.failed("a/1")
            tenths = max(0, tenths - 10)
        elif what == "answered":
            budget.answered("a/1")
            tenths = min(100, tenths + 1)
        else:
            allowed = budget.allows("a/1", now)
            recent = sum(now - at < MINUTE for at in retried)
            assert allowed == (tenths > 50 or recent < ALWAYS)
            assert budget.allows("b/1", now), "each target has its own"
            if allowed:
                budget.retried("a/1", now)
                retried.append(now)
        if tenths == 100:
            retried.clear()


def test_five_failures_in_a_row_use_up_what_is_above_the_minimum() -> None:
    budget = RetryBudget()
    for _ in range(5):
        assert budget.allows("a/1", 0.0)
        budget.failed("a/1")
    taken = 0
    while budget.allows("a/1", 0.0):
        budget.retried("a/1", 0.0)
        taken += 1
    assert taken == ALWAYS
    assert not budget.allows("a/1", MINUTE - 0.1)
    assert budget.allows("a/1", MINUTE)
    budget.answered("a/1")
    assert budget.allows("a/1", 0.0), "half of the bucket, and a tenth of a token"


def test_what_is_well_again_is_kept_no_longer() -> None:
    budget = RetryBudget()
    budget.failed("a/1")
    for _ in range(10):
        budget.answered("a/1")
    assert not budget._tenths


@given(seed=st.text(max_size=20), tries=st.integers(0, 50))
def test_the_back_off_is_the_same_for_the_same_request_and_within_a_growing_bound(seed: str, tries: int) -> None:
    seconds = back_off(seed, "a/1", tries)
    assert seconds == back_off(seed, "a/1", tries)
    assert 0.0 <= seconds <= min(LONGEST, 2.0 ** max(tries - 1, 0))


def test_requests_that_failed_together_do_not_come_back_together() -> None:
    moments = sorted(back_off(f"request-{number}", "a/1", 3) for number in range(400))
    quarter = sum(1 for seconds in moments if seconds < 1.0)
    assert 60 <= quarter <= 140, "about a quarter of them in each quarter of four seconds"
    assert moments[-1] > 3.9
