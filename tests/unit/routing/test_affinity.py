"""Where conversations run, and the laws of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.protocols import Ranked
from shunpike.routing.affinity import OFF, Candidates, Conversations, PlannedTurn, loss, shared_out
from shunpike.routing.conversation import ConversationTurn
from shunpike.types import AffinityState, ChatRequest, SessionAffinity
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
        self.known = Conversations()
        self.key = key
        self.now_mono = 0.0

    def turn(self, found: Candidates, *, in_tool_loop: bool = False) -> tuple[tuple[Ranked, ...], PlannedTurn]:
        return self.known.placed(ConversationTurn(self.key, in_tool_loop), found, IDLE, self.now_mono)

    def answered_by(self, one: Ranked) -> None:
        planned = PlannedTurn(SessionAffinity(state=AffinityState.NEW), ConversationTurn(self.key))
        self.known.answered(planned, one.target, self.now_mono)


PLAIN = ranked("a/m", "b/m", "c/m", group=None)


def test_the_first_turn_goes_where_the_strategy_says() -> None:
    talk = Talk()
    asked, planned = talk.turn(candidates(*PLAIN))
    assert asked == PLAIN
    assert planned.told.state is AffinityState.NEW


def test_a_conversation_stays_where_it_was_answered() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    asked, planned = talk.turn(candidates(*PLAIN))
    assert labels(asked) == ["b/m", "a/m", "c/m"]
    assert (planned.told.state, planned.told.target, planned.provider) == (AffinityState.KEPT, "b/m", "north")


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
    asked, planned = talk.turn(found)
    assert asked == found.ranked
    assert (planned.told.state, planned.told.why) == (AffinityState.MOVED, why)


def test_inside_a_tool_loop_it_stays_also_where_something_earlier_can_answer_again() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    asked, _ = talk.turn(candidates(*PLAIN, rungs={"b/m": 1}), in_tool_loop=True)
    assert labels(asked)[0] == "b/m"
    asked, _ = talk.turn(candidates(*PLAIN, closed=["b/m"]), in_tool_loop=True)
    assert labels(asked)[0] == "a/m"


def test_an_opening_is_asked_where_the_strategy_says_whatever_began_with_the_same_words() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    opening = ConversationTurn(talk.key, is_opening=True)
    asked, planned = talk.known.placed(opening, candidates(*PLAIN), IDLE, talk.now_mono)
    assert asked == PLAIN
    assert planned.told.state is AffinityState.NEW


def test_it_ends_after_it_was_idle() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    talk.now_mono += IDLE
    assert talk.turn(candidates(*PLAIN))[1].told.state is AffinityState.KEPT
    talk.now_mono += 1.0
    asked, planned = talk.turn(candidates(*PLAIN))
    assert asked == PLAIN
    assert (planned.told.state, planned.told.why) == (AffinityState.NEW, "its last turn was more than 600 s ago")
    assert not len(talk.known)


def test_it_is_moved_once_by_a_failure_and_not_back() -> None:
    talk, equals = Talk(), ranked("a/m", "b/m", "c/m")
    first, second, _ = shared_out(talk.key, candidates(*equals))
    talk.answered_by(first)
    asked, moved = talk.turn(candidates(*equals, closed=[first.target.label]))
    assert moved.told.state is AffinityState.MOVED
    assert asked[0] == second
    talk.answered_by(second)
    asked, kept = talk.turn(candidates(*equals))
    assert kept.told.state is AffinityState.KEPT
    assert asked[0] == second


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
    known = Conversations(most=2)
    for key in ("one", "two", "one", "three"):
        planned = PlannedTurn(SessionAffinity(state=AffinityState.NEW), ConversationTurn(key))
        known.answered(planned, PLAIN[1].target, 0.0)
    found = {key: known.placed(ConversationTurn(key), candidates(*PLAIN), IDLE, 0.0)[1] for key in ("one", "two")}
    assert found["one"].told.state is AffinityState.KEPT
    assert found["two"].told.state is AffinityState.NEW
    assert len(known) == 2


def test_what_is_part_of_no_conversation_is_not_remembered() -> None:
    known = Conversations()
    assert known.answered(OFF, PLAIN[1].target, 0.0) is OFF.told
    assert not len(known)


def test_a_turn_that_another_answered_has_moved() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    _, planned = talk.turn(candidates(*PLAIN))
    assert talk.known.answered(planned, PLAIN[1].target, 0.0) is planned.told
    moved = talk.known.answered(planned, PLAIN[0].target, 0.0)
    assert (moved.state, moved.target) == (AffinityState.MOVED, "b/m")
    assert moved.why == "it did not answer this request"
    assert talk.turn(candidates(*PLAIN))[1].told.target == "a/m"


def test_what_a_move_inside_a_tool_loop_loses_is_named() -> None:
    talk = Talk()
    talk.answered_by(PLAIN[1])
    _, planned = talk.turn(candidates(*PLAIN), in_tool_loop=True)
    told = talk.known.answered(planned, PLAIN[0].target, 0.0)
    plain = ChatRequest(messages=[{"role": "user", "content": "Go"}])
    signed = ChatRequest(messages=[{"role": "assistant", "content": "…", "private": {"south": {"signature": "x"}}}])
    start = "the conversation moved from b/m to a/m in the middle of its tool calls, as b/m did not answer this request"
    assert loss(planned, told, plain, PLAIN[0].target) == f"{start}: lost is what it had cached of the prompt"
    assert loss(planned, planned.told, plain, PLAIN[1].target) is None
    lost = loss(planned._replace(provider="south"), told, signed, PLAIN[0].target)
    assert lost is not None
    assert lost.endswith("the prompt and the signatures of its thoughts, which another provider can't read")
    assert loss(planned._replace(turn=ConversationTurn(talk.key)), told, signed, PLAIN[0].target) is None


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
    asked, planned = talk.turn(found, in_tool_loop=in_tool_loop)
    assert sorted(labels(asked)) == sorted(labels(found.ranked))
    paid = [one.target.paid for one in asked]
    assert paid == sorted(paid)
    assert (asked, planned) == talk.turn(found, in_tool_loop=in_tool_loop)
    first = asked[0].target.label
    if planned.told.state is AffinityState.KEPT:
        assert last is not None
        assert first == last.target.label
        assert not found.closed(first)
        assert in_tool_loop or found.rung(first) <= found.rung(found.ranked[0].target.label)
        rest = [one for one in asked if one.target.label != first]
        assert rest == [one for one in shared_out(key, found) if one.target.label != first]
    else:
        assert asked == shared_out(key, found)
