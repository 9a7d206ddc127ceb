"""How difficult a prompt looks: a share of what the same user asked lately, from length and structure."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.routing.difficulty import LOOKED_AT, RECENT, STEADIED, Difficulty, asked_text, look
from shunpike.types import ChatRequest

SIMPLE = "What is the capital of Peru?"
HARD = (
    "Prove that each bounded sequence of real numbers has a convergent subsequence, without the theorem of Bolzano and"
    " Weierstrass. Then say where your argument fails for rational numbers, and give a sequence for which it does."
)
WORDS = ("if", "each", "river", "prove", "seven", "than", "stone", "x = 3;", "why?", "because", "and", "tree.")


def prompts(seed: int, many: int, longest: int = 60) -> list[str]:
    """Return made-up prompts of very different lengths."""
    chance = Random(seed)
    return [" ".join(chance.choices(WORDS, k=round(longest ** chance.random()))) for _ in range(many)]


def assessed(texts: list[str], seed: int = 0, difficulty: Difficulty | None = None) -> list[float]:
    assess = (difficulty or Difficulty()).assess
    return [assess(text, seed * 1_000_000 + place) for place, text in enumerate(texts)]


@given(st.text(max_size=300), st.text(max_size=300))
def test_what_is_added_to_a_prompt_makes_it_look_no_easier(text: str, more: str) -> None:
    """As far as all of it is looked at. A blank keeps the words apart that were."""
    assert look(f"{text} {more}") > look(text)


@given(st.lists(st.text(max_size=80), max_size=60), st.integers(0, 2**32))
def test_it_is_a_share_and_the_same_for_the_same_traffic(texts: list[str], seed: int) -> None:
    found = assessed(texts, seed)

    assert all(0 <= one <= 1 for one in found)
    assert found == assessed(texts, seed)


def test_the_very_first_prompt_is_ranked_by_what_it_is() -> None:
    assert Difficulty().assess(SIMPLE, 1) < 0.3
    assert Difficulty().assess(HARD * 3, 1) > 0.5


def test_it_is_relative_to_what_the_user_asks() -> None:
    among_short, among_long = Difficulty(), Difficulty()
    assessed(prompts(1, 300, longest=8), difficulty=among_short)
    assessed([HARD * 4 + text for text in prompts(2, 300)], difficulty=among_long)

    assert among_short.assess(HARD, 5) > 0.9
    assert among_long.assess(HARD, 5) < 0.1


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_after_two_hundred_requests_the_share_above_is_what_it_says(share: float, seed: int) -> None:
    """Within three in a hundred, where ranks alone are off by chance twice as far."""
    found = assessed(prompts(seed, STEADIED + 400), seed)[STEADIED:]

    assert sum(one >= 1 - share for one in found) / len(found) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_of_prompts_that_are_all_alike_as_many_are_above_it(share: float) -> None:
    found = assessed([SIMPLE] * 600)[STEADIED:]

    assert sum(one >= 1 - share for one in found) / len(found) == pytest.approx(share, abs=0.03)


def test_it_keeps_to_the_share_where_traffic_changes() -> None:
    short, long = prompts(3, 500, longest=6), [HARD + text for text in prompts(4, 1500)]
    found = assessed(short + long)[1000:]

    assert sum(one >= 0.7 for one in found) / len(found) == pytest.approx(0.3, abs=0.05)


def test_harder_prompts_come_out_higher_at_any_moment() -> None:
    difficulty = Difficulty()
    for place, text in enumerate(prompts(7, 400)):
        difficulty.assess(text, place)
        if place % 100 == 0:
            steady = difficulty._steady
            marks = steady._marks()
            assert marks == sorted(marks)
            assert (marks[0], marks[-1]) == (0.0, 1.0)


def test_only_recent_requests_count() -> None:
    difficulty = Difficulty()
    assessed([HARD] * 50, difficulty=difficulty)
    assessed(prompts(5, RECENT), seed=1, difficulty=difficulty)

    assert len(difficulty._recent._sorted) == len(difficulty._recent._arrived) == RECENT
    assert look(HARD) not in difficulty._recent._sorted


def test_what_is_asked_is_the_last_message_of_the_user() -> None:
    talk = ChatRequest.model_validate(
        {
            "messages": [
                {"role": "system", "content": "long rules"},
                {"role": "user", "content": "first"},
                {"role": "assistant", "content": "an answer"},
                {"role": "user", "content": "second"},
                {"role": "tool", "tool_call_id": "1", "content": "a result"},
            ]
        }
    )

    assert asked_text(talk) == "second"
    assert asked_text(ChatRequest.model_validate({"messages": [{"role": "system", "content": "only this"}]})) == (
        "only this"
    )


def test_a_prompt_costs_no_more_the_longer_it_is() -> None:
    """A quarter of a millisecond of CPU time, with room for a slow machine here: the benchmark has the figure."""
    difficulty, longest = Difficulty(), HARD * 2000
    begun = time.process_time()
    for place in range(100):
        difficulty.assess(longest, place)

    assert len(longest) > 100 * LOOKED_AT
    assert (time.process_time() - begun) / 100 < 2.5e-3


def test_what_is_only_planned_counts_among_nothing() -> None:
    asked, planned = Difficulty(), Difficulty()
    texts = prompts(4, 60)
    assessed(texts, difficulty=asked)
    for place, text in enumerate(texts):
        planned.assess(text, place)
        assert planned.assess(HARD, place, counts=False) == planned.assess(HARD, place, counts=False)
    assert planned.assess(SIMPLE, 7) == asked.assess(SIMPLE, 7)
