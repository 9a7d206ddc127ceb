"""From the candidates of several rungs to one order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shunpike.errors import UnknownModel
from shunpike.protocols import Ranked, RoutableRequest, Target, View
from shunpike.routing.blaming import NamedStrategy
from shunpike.routing.candidates import Allowed, CandidateIndex, Demand
from shunpike.routing.chain import Rung
from shunpike.routing.plan import Targets
from shunpike.routing.ranking import RungCandidates, ranked_in_steps
from shunpike.routing.rungs import MOST_JOINED, ChainIndex, Joined
from shunpike.types import Candidate, Cause, ChatRequest, Verdict

from .loop_rig import target

REQUEST = ChatRequest(messages="hi")
VIEW = View(now=1_000.0, prompt_tokens=10, max_output=1024)


class ByName:
    """Ranks by name, all as equals, and says what it was told."""

    name = "by_name"

    def rank(self, candidates: Sequence[Target], request: RoutableRequest, view: View) -> Sequence[Ranked]:
        ordered = sorted(candidates, key=lambda one: one.label)
        return [Ranked(one, why=str(dict(view.options)), group=0) for one in ordered]


BY_NAME = NamedStrategy(ByName(), "made up")


def steps(*rungs: Sequence[Target], told: Sequence[dict[str, int]] = ()) -> list[RungCandidates]:
    options = [*told, *({} for _ in rungs)]
    return [RungCandidates(tuple(one), BY_NAME, options[place]) for place, one in enumerate(rungs)]


def labels(ranked: Sequence[Ranked]) -> list[str]:
    return [one.target.name for one in ranked]


def test_a_rung_is_ranked_by_itself_and_stands_before_the_next() -> None:
    found = ranked_in_steps(steps([target("d"), target("c")], [target("b"), target("a")]), REQUEST, VIEW)
    assert labels(found) == ["c", "d", "a", "b"]


def test_what_is_free_on_a_later_rung_stands_before_what_costs_money_on_an_earlier_one() -> None:
    first = [target("a", paid=True), target("b")]
    second = [target("c", paid=True), target("d")]
    assert labels(ranked_in_steps(steps(first, second), REQUEST, VIEW)) == ["b", "d", "a", "c"]


def test_equals_are_so_within_their_rung_only() -> None:
    found = ranked_in_steps(steps([target("a"), target("b")], [target("c"), target("d")]), REQUEST, VIEW)
    assert [one.group for one in found] == [0, 0, 1, 1]


def test_each_rung_is_told_the_options_of_its_own_strategy() -> None:
    made = steps([target("a")], [target("b")], told=[{"x": 1}, {"x": 2}])
    assert [one.why for one in ranked_in_steps(made, REQUEST, VIEW)] == ["{'x': 1}", "{'x': 2}"]


TARGETS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.booleans()), unique_by=lambda one: one[0], max_size=8)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(TARGETS, st.lists(st.integers(0, 2), min_size=8, max_size=8))
def test_each_candidate_comes_once_free_first_and_rung_by_rung(
    drawn: list[tuple[str, bool]], places: list[int]
) -> None:
    there = [target(name, paid=paid) for name, paid in drawn]
    rungs = [[one for one, place in zip(there, places, strict=False) if place == rung] for rung in range(3)]
    found = ranked_in_steps(steps(*rungs), REQUEST, VIEW)

    assert sorted(labels(found)) == sorted(name for name, _ in drawn)
    rung_of = {one.name: place for place, rung in enumerate(rungs) for one in rung}
    money = [(one.target.paid, rung_of[one.target.name]) for one in found]
    assert money == sorted(money)
    for group, equals in groupby(found, lambda one: one.group):
        assert group is None or len({rung_of[one.target.name] for one in equals}) == 1


GONE = Candidate(provider="gone", model="m", verdict=Verdict.DROPPED, reason="no key", cause=Cause.KEY)


def index_of(*targets: Target) -> ChainIndex:
    known = Targets(
        targets=targets,
        names=tuple(one.name for one in targets),
        catalog=tuple(one.model for one in targets),
        unavailable=(GONE,),
    )
    return ChainIndex(CandidateIndex(known))


def joined(index: ChainIndex, *names: str) -> Joined:
    return index.find([Rung((one,)) for one in names], Demand.of_chat(frozenset(), 10, 100), Allowed())


def test_a_target_of_an_earlier_rung_is_not_repeated_and_a_reason_is_told_once() -> None:
    a, b = target("a"), target("b")
    by_rung, found = joined(index_of(a, b), "a/m", "auto", "b/auto")
    assert by_rung == [(a,), (b,), ()]
    assert found.eligible == (a, b)
    assert [one.provider for one in found.dropped] == ["gone"]


def test_a_name_that_means_nothing_is_a_reason_unless_all_are_so() -> None:
    index = index_of(target("a"))
    by_rung, found = joined(index, "old/one", "a/m")
    assert [len(one) for one in by_rung] == [0, 1]
    assert [(one.provider, one.model, one.cause) for one in found.dropped] == [("old", "one", Cause.UNABLE)]
    with pytest.raises(UnknownModel, match="old/one"):
        joined(index, "old/one", "old/two")


def test_the_candidates_of_a_chain_are_kept_while_those_of_its_names_are() -> None:
    index = index_of(target("a", model="x"), target("b", model="y"))
    first = joined(index, "x", "y")
    assert joined(index, "x", "y") is first
    assert joined(index, "y", "x") == ([*reversed(first[0])], joined(index, "y", "x")[1])
    for number in range(200):
        joined(index, *(("x", "y") * (number + 1)))
    assert len(index._kept) <= MOST_JOINED
