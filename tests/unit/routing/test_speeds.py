"""How fast targets answer, as far as their answers tell: means that fade, slopes by size, percentiles."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.routing.speeds import DOUBT, ENOUGH, FORGOTTEN, HALF_LIFE, Speeds
from shunpike.types import Speed, Timing

NOW = 1_795_000_000.0


def streamed(first: float, at: float = NOW, **fields: Any) -> Timing:
    known: dict[str, Any] = {
        "label": "a/m",
        "ended_at": at,
        "seconds": first + 1.0,
        "first_token_seconds": first,
        "output_tokens": 100,
    }
    return Timing(**{**known, **fields})


def whole(seconds: float, output: int = 0, at: float = NOW, **fields: int) -> Timing:
    return Timing(label="a/m", ended_at=at, seconds=seconds, output_tokens=output, **fields)


def seen(*answers: Timing) -> Speeds:
    speeds = Speeds()
    for one in answers:
        speeds.answered(one)
    return speeds


def speed(speeds: Speeds, *, stream: bool = True, prompt: int = 0, now: float = NOW) -> Speed:
    found = speeds.of("a/m", stream=stream, prompt_tokens=prompt, now=now)
    assert found is not None
    return found


def test_nothing_is_known_of_what_did_not_answer_in_this_way() -> None:
    speeds = seen(streamed(0.5))

    assert speeds.of("a/m", stream=False, prompt_tokens=1, now=NOW) is None
    assert speeds.of("b/m", stream=True, prompt_tokens=1, now=NOW) is None
    assert speeds.cached_share("a/m", stream=False, now=NOW) is None


def test_one_answer_is_what_it_was() -> None:
    found = speed(seen(streamed(0.5)))

    assert (found.samples, found.first_token, found.first_token_p95) == (1.0, 0.5, None)
    assert found.tokens_per_second == pytest.approx(100)


def test_an_answer_counts_half_after_a_half_life() -> None:
    speeds = seen(streamed(3.0, NOW), streamed(1.5, NOW + HALF_LIFE))

    assert speed(speeds, now=NOW + HALF_LIFE).first_token == pytest.approx((0.5 * 3.0 + 1.5) / 1.5)
    assert speed(speeds, now=NOW + 2 * HALF_LIFE).samples == pytest.approx(0.75)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10_000), st.floats(-3_000, 3_000)), min_size=1, max_size=12)
)
def test_answers_may_be_told_in_any_order(answers: list[tuple[float, int, float]]) -> None:
    told = [streamed(first, NOW + at, prompt_tokens=prompt) for first, prompt, at in answers]
    one, other = seen(*told), seen(*reversed(told))
    for prompt in (0, 5_000):
        mine, its = (speed(found, prompt=prompt, now=NOW + 3_000) for found in (one, other))
        assert mine.samples == pytest.approx(its.samples)
        assert mine.first_token == pytest.approx(its.first_token, rel=1e-6, abs=1e-6)


@given(
    st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10**7), st.integers(0, 10**6)), min_size=1, max_size=12),
    st.booleans(),
)
def test_no_figure_is_impossible(answers: list[tuple[float, int, int]], stream: bool) -> None:
    speeds = Speeds()
    for seconds, prompt, output in answers:
        first = seconds / 2 if stream else None
        speeds.answered(Timing("a/m", NOW, seconds, first, prompt, prompt // 2, output))
    for prompt in (0, 10**6):
        found = speed(speeds, stream=stream, prompt=prompt, now=NOW + 60)
        assert found.first_token is not None
        assert found.first_token >= 0
        assert 0 < found.samples <= len(answers)
        assert found.tokens_per_second is None or 0 < found.tokens_per_second <= 100_001
    assert 0 <= (speeds.cached_share("a/m", stream=stream, now=NOW) or 0) <= 0.5


def test_a_longer_prompt_takes_longer_to_the_first_token_as_far_as_that_was_seen() -> None:
    speeds = seen(*(streamed(0.2 + size / 10_000, prompt_tokens=size) for size in range(0, 10_000, 250)))

    assert speed(speeds, prompt=0).first_token == pytest.approx(0.2, abs=0.02)
    assert speed(speeds, prompt=20_000).first_token == pytest.approx(2.2, abs=0.1)


def test_two_answers_show_no_slope_that_a_long_prompt_could_be_judged_by() -> None:
    speeds = seen(streamed(0.2, prompt_tokens=10), streamed(1.0, prompt_tokens=12))

    assert speed(speeds, prompt=10_000).first_token == pytest.approx(0.6, abs=0.1)


def test_of_whole_answers_the_time_of_their_tokens_is_set_apart() -> None:
    chance = random.Random(7)
    sizes = [(chance.randrange(4_000), chance.randrange(1_000)) for _ in range(60)]
    speeds = seen(*(whole(0.5 + p / 8_000 + o / 200, o, prompt_tokens=p) for p, o in sizes))
    found = speed(speeds, stream=False, prompt=1_000)

    assert found.tokens_per_second == pytest.approx(200, rel=0.15)
    assert found.first_token == pytest.approx(0.5 + 1_000 / 8_000, abs=0.1)
    for output in (50, 800):
        assert found.first_token is not None
        assert found.tokens_per_second is not None
        assert found.first_token + output / found.tokens_per_second == pytest.approx(0.625 + output / 200, rel=0.06)


def test_a_percentile_is_told_of_twenty_answers_and_of_no_old_ones() -> None:
    few = [streamed(float(place)) for place in range(ENOUGH - 1)]
    enough = seen(*few, streamed(19.0))

    assert speed(seen(*few)).first_token_p95 is None
    assert speed(enough, now=NOW + 20).first_token_p95 == 18.0
    assert speed(enough, now=NOW + 1 + FORGOTTEN).first_token_p95 is None


def test_a_percentile_moves_with_the_next_answer() -> None:
    speeds = seen(*(streamed(1.0) for _ in range(ENOUGH)))
    before = speed(speeds).first_token_p95
    for _ in range(5):
        speeds.answered(streamed(9.0))

    assert (before, speed(speeds).first_token_p95) == (1.0, 9.0)


def test_the_percentile_of_whole_answers_is_of_what_they_take_beside_their_tokens() -> None:
    speeds = seen(*(whole(0.5 + output / 50, output) for output in range(0, 1_000, 50)))

    assert speed(speeds, stream=False).first_token_p95 == pytest.approx(0.5, abs=0.01)


def test_a_cache_is_reckoned_with_as_far_as_it_was_seen() -> None:
    one = seen(streamed(1.0, prompt_tokens=1_000, cached_tokens=900))
    many = seen(*(streamed(1.0, prompt_tokens=1_000, cached_tokens=900) for _ in range(100)))

    assert one.cached_share("a/m", stream=True, now=NOW) == pytest.approx(0.9 / (1 + DOUBT))
    assert many.cached_share("a/m", stream=True, now=NOW) == pytest.approx(0.9 * 100 / (100 + DOUBT))


def test_what_comes_in_one_piece_is_not_infinitely_fast() -> None:
    found = speed(seen(streamed(1.0, seconds=1.0 + 1e-9)))

    assert found.tokens_per_second == pytest.approx(100_000)


def test_targets_that_did_not_answer_for_long_are_forgotten_before_there_are_too_many() -> None:
    speeds = Speeds()
    for place in range(2_001):
        speeds.answered(Timing(f"a/{place}", NOW, 1.0))

    assert speeds.of("a/0", stream=False, prompt_tokens=0, now=NOW) is None
    assert speeds.of("a/1", stream=False, prompt_tokens=0, now=NOW) is not None
