"""Who can answer a request: what is found is the same however often and in whatever order it is asked for."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shunpike.errors import UnknownModel
from shunpike.protocols import Target
from shunpike.routing.candidates import MOST_KEPT, SURELY_FITS, Allowed, CandidateIndex, Demand, Found
from shunpike.routing.plan import Targets
from shunpike.types import Cause
from shunpike.types.base import changed

from .loop_rig import target

NOTHING = frozenset[str]()
TOOLS = frozenset({"tools"})


def chat(tokens: int = 10, needs: frozenset[str] = NOTHING) -> Demand:
    return Demand.of_chat(needs, tokens, 1024)


def index_of(*targets: Target, priced: Any = lambda _: True) -> CandidateIndex:
    names = tuple(dict.fromkeys(one.name for one in targets))
    known = Targets(targets=targets, names=names, catalog=tuple(one.model for one in targets))
    return CandidateIndex(known, priced)


def find(index: CandidateIndex, demand: Demand | None = None, name: str = "auto", **allowed: Any) -> Found:
    return index.find(name, demand or chat(), Allowed(**allowed))


def causes(found: Found) -> dict[str, Cause | None]:
    return {one.provider: one.cause for one in found.dropped}


def names(found: Found) -> list[str]:
    return [one.name for one in found.eligible]


def test_of_texts_to_embed_only_the_longest_must_fit() -> None:
    index = index_of(target("north", kind="embedding", context=20))

    fits = find(index, Demand.of_texts(20), "m")
    too_long = find(index, Demand.of_texts(21), "m")

    assert [names(found) for found in (fits, too_long)] == [["north"], []]
    assert too_long.dropped[0].reason == "context too small: 20 tokens, the longest text takes about 21"
    assert (too_long.dropped[0].cause, too_long.dropped[0].context) == (Cause.CONTEXT, 20)


def test_what_costs_money_and_has_no_known_price_is_left_out() -> None:
    paid, free = target("north", paid=True), target("south")
    found = find(index_of(paid, free, priced=lambda _: False), allow_paid=True)
    assert (names(found), causes(found)) == (["south"], {"north": Cause.PRICE})


def test_a_price_is_looked_at_again_after_a_minute() -> None:
    known: list[bool] = []
    index = index_of(target("north", paid=True), priced=lambda _: bool(known))
    allowed = Allowed(allow_paid=True)
    assert names(index.find("auto", chat(), allowed, now=600.0)) == []
    known.append(True)
    assert names(index.find("auto", chat(), allowed, now=659.0)) == []
    assert names(index.find("auto", chat(), allowed, now=660.0)) == ["north"]


def test_who_may_train_on_prompts_is_left_out_where_that_is_forbidden_and_unknown_counts_as_may() -> None:
    keeps, trains, unknown = target("keeps"), target("trains"), target("unknown")
    index = index_of(changed(keeps, trains_on_prompts=False), changed(trains, trains_on_prompts=True), unknown)

    found = find(index, no_training=True)
    assert (names(found), causes(found)) == (["keeps"], {"trains": Cause.DATA_POLICY, "unknown": Cause.DATA_POLICY})
    assert [one.reason for one in found.dropped] == [
        "trains on prompts, and no_training is on",
        "it is not known whether it trains on prompts, and no_training is on",
    ]
    assert names(find(index)) == ["keeps", "trains", "unknown"]


LARGE = chat(SURELY_FITS)


def test_a_large_prompt_is_not_sent_where_the_context_is_unknown() -> None:
    index = index_of(target("known", context=100_000), target("unknown", context=None))
    assert names(find(index)) == ["known", "unknown"]

    found = find(index, demand=LARGE)
    assert (names(found), causes(found)) == (["known"], {"unknown": Cause.UNKNOWN_CONTEXT})
    assert found.dropped[0].reason == "its context is not known, the prompt takes about 8,192"


def test_unless_its_model_is_named_or_nobody_else_has_room() -> None:
    index = index_of(target("small", context=4_000), target("unknown", context=None))
    assert names(find(index, demand=LARGE, name="m")) == ["unknown"]
    assert names(find(index, demand=LARGE)) == ["unknown"]


def test_a_model_that_is_named_at_a_provider_that_may_not_be_asked_is_said_to_be_so() -> None:
    found = find(index_of(target("north"), target("south")), name="north/m", providers=("south",))
    assert (names(found), causes(found)) == ([], {"north": Cause.POLICY})
    assert found.dropped[0].reason == "not among the providers that may be asked"


def test_what_was_found_is_kept_and_not_without_a_bound() -> None:
    index = index_of(target("north", model="m", context=1_000))
    assert find(index) is find(index, demand=chat(900))
    assert find(index) is not find(index, demand=chat(2_000))
    for number in range(2 * MOST_KEPT):
        find(index, providers=("north",) * (number % (MOST_KEPT + 7) + 1))
    assert len(index._ready) <= MOST_KEPT


def test_a_name_that_nobody_has_is_told_each_time() -> None:
    index = index_of(target("north"))
    for _ in range(2):
        with pytest.raises(UnknownModel):
            find(index, name="nothing-like-it")


CONTEXTS = st.sampled_from([None, 500, 9_000, 100_000])
TARGETS = st.lists(
    st.builds(
        lambda name, paid, context, tools, trains: changed(
            target(name, paid=paid, context=context, features=["tools"] if tools else []), trains_on_prompts=trains
        ),
        st.sampled_from("abcdef"),
        st.booleans(),
        CONTEXTS,
        st.booleans(),
        st.sampled_from([None, True, False]),
    ),
    unique_by=lambda one: one.name,
    min_size=1,
    max_size=6,
)
KINDS = list(product((NOTHING, TOOLS), (10, 600, 8_500, 200_000), (True, False), (True, False), ("auto", "m")))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(TARGETS, st.lists(st.sampled_from(KINDS), max_size=8))
def test_what_is_kept_changes_no_answer_and_each_target_is_a_candidate_or_left_out(
    targets: list[Target], asked: list[Any]
) -> None:
    kept = index_of(*targets)
    for needs, tokens, allow_paid, no_training, name in asked:
        allowed = {"allow_paid": allow_paid, "no_training": no_training}
        demand = chat(tokens, needs)
        found = find(kept, demand, name, **allowed)
        assert found == find(index_of(*targets), demand, name, **allowed)
        assert sorted([*names(found), *causes(found)]) == sorted(one.name for one in targets)
        assert all(causes(found).values())
        for one in found.eligible:
            assert one.model.context is None or demand.size <= one.model.context
            assert needs <= one.model.features
            assert allow_paid or not one.paid
            assert not no_training or one.trains_on_prompts is False
