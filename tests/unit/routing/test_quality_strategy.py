"""The strategy `quality`: small models for simple requests, strong ones for hard requests, even where scarce."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from shunpike.builtin.quality import Quality
from shunpike.errors import ConfigError
from shunpike.protocols import TargetState, View
from shunpike.types import ChatRequest, Limit, Price, Remaining, Rolling, Scope, Unit

from .loop_rig import target

REQUEST = ChatRequest(messages="hi")


def view(states: Mapping[str, TargetState], difficulty: float | None, **more: Any) -> View:
    return View(now=1_000.0, prompt_tokens=10, max_output=100, difficulty=difficulty, states=states, **more)


def first(qualities: Mapping[str, float | None], difficulty: float | None, **options: object) -> str:
    return order(qualities, difficulty, **options)[0]


def order(qualities: Mapping[str, float | None], difficulty: float | None, **options: object) -> list[str]:
    there = [target(name) for name in qualities]
    states = {one.label: TargetState(quality=qualities[one.name]) for one in there}
    return [one.target.name for one in Quality(options).rank(there, REQUEST, view(states, difficulty))]


def left(share: float, window: float = 86400.0) -> Remaining:
    limit = Limit(unit=Unit.REQUEST, amount=100, window=Rolling(seconds=window), scope=Scope.MODEL, source="made up")
    return Remaining(limit=limit, bucket="b", used=100 - round(100 * share), left=round(100 * share))


def test_what_looks_hard_begins_with_the_strong_model_and_what_looks_simple_with_the_small_one() -> None:
    both = {"small": 0.5, "strong": 0.9}

    assert [first(both, difficulty) for difficulty in (0.0, 0.69, 0.7, 1.0)] == ["small", "small", "strong", "strong"]


def test_the_strong_share_is_an_option() -> None:
    both = {"small": 0.5, "strong": 0.9}

    assert first(both, 0.5, strong_share=0.5) == "strong"
    assert first(both, 0.5, strong_share=0.4) == "small"
    assert first(both, 1.0, strong_share=0) == "small"
    assert first(both, 0.0, strong_share=1) == "strong"


def test_a_simple_request_gets_the_best_small_model_and_of_the_strong_ones_the_best_at_last() -> None:
    four = {"least": 0.2, "small": 0.4, "strong": 0.7, "best": 0.9}

    assert order(four, 0.1) == ["small", "least", "strong", "best"]
    assert order(four, 0.9) == ["best", "strong", "small", "least"]


def test_what_was_not_judged_gets_the_best() -> None:
    assert first({"small": 0.5, "strong": 0.9}, None) == "strong"


def test_a_model_of_unknown_quality_is_taken_for_an_average_one_and_said_to_be_unknown() -> None:
    three = {"small": 0.2, "unknown": None, "strong": 0.9}
    there = [target(name) for name in three]
    states = {one.label: TargetState(quality=three[one.name]) for one in there}
    ranked = Quality().rank(there, REQUEST, view(states, 0.9))

    assert [one.target.name for one in ranked] == ["strong", "unknown", "small"]
    assert (ranked[1].score, "unknown quality" in ranked[1].why) == (None, True)


def test_where_no_quality_is_known_the_dearer_list_price_is_taken_for_the_stronger_model() -> None:
    prices = {"cheap": 1, "middle": 9, "dear": 100, "unpriced": None}
    there = [
        target(name).model_copy(update={"price": None if price is None else Price(prompt=price, completion=0)})
        for name, price in prices.items()
    ]
    states = {one.label: TargetState() for one in there}

    def names(difficulty: float) -> list[str]:
        return [one.target.name for one in Quality().rank(there, REQUEST, view(states, difficulty))]

    assert names(0.9) == ["dear", "middle", "cheap", "unpriced"]
    assert names(0.1) == ["middle", "cheap", "unpriced", "dear"]


def test_the_operator_says_which_models_are_strong() -> None:
    assert first({"small": 0.9, "strong": 0.5}, 0.9, strong="strong/*") == "strong"
    assert first({"small": 0.9, "strong": 0.5}, 0.1, strong=["strong/*"]) == "small"


def test_what_is_left_of_a_scarce_strong_model_is_kept_for_what_is_harder_than_usual() -> None:
    there = [target("small"), target("strong")]

    def goes(difficulty: float, *remaining: Remaining) -> str:
        states = {
            "small/m": TargetState(quality=0.5),
            "strong/m": TargetState(quality=0.9, remaining=remaining),
        }
        return Quality().rank(there, REQUEST, view(states, difficulty))[0].target.name

    assert {one.label for one in there} == {"small/m", "strong/m"}
    assert goes(0.8, left(0.5)) == "strong"
    assert goes(0.8, left(0.1)) == "small"
    assert goes(0.9, left(0.1)) == "strong"
    # A minute is full again before it could be kept for anything.
    assert goes(0.8, left(0.1, window=60.0)) == "strong"


def test_a_model_that_gives_bad_answers_is_no_strong_one() -> None:
    there = [target("small"), target("strong")]
    states = {"small/m": TargetState(quality=0.6), "strong/m": TargetState(quality=0.9, usable=0.5)}

    assert Quality().rank(there, REQUEST, view(states, 0.9))[0].target.name == "small"


def test_the_quality_that_is_wanted_comes_before_the_model_that_is_meant() -> None:
    there = [target("small"), target("unknown"), target("strong")]
    states = {
        "small/m": TargetState(quality=0.5),
        "unknown/m": TargetState(),
        "strong/m": TargetState(quality=0.9),
    }
    ranked = Quality().rank(there, REQUEST, view(states, 0.1, min_quality=0.6))

    assert [one.target.name for one in ranked] == ["strong", "unknown", "small"]


def test_what_is_blocked_comes_after_what_is_open_and_costs_money_no_less_than_it_does() -> None:
    there = [target("strong"), target("small"), target("paid", paid=True)]
    states = {
        "strong/m": TargetState(quality=0.9, blocked_until=2_000.0),
        "small/m": TargetState(quality=0.5),
        "paid/m": TargetState(quality=0.95),
    }
    ranked = Quality().rank(there, REQUEST, view(states, 0.9))

    assert [one.target.name for one in ranked] == ["small", "strong", "paid"]


def test_only_equals_are_of_one_group() -> None:
    there = [target("north"), target("south"), target("weak")]
    states = {
        "north/m": TargetState(quality=0.9),
        "south/m": TargetState(quality=0.9),
        "weak/m": TargetState(quality=0.1),
    }
    groups = {one.target.name: one.group for one in Quality().rank(there, REQUEST, view(states, 0.9))}

    assert groups["north"] == groups["south"] != groups["weak"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"strong_share": 1.5}, "strong_share must be from 0 to 1, got 1.5"),
        ({"strong_share": True}, "strong_share must be from 0 to 1, got True"),
        ({"strong_share": "much"}, "strong_share must be from 0 to 1, got 'much'"),
        ({"strong": 3}, "strong must be a list of names or patterns of models, got 3"),
        ({"strong": [1]}, "strong must be a list of names or patterns of models"),
    ],
)
def test_an_option_that_cannot_be_is_named(options: Mapping[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Quality(options)


def test_options_of_other_strategies_are_left_alone() -> None:
    assert Quality({"weights": {"cost": 2}}).name == "quality"


def test_three_in_ten_requests_begin_with_the_strong_model() -> None:
    chance = Random(1)
    both = {"small": 0.5, "strong": 0.9}
    chosen = [first(both, chance.random()) for _ in range(1000)]

    assert chosen.count("strong") / 1000 == pytest.approx(0.3, abs=0.04)
