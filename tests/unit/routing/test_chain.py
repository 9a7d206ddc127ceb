"""What an alias stands for, as rungs of names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shunpike.errors import UsageError
from shunpike.routing.chain import Chain, Rung, unfold
from shunpike.routing.rendezvous import order
from shunpike.types import AliasTarget, ModelAlias, Settings
from shunpike.types.aliases import circle_in


def aliases(**targets: Any) -> dict[str, ModelAlias]:
    return {
        name: ModelAlias.model_validate(one if isinstance(one, dict) else {"targets": one})
        for name, one in targets.items()
    }


def as_written(weighted: Sequence[tuple[str, float]]) -> list[str]:
    return [name for name, _ in weighted]


def rungs(chain: Chain) -> list[tuple[str, ...]]:
    return [rung.names for rung in chain.rungs(as_written)]


def test_what_is_no_alias_stands_for_itself() -> None:
    assert rungs(unfold("quick/m", aliases(fast=["auto"]))) == [("quick/m",)]


def test_each_entry_is_a_rung_in_the_order_of_the_list() -> None:
    assert rungs(unfold("fast", aliases(fast=["quick/m", "n", "auto"]))) == [("quick/m",), ("n",), ("auto",)]


def test_an_alias_in_an_alias_takes_its_place_rung_by_rung() -> None:
    known = aliases(fast=["quick/m", "small", "auto"], small=["n", "o"])
    assert rungs(unfold("fast", known)) == [("quick/m",), ("n",), ("o",), ("auto",)]


def test_with_a_strategy_all_of_it_is_one_rung() -> None:
    known = aliases(
        fast={"targets": ["m", "small"], "strategy": "cost", "strategy_options": {"x": 1}}, small=["n", "m"]
    )
    assert list(unfold("fast", known).rungs(as_written)) == [Rung(("m", "n"), "cost", {"x": 1})]


def test_options_without_a_strategy_are_told_to_the_one_of_the_settings() -> None:
    known = aliases(fast={"targets": ["m", "small"], "strategy_options": {"x": 1}}, small=["n"])
    found = [(one.names, one.strategy, one.options) for one in unfold("fast", known).rungs(as_written)]
    assert found == [(("m",), None, {"x": 1}), (("n",), None, {"x": 1})]


def test_neighbours_with_weights_change_places_and_nothing_else_does() -> None:
    half = [{"model": "m", "weight": 2}, {"model": "n", "weight": 1}]
    chain = unfold("fast", aliases(fast=["first", *half, "last"]))
    assert chain.is_shared
    seen = Counter(tuple(rung.names[0] for rung in chain.rungs(partial(order, str(seed)))) for seed in range(3_000))
    assert set(seen) == {("first", "m", "n", "last"), ("first", "n", "m", "last")}
    assert 0.63 < seen["first", "m", "n", "last"] / 3_000 < 0.70


def test_weighted_neighbours_have_one_place_and_what_stands_behind_them_another() -> None:
    half = [{"model": "m", "weight": 2}, {"model": "pair", "weight": 1}]
    chain = unfold("fast", aliases(fast=["first", *half, "others", "last"], pair=["n", "o"], others=["p", "q"]))
    found = [(one.names[0], one.place) for one in chain.rungs(as_written)]
    assert [name for name, _ in found] == ["first", "m", "n", "o", "p", "q", "last"]
    places = list(dict.fromkeys(place for _, place in found))
    assert [places.index(place) for _, place in found] == [0, 1, 1, 1, 2, 3, 4]


def test_one_request_gets_one_order_however_often_it_is_asked_for() -> None:
    chain = unfold("fast", aliases(fast=[{"model": name, "weight": 1} for name in "abcdef"]))
    assert list(chain.rungs(partial(order, "key"))) == list(chain.rungs(partial(order, "key")))


@pytest.mark.parametrize(
    ("known", "way"),
    [
        ({"a": ["a"]}, "a -> a"),
        ({"a": ["m", "b"], "b": ["c"], "c": ["b"]}, "b -> c -> b"),
        ({"a": {"targets": ["b"], "strategy": "cost"}, "b": ["a"]}, "a -> b -> a"),
    ],
)
def test_an_alias_that_stands_for_itself_is_rejected_with_the_way(known: Mapping[str, Any], way: str) -> None:
    with pytest.raises(UsageError, match=way):
        Settings(models=aliases(**known))


@pytest.mark.parametrize("name", ["auto", "quick/auto", ""])
def test_an_alias_may_not_be_called_what_means_something_else(name: str) -> None:
    with pytest.raises(UsageError, match="means something else"):
        Settings(models={name: ModelAlias(targets=(AliasTarget(model="m"),))})


def test_an_alias_of_aliases_stands_for_so_many_names_at_most() -> None:
    """Twenty aliases of two each would be a million names."""
    doubled = {f"a{depth}": [f"a{depth + 1}", f"b{depth + 1}"] for depth in range(20)}
    doubled |= {f"b{depth}": [f"a{depth + 1}", f"b{depth + 1}"] for depth in range(20)}
    with pytest.raises(UsageError, match="more than 500 names"):
        Settings(models=aliases(**doubled))


@pytest.mark.parametrize(
    ("alias", "words"),
    [
        ({"targets": []}, "at least 1"),
        ({"targets": "m"}, "should be a list of models"),
        ({"targets": ["m", "m"]}, "'m' twice"),
        ({"targets": [{"model": "m", "weight": 0}]}, "greater than 0"),
        ({"targets": [{"model": "m", "weight": 1}], "strategy": "cost"}, "can't have a weight"),
    ],
)
def test_an_alias_that_says_nothing_or_two_things_is_rejected(alias: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ModelAlias.model_validate(alias)


NAMES = st.sampled_from(["a", "b", "c", "d", "m", "n", "o"])
ENTRIES = st.lists(NAMES, min_size=1, max_size=4, unique=True)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.dictionaries(st.sampled_from("abcd"), ENTRIES, max_size=4))
def test_a_chain_without_a_circle_is_its_entries_rungs_and_ends_in_names_that_are_no_alias(
    entries: dict[str, list[str]],
) -> None:
    known = aliases(**entries)
    assume(circle_in(known) is None)
    for name, alias in known.items():
        chain = unfold(name, known)
        leaves = [one for rung in rungs(chain) for one in rung]
        parts = [rung for one in alias.targets for rung in rungs(unfold(one.model, known))]
        assert leaves
        assert not known.keys() & {*leaves}
        assert chain.names == tuple(dict.fromkeys(leaves))
        assert parts == rungs(chain)


def test_a_circle_is_found_however_deep_it_lies() -> None:
    deep = {f"m{place}": [f"m{place + 1}"] for place in range(3_000)}
    assert circle_in(aliases(**deep, m3000=["auto"])) is None
    assert circle_in(aliases(**deep, m3000=["m2999", "auto"])) == ("m2999", "m3000", "m2999")


def test_aliases_in_each_other_are_bounded_in_depth_and_in_size() -> None:
    """What the settings take is unfolded without a bound of its own."""
    deep = {f"m{place}": {"targets": [f"m{place + 1}"]} for place in range(3_000)}
    with pytest.raises(ValueError, match="more than 50 in each other"):
        Settings.model_validate({"models": deep})
    wide = {f"m{place}": {"targets": [f"m{place + 1}", f"m{place + 2}"]} for place in range(40)}
    with pytest.raises(ValueError, match="more than 500 names"):
        Settings.model_validate({"models": wide})
    fits = Settings.model_validate({"models": {f"m{place}": {"targets": [f"m{place + 1}"]} for place in range(50)}})
    assert unfold("m0", fits.models).names == ("m50",)
