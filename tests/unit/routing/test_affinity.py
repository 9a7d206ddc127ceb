"""Where conversations run, and the laws of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.protocols import Ranked
from shunpike.routing.affinity import Candidates, Conversations, Placed, ended, loss, shared_out
from shunpike.routing.conversation import Conversation
from shunpike.types import AffinityState, ChatRequest
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import target

IDLE = 600.0


def ranked(*labels: str, group: int | None = 0, paid: bool = False) -> tuple[Ranked, ...]:
    """Return equals in this order; ``group`` None = nobody has an equal."""
    return tuple(
        Ranked(target(name=name, model=model, paid=paid), group=group)
        for name, _, model in (label.partition("/") for label in labels)
    )


def candidates(
    *found: Ranked, closed: Sequence[str] = (), running: dict[str, int] | None = None, rungs: Any = None
) -> Candidates:
    return Candidates(
        found,
        closed=lambda label: label in closed,
        running=lambda label: (running or {}).get(label, 0),
        rung=lambda label: (rungs or {}).get(label, 0),
    )


def labels(placed: Sequence[Ranked]) -> list[str]:
    return [one.target.label for one in placed]


class Talk:
    """One conversation that asks again and again."""

    def __init__(self, key: str = "k" * 32) -> None:
        self.clock = VirtualClock()
        self.known = Conversations(self.clock)
        self.key = key

    def turn(self, found: Candidates, *, in_tool_loop: bool = False) -> Placed:
        return self.known.placed(Conversation(self.key, in_tool_loop), found, IDLE)

    def answered_by(self, one: Ranked) -> None:
        self.known.answered(self.key, one.target)


PLAIN = ranked("a/m", "b/m", "c/m", group=None)


def test_the_first_turn_goes_where_the_strategy_says() -> None:
    talk = Talk()
    placed = talk.turn(candidates(*PLAIN))
    assert placed.ranked == PLAIN
    assert placed.told.state is AffinityState.NEW


def test_a_conversation_stays_where_it_was_answered() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    placed = talk.turn(candidates(*PLAIN))
    assert labels(placed.ranked) == ["b/m", "a/m", "c/m"]
    assert (placed.told.state, placed.told.target, placed.provider) == (AffinityState.KEPT, "b/m", "north")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (candidates(PLAIN[0], PLAIN[2]), "it can't answer this request"),
        (candidates(*PLAIN, closed=["b/m"]), "it is closed for now"),
        (candidates(PLAIN[0], *ranked("b/m", paid=True)), "it costs money, and something free can answer"),
        (candidates(*PLAIN, rungs={"b/m": 1}), "it is asked later than what can answer again"),
    ],
)
def test_it_does_not_stay_where_it_is_not_to_be(found: Candidates, why: str) -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    placed = talk.turn(found)
    assert placed.ranked == found.ranked
    assert (placed.told.state, placed.told.why) == (AffinityState.MOVED, why)


def test_inside_a_tool_loop_it_stays_also_where_something_earlier_can_answer_again() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    placed = talk.turn(candidates(*PLAIN, rungs={"b/m": 1}), in_tool_loop=True)
    assert labels(placed.ranked)[0] == "b/m"
    closed = talk.turn(candidates(*PLAIN, closed=["b/m"]), in_tool_loop=True)
    assert labels(closed.ranked)[0] == "a/m"


def test_it_ends_after_it_was_idle() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    talk.clock.advance(IDLE)
    assert talk.turn(candidates(*PLAIN)).told.state is AffinityState.KEPT
    talk.clock.advance(1.0)
    placed = talk.turn(candidates(*PLAIN))
    assert placed.ranked == PLAIN
    assert (placed.told.state, placed.told.why) == (AffinityState.NEW, "its last turn was more than 600 s ago")
    assert not len(talk.known)


def test_it_is_moved_once_by_a_failure_and_not_back() -> None:
    talk, equals = Talk(), ranked("a/m", "b/m", "c/m")
    first, second, _ = shared_out(talk.key, candidates(*equals))
    talk.answered_by(first)
    moved = talk.turn(candidates(*equals, closed=[first.target.label]))
    assert moved.told.state is AffinityState.MOVED
    assert moved.ranked[0] == second
    talk.answered_by(second)
    back = talk.turn(candidates(*equals))
    assert back.told.state is AffinityState.KEPT
    assert back.ranked[0] == second


def test_new_conversations_are_shared_out_over_equals_and_over_the_rest_when_one_is_gone() -> None:
    equals = ranked("a/m", "b/m", "c/m")
    keys = [f"conversation {number}" for number in range(900)]
    first = {key: labels(shared_out(key, candidates(*equals)))[0] for key in keys}
    assert all(abs(count - 300) < 60 for count in Counter(first.values()).values())
    without = {key: labels(shared_out(key, candidates(*equals[1:])))[0] for key in keys}
    moved = Counter(without[key] for key in keys if first[key] == "a/m")
    assert all(without[key] == first[key] for key in keys if first[key] != "a/m")
    assert min(moved.values()) > 100


def test_an_equal_on_which_too_much_runs_gets_no_new_conversation() -> None:
    equals = ranked("a/m", "b/m", "c/m")
    busy = {"a/m": 5, "b/m": 2, "c/m": 2}  # 3 on average: 4 may run at each
    found = [labels(shared_out(str(key), candidates(*equals, running=busy))) for key in range(50)]
    assert {one[2] for one in found} == {"a/m"}
    assert {one[0] for one in found} == {"b/m", "c/m"}
    busy["a/m"] = 4
    assert "a/m" in {labels(shared_out(str(key), candidates(*equals, running=busy)))[0] for key in range(50)}


def test_who_has_no_equal_keeps_the_place_that_the_strategy_gave() -> None:
    found = (*ranked("a/m", group=1), *ranked("b/m", "c/m", group=2), *ranked("d/m", group=None))
    assert all(shared_out(str(key), candidates(*found)) == found for key in range(20))


def test_equals_that_cost_money_are_none_of_those_that_are_free() -> None:
    found = (*ranked("a/m"), *ranked("b/m", paid=True))
    assert all(shared_out(str(key), candidates(*found)) == found for key in range(20))


def test_what_was_idle_longest_is_forgotten_first() -> None:
    known = Conversations(VirtualClock(), most=2)
    for key in ("one", "two", "one", "three"):
        known.answered(key, PLAIN[1].target)
    states = {key: known.placed(Conversation(key), candidates(*PLAIN), IDLE).told.state for key in ("one", "two")}
    assert states == {"one": AffinityState.KEPT, "two": AffinityState.NEW}
    assert len(known) == 2


def test_a_turn_that_another_answered_has_moved() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    told = talk.turn(candidates(*PLAIN)).told
    assert ended(told, PLAIN[1].target) is told
    moved = ended(told, PLAIN[0].target)
    assert (moved.state, moved.target) == (AffinityState.MOVED, "b/m")
    assert moved.why == "it did not answer this request"


def test_what_a_move_loses_is_named() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    told = ended(talk.turn(candidates(*PLAIN)).told, PLAIN[0].target)
    plain = ChatRequest(messages=[{"role": "user", "content": "Go"}])
    signed = ChatRequest(messages=[{"role": "assistant", "content": "…", "private": {"south": {"signature": "x"}}}])
    start = "the conversation moved from b/m to a/m in the middle of its tool calls, as b/m did not answer this request"
    assert loss(told, "north", plain, PLAIN[0].target) == f"{start}: lost is what it had cached of the prompt"
    lost = loss(told, "south", signed, PLAIN[0].target)
    assert lost is not None
    assert lost.endswith("the prompt and the signatures of its thoughts, which another provider can't read")
    assert loss(told, "north", plain, PLAIN[1].target) is None


names = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Candidates, Ranked | None, bool]:
    free = [Ranked(target(name=name), group=draw(st.sampled_from([None, 0, 1]))) for name in draw(names)]
    paid = [Ranked(target(name=name, paid=True), group=draw(st.sampled_from([None, 0]))) for name in ["y", "z"]]
    found = (*free, *paid)
    closed = {one.target.label for one in found if draw(st.booleans())}
    running = {one.target.label: draw(st.integers(0, 5)) for one in found}
    cut = draw(st.integers(0, len(free)))
    rungs = {one.target.label: int(place >= cut) for place, one in enumerate(free)}
    last = draw(st.sampled_from([None, *found]))
    return candidates(*found, closed=tuple(closed), running=running, rungs=rungs), last, draw(st.booleans())


@given(situations(), st.integers(0, 1_000).map(str))
def test_whatever_is_asked_for_the_laws_of_affinity_hold(
    situation: tuple[Candidates, Ranked | None, bool], key: str
) -> None:
    found, last, in_tool_loop = situation
    talk = Talk(key)
    if last is not None:
        talk.answered_by(last)
    placed = talk.turn(found, in_tool_loop=in_tool_loop)
    assert sorted(labels(placed.ranked)) == sorted(labels(found.ranked))
    paid = [one.target.paid for one in placed.ranked]
    assert paid == sorted(paid)
    assert placed == talk.turn(found, in_tool_loop=in_tool_loop)
    first = placed.ranked[0].target.label
    if placed.told.state is AffinityState.KEPT:
        assert last is not None
        assert first == last.target.label
        assert not found.closed(first)
        assert in_tool_loop or found.rung(first) <= found.rung(found.ranked[0].target.label)
        rest = [one for one in placed.ranked if one.target.label != first]
        assert rest == [one for one in shared_out(key, found) if one.target.label != first]
    else:
        assert placed.ranked == shared_out(key, found)
