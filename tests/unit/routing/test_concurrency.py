"""How many calls an account bears at a time is found by trying: its laws."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from shunpike.routing.concurrency import FIRST, LEAST, MOST, PATIENCE, STALE, Concurrency


def rounds(found: Concurrency, bears: int, count: int, *, wanted: int = MOST, now_mono: float = 0.0) -> tuple[int, int]:
    """Let rounds of calls run, of which so many are answered as are borne; return answers and refusals."""
    answered = refused = 0
    for number in range(count):
        began_mono = now_mono + number
        running = min(wanted, found.allowed(began_mono))
        for at_once in range(1, running + 1):
            if at_once <= bears:
                found.answered(at_once, began_mono + 0.5)
                answered += 1
            else:
                found.refused(at_once, began_mono, began_mono + 0.1)
                refused += 1
    return answered, refused


def test_it_begins_with_four_and_doubles_until_something_speaks_against_it() -> None:
    found = Concurrency()
    seen = []
    for _ in range(5):
        seen.append(found.allowed(0.0))
        rounds(found, MOST, 1)
    assert seen[0] == FIRST
    assert all(later >= 1.4 * earlier for earlier, later in pairwise(seen))
    rounds(found, MOST, 10)
    assert found.allowed(0.0) == MOST


@settings(max_examples=30, deadline=None)
@given(bears=st.integers(1, MOST))
def test_what_an_account_bears_is_found_and_kept_with_few_refusals(bears: int) -> None:
    found = Concurrency()
    rounds(found, bears, 20)
    answered, refused = rounds(found, bears, 400, now_mono=100.0)

    assert answered >= 0.9 * 400 * bears
    assert refused <= 0.05 * answered


@settings(max_examples=15, deadline=None)
@given(bears=st.integers(2, MOST), more=st.integers(2, 3))
def test_an_account_that_bears_more_than_before_is_given_more(bears: int, more: int) -> None:
    found = Concurrency()
    rounds(found, bears, 50)
    rounds(found, bears * more, 1_000, now_mono=1_000.0)

    assert found.allowed(10_000.0) >= min(bears * more, MOST) - 1


def test_more_is_not_tried_by_who_does_not_need_it() -> None:
    found = Concurrency()
    rounds(found, MOST, 100, wanted=1)

    assert found.allowed(0.0) == FIRST


def test_signs_of_overload_of_one_round_count_once_and_take_a_tenth() -> None:
    found = Concurrency()
    rounds(found, MOST, 20)
    for _ in range(30):
        found.overloaded(60, 100.0, 101.0)

    assert found.allowed(101.0) == int(MOST * 0.9)


def test_a_call_that_ran_alone_tells_nothing_of_how_many_may() -> None:
    found = Concurrency()
    for second in range(100):
        found.overloaded(1, float(second), second + 0.5)
        found.refused(1, float(second), second + 0.5)

    assert found.allowed(100.0) == FIRST


def test_what_was_refused_is_tried_again_after_a_while_whatever_came() -> None:
    found = Concurrency()
    found.refused(4, 0.0, 0.1)

    assert [found.allowed(0.2), found.allowed(STALE + 0.2)] == [3, 4]


def test_what_is_refused_again_is_tried_more_rarely() -> None:
    found = Concurrency()
    _, few = rounds(found, 3, 3 * PATIENCE)
    _, fewer = rounds(found, 3, 3 * PATIENCE, now_mono=200.0)

    assert 0 < fewer < few <= 4


@given(st.lists(st.tuples(st.sampled_from("aor"), st.integers(0, 80), st.floats(0, 9)), max_size=60))
def test_it_stays_within_its_bounds_whatever_comes(told: list[tuple[str, int, float]]) -> None:
    found, now_mono = Concurrency(), 0.0
    for what, at_once, took in told:
        began_mono, now_mono = now_mono, now_mono + took
        if what == "a":
            found.answered(at_once, now_mono)
        else:
            (found.overloaded if what == "o" else found.refused)(at_once, began_mono, now_mono)
        assert LEAST <= found.allowed(now_mono) <= MOST + 16
