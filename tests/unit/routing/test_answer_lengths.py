"""How long an answer is likely to be: by its task and its model, as far as enough of them were seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shunpike.routing.answer_lengths import PRIOR, AnswerLengths


def seen(*answers: tuple[str | None, str, int]) -> AnswerLengths:
    lengths = AnswerLengths()
    for task, label, tokens in answers:
        lengths.answered(task, label, tokens)
    return lengths


def test_nothing_is_known_before_the_first_answer() -> None:
    assert AnswerLengths().expected(None) == AnswerLengths().expected("sums", "a/m") == 0


def test_an_answer_of_no_tokens_tells_nothing() -> None:
    assert seen((None, "a/m", 0)).expected(None) == 0


def test_what_was_seen_of_anybody_is_expected_of_all() -> None:
    lengths = seen((None, "a/m", 300))

    assert lengths.expected(None) == lengths.expected(None, "b/m") == lengths.expected("sums", "b/m") == 300


def test_a_task_has_a_length_of_its_own_once_it_was_seen_often() -> None:
    lengths = seen(*[(None, "a/m", 1_000), ("title", "a/m", 10)] * 50)

    assert lengths.expected("title") < 120
    assert lengths.expected("title", "a/m") < 60
    assert lengths.expected(None, "b/m") > 200


def test_few_answers_are_drawn_towards_the_larger_group() -> None:
    lengths = seen(*[(None, "a/m", 100)] * 1_000, (None, "b/m", 700))
    usual = lengths.expected(None)

    assert usual < lengths.expected(None, "b/m") < (700 + PRIOR * usual) / (1 + PRIOR) + 2


def test_a_wordy_model_is_expected_to_be_so_at_a_task_that_it_was_not_seen_at() -> None:
    lengths = seen(*[(None, "a/m", 400), (None, "b/m", 100)] * 60, *[("title", "c/m", 20)] * 60)

    assert lengths.expected("title", "a/m") > 2 * lengths.expected("title", "b/m") > 0


@given(st.lists(st.tuples(st.sampled_from((None, "x", "y")), st.sampled_from(("a", "b")), st.integers(1, 10**6))))
def test_alike_answers_are_expected_alike_and_others_between_the_extremes(
    answers: list[tuple[str | None, str, int]],
) -> None:
    lengths = seen(*answers)
    most = max((tokens for *_, tokens in answers), default=0)
    least = min((tokens for *_, tokens in answers), default=0)
    for label in (None, "a", "z"):
        assert least <= lengths.expected(None, label) <= most


def test_what_was_not_used_for_long_is_forgotten_before_there_is_too_much() -> None:
    lengths = seen(*((f"task {place}", "a/m", 1 + place) for place in range(3_000)))

    assert len(lengths._means) == 4_000
    assert lengths.expected(None) > 0
