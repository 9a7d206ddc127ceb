"""What each strategy of the core asks first, and what it says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shunpike.builtin.balanced import Balanced, weights_of
from shunpike.builtin.cost import Cheapest
from shunpike.builtin.latency import Fastest
from shunpike.builtin.priority import Priority
from shunpike.builtin.quality import Quality
from shunpike.builtin.spread import EvenUse
from shunpike.errors import ConfigError
from shunpike.protocols import Ranked, Strategy, Target, TargetState, View
from shunpike.types import Calendar, ChatRequest, Limit, Owner, Price, Remaining, Rolling, Speed, Unit
from shunpike_testkit.targets import target

NOW = 1_000.0
REQUEST = ChatRequest(messages="hi")
DAILY, MINUTE = Calendar(period="day"), Rolling(seconds=60)


def free(name: str, **fields: Any) -> Target:
    return target("none", name=name, **fields)


def paid(name: str, **fields: Any) -> Target:
    return target("card", name=name, paid=True, **fields)


def of_quality(one: Target, quality: float | None) -> Target:
    return one.model_copy(update={"model": one.model.model_copy(update={"quality": quality})})


def left(amount: int, remaining: int, window: Any = DAILY, owner: Owner = Owner.PROVIDER) -> Remaining:
    limit = Limit(unit=Unit.REQUEST, amount=amount, window=window)
    return Remaining(limit=limit, bucket="b", owner=owner, used=amount - remaining, left=remaining)


def rank(strategy: Strategy, states: Sequence[tuple[Target, TargetState]], **fields: Any) -> list[Ranked]:
    by_label = {one.label: state for one, state in states}
    view = View(**{"now": NOW, "prompt_tokens": 100, "max_output": 16, "states": by_label, **fields})
    candidates = tuple(one for one, _ in states)
    forwards, backwards = (list(strategy.rank(those, REQUEST, view)) for those in (candidates, candidates[::-1]))
    assert forwards == backwards
    return forwards


def unknown(*targets: Target) -> list[tuple[Target, TargetState]]:
    return [(one, TargetState()) for one in targets]


def names(ranked: list[Ranked]) -> list[str]:
    return [one.target.name for one in ranked]


def test_priority_names_as_equals_whom_the_owner_lists_at_one_place() -> None:
    found = rank(Priority(), unknown(free("a"), free("b"), free("c", order=2), paid("d"), paid("e")))

    assert [(one.target.name, one.group) for one in found] == [("a", 1), ("b", 1), ("c", None), ("d", 3), ("e", 3)]


def test_what_is_shut_is_nobodys_equal() -> None:
    shut = {"b/m-1": NOW + 1, "c/m-1": NOW + 1}
    found = rank(Priority(), unknown(*map(free, "abcd")), blocked_until=shut)

    assert [(one.target.name, one.group) for one in found] == [("a", 1), ("d", 1), ("b", None), ("c", None)]


def test_priority_ranks_a_tuple_once_while_the_same_is_shut() -> None:
    strategy, candidates = Priority(), (free("a"), free("b"))
    view = View(now=NOW, prompt_tokens=1, max_output=1)
    shut = View(now=NOW, prompt_tokens=1, max_output=1, blocked_until={"a/m-1": NOW + 9})
    later = View(now=NOW + 10, prompt_tokens=9, max_output=9, blocked_until={"a/m-1": NOW + 9})

    first = strategy.rank(candidates, REQUEST, view)
    assert strategy.rank(candidates, REQUEST, later) is first
    assert names(list(strategy.rank(candidates, REQUEST, shut))) == ["b", "a"]
    assert names(list(strategy.rank(candidates[::-1], REQUEST, view))) == ["a", "b"]


def test_cost_asks_the_cheapest_for_this_very_request() -> None:
    wordy = TargetState(price=Price(prompt=1, completion=30), expected_output=1_000)
    short = TargetState(price=Price(prompt=9, completion=30), expected_output=10)
    known = [
        (paid("wordy"), wordy),
        (paid("short"), short),
        (paid("unknown"), TargetState()),
        (free("free"), TargetState()),
    ]

    small = rank(Cheapest(), known, prompt_tokens=100)
    assert names(small) == ["free", "short", "wordy", "unknown"]
    assert [one.why for one in small] == [
        "it costs nothing",
        "about $0.0000000012",
        "about $0.000000031",
        "its price is unknown",
    ]
    assert small[1].score == pytest.approx(1.2e-9)
    assert names(rank(Cheapest(), known, prompt_tokens=100_000)) == ["free", "wordy", "short", "unknown"]


def test_cost_reckons_with_a_cache_that_was_seen() -> None:
    plain = TargetState(price=Price(prompt=8, completion=1))
    cached = TargetState(price=Price(prompt=10, completion=1, cached=1), cached_share=0.5)

    assert (
        names(rank(Cheapest(), [(paid("plain"), plain), (paid("cached"), cached)], prompt_tokens=9_000))[0] == "cached"
    )


def test_cost_asks_what_is_shut_after_what_is_not_and_takes_a_credit_for_dearer_than_nothing() -> None:
    price = Price(prompt=1, completion=1)
    known = [
        (target("credit", name="credit", order=0), TargetState(price=price)),
        (free("shut", order=0), TargetState(price=price, blocked_until=NOW + 60)),
        (free("open", order=9), TargetState(price=price)),
    ]
    assert names(rank(Cheapest(), known)) == ["open", "credit", "shut"]


def test_latency_asks_whoever_is_expected_to_end_first() -> None:
    quick_to_begin = Speed(samples=100, first_token=0.1, tokens_per_second=20)
    quick_to_end = Speed(samples=100, first_token=1.5, tokens_per_second=500)
    known = [
        (free("begins"), TargetState(speed=quick_to_begin)),
        (free("ends"), TargetState(speed=quick_to_end)),
        (free("unseen"), TargetState()),
    ]
    assert names(rank(Fastest(), known, expected_output=2)) == ["begins", "unseen", "ends"]
    long = rank(Fastest(), known, expected_output=1_000)
    assert names(long) == ["ends", "unseen", "begins"]
    assert long[0].score == pytest.approx(3.5, abs=0.9)
    assert long[1].why.endswith("it was not seen to answer yet")


def test_latency_reckons_with_the_wait_and_asks_who_is_in_trouble_last() -> None:
    known = [
        (free("full"), TargetState(blocked_until=NOW + 2)),
        (free("slow"), TargetState(speed=Speed(samples=100, first_token=60.0, tokens_per_second=50))),
        (free("for ever"), TargetState(blocked_until=float("inf"))),
        (free("down"), TargetState(blocked_until=NOW + 1)),
    ]
    found = rank(Fastest(), known, blocked_until={"down/m-1": NOW + 1})

    assert names(found) == ["full", "slow", "for ever", "down"]
    assert (found[2].score, found[2].why) == (None, "a limit of it opens at no moment that is known")


def test_spread_asks_whoever_has_most_left_and_names_the_like_as_equals() -> None:
    known = [
        (free("a"), TargetState(remaining=(left(10, 1, MINUTE), left(1_000, 999)))),
        (free("b"), TargetState(remaining=(left(1_000, 500),))),
        (free("c"), TargetState(remaining=(left(100, 42), left(5, 0, owner=Owner.OPERATOR)))),
        (free("d"), TargetState()),
    ]
    found = rank(EvenUse(), known)

    assert names(found) == ["d", "b", "c", "a"]
    assert [one.why for one in found] == ["100% left", "50% left", "42% left", "10% left"]
    assert [one.group is not None for one in found] == [False, True, True, False]


def test_spread_keeps_a_strong_model_of_which_there_is_little() -> None:
    strong, weak, other = of_quality(free("strong"), 0.9), of_quality(free("weak"), 0.3), free("unknown")
    known = [
        (strong, TargetState(remaining=(left(20, 20),))),
        (weak, TargetState(remaining=(left(1_000, 100),))),
        (other, TargetState(remaining=(left(9, 3),))),
    ]
    found = rank(EvenUse(), known)

    assert names(found) == ["unknown", "weak", "strong"]
    assert found[-1].why == "100% left; it is strong and scarce, so it is kept"
    plenty = [(strong, TargetState(remaining=(left(500, 500),))), *known[1:]]
    assert names(rank(EvenUse(), plenty)) == ["strong", "unknown", "weak"]
    shut = [known[0], (weak, TargetState(blocked_until=NOW + 60, remaining=(left(1_000, 0),))), known[2]]
    assert names(rank(EvenUse(), shut)) == ["unknown", "strong", "weak"]


def test_two_equally_strong_models_are_not_kept_from_each_other() -> None:
    one, other = of_quality(free("one"), 0.9), of_quality(free("other"), 0.9)
    known = [
        (one, TargetState(remaining=(left(20, 20),))),
        (other, TargetState(remaining=(left(1_000, 100),))),
    ]
    assert names(rank(EvenUse(), known)) == ["one", "other"]


def test_requests_in_turn_use_what_is_free_evenly() -> None:
    """A hundred requests over quotas of 10, 40 and 150 leave the same share of each."""
    amounts, used = {"a": 10, "b": 40, "c": 150}, dict.fromkeys("abc", 0)
    for _ in range(100):
        known = [
            (free(name), TargetState(remaining=(left(amount, amount - used[name]),)))
            for name, amount in amounts.items()
        ]
        used[rank(EvenUse(), known)[0].target.name] += 1

    assert used == {"a": 5, "b": 20, "c": 75}


def test_balanced_weighs_what_each_other_strategy_goes_by() -> None:
    cheap = TargetState(price=Price(prompt=1, completion=1), quality=0.1)
    good = TargetState(price=Price(prompt=50, completion=50), quality=0.95)
    known = [(paid("cheap"), cheap), (paid("good"), good)]

    assert names(rank(Balanced({"cost": 10}), known)) == ["cheap", "good"]
    assert names(rank(Balanced({"quality": 10}), known)) == ["good", "cheap"]
    only = rank(Balanced({"latency": 0, "spread": 0, "quality": 0}), known)
    assert [(one.score, one.why) for one in only] == [(0.02, "cost 0.02"), (1.0, "cost 1.00")]


def test_balanced_takes_an_unknown_quality_for_a_usual_one_and_an_unknown_price_for_the_dearest() -> None:
    price = Price(prompt=5, completion=5)
    known = [
        (paid("strong"), TargetState(price=price, quality=0.9)),
        (paid("unknown"), TargetState(price=price)),
        (paid("weak"), TargetState(price=price, quality=0.1)),
        (paid("priceless"), TargetState(quality=0.1)),
    ]
    assert names(rank(Balanced(), known)) == ["strong", "unknown", "priceless", "weak"]


def test_balanced_leaves_alike_ones_to_the_owners_order() -> None:
    found = rank(Balanced(), unknown(free("z", order=1), free("a", order=2), free("b", order=2)))

    assert [(one.target.name, one.group) for one in found] == [("z", None), ("a", 2), ("b", 2)]


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"speed": 1}, "strategy_options.weights.speed: there is no such part"),
        ({"costs": 1}, "Did you mean 'cost'"),
        ({"cost": -1}, "strategy_options.weights.cost: expected a number from 0 up, got -1"),
        ({"cost": "2"}, "expected a number from 0 up, got '2'"),
        ({"cost": True}, "expected a number from 0 up, got True"),
        ({"cost": float("nan")}, "expected a number from 0 up, got nan"),
        ({"cost": float("inf")}, "expected a number from 0 up, got inf"),
        (dict.fromkeys(("cost", "latency", "quality", "spread"), 0), "expected at least one weight above 0"),
        ("cost", "expected a table of parts and their weights, got 'cost'"),
    ],
)
def test_weights_that_are_none_are_rejected(weights: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=r"^strategy_options\.weights") as caught:
        weights_of({"weights": weights})
    assert told in str(caught.value)
    assert "cost, latency, quality, spread" in str(caught.value.hint)


def test_quality_takes_the_dearer_price_of_now_for_the_stronger_model() -> None:
    """Targets of the runtime have no price of their own: what is in force stands in their states."""
    small, strong = free("small").model_copy(update={"price": None}), free("strong").model_copy(update={"price": None})
    known = [
        (small, TargetState(price=Price(prompt=1, completion=2))),
        (strong, TargetState(price=Price(prompt=50, completion=100))),
    ]
    assert names(rank(Quality(), known, difficulty=0.95)) == ["strong", "small"]
    assert names(rank(Quality(), known, difficulty=0.05)) == ["small", "strong"]
