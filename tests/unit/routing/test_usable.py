"""How many of a model's answers are any: little that was seen counts little, and a task is taken as its model is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shunpike.routing.usable import MOST, USUAL, WINDOW, UsableAnswers

OUTCOMES = st.lists(st.booleans(), min_size=1, max_size=60)


def fed(outcomes: list[bool], task: str | None = None) -> UsableAnswers:
    known = UsableAnswers()
    for usable in outcomes:
        known.note("acme/m", task, usable=usable)
    return known


@given(OUTCOMES)
def test_it_lies_between_what_is_usual_and_what_was_seen(outcomes: list[bool]) -> None:
    found, seen = fed(outcomes).share("acme/m", None), sum(outcomes) / len(outcomes)

    assert found is not None
    assert min(seen, USUAL) <= found <= max(seen, USUAL)


@given(OUTCOMES)
def test_one_more_bad_answer_never_makes_it_better(outcomes: list[bool]) -> None:
    before, after = fed(outcomes, "code"), fed([*outcomes, False], "code")

    for task in (None, "code", "other"):
        assert (after.share("acme/m", task) or 0.0) <= (before.share("acme/m", task) or 0.0) + 1e-12


def test_one_bad_answer_condemns_nobody_and_a_hundred_do() -> None:
    assert (fed([False]).share("acme/m", None) or 0) > 0.9
    assert (fed([False] * 100).share("acme/m", None) or 1) < 0.2


def test_a_task_that_was_never_seen_is_taken_as_the_model_is() -> None:
    known = fed([False] * 50, "code")

    assert known.share("acme/m", "poems") == known.share("acme/m", None)
    assert (known.share("acme/m", "code") or 1.0) < (known.share("acme/m", None) or 0.0)
    assert known.share("acme/other", "code") is None


def test_what_is_long_ago_counts_less() -> None:
    known = fed([False] * 200 + [True] * round(3 * WINDOW))

    assert (known.share("acme/m", None) or 0) > 0.9


def test_it_keeps_only_so_many() -> None:
    known = UsableAnswers()
    for place in range(MOST + 10):
        known.note(f"acme/{place}", None, usable=True)

    assert known.share("acme/0", None) is None
    assert known.share(f"acme/{MOST + 9}", None) is not None
