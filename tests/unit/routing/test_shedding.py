"""What is shed, and who is not left out for a suspicion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.errors import Overloaded, ProviderError, RateLimited
from shunpike.routing.ejection import is_spared
from shunpike.routing.health import Health
from shunpike.routing.shedding import FEWEST, OK, WINDOW, Acceptance, part
from shunpike.routing.trouble import TroublePlace
from shunpike.types import Evidence, Unit
from shunpike_testkit.clock import VirtualClock

PLACES = [TroublePlace(f"p{n}/m", f"p{n}", f"p{n} https://p{n}", f"p{n} key") for n in range(4)]
BAD, GOOD = PLACES[0], PLACES[1]


@given(calls=st.integers(0, 500), share=st.floats(0, 1))
def test_nothing_is_shed_while_half_are_accepted_and_more_the_fewer_are(calls: int, share: float) -> None:
    accepted = int(calls * share)
    assert 0 <= part(calls, accepted) < 1
    if 2 * accepted >= calls or calls < FEWEST:
        assert part(calls, accepted) == 0
    else:
        assert part(calls, accepted) == (calls - 2 * accepted) / (calls + 1)


def test_what_is_older_than_two_minutes_is_forgotten() -> None:
    found = Acceptance()
    for second in range(10):
        found.note("overloaded", float(second))
    assert found.shed(10.0) == 10 / 11
    found.note(OK, WINDOW + 15.0)
    assert (found.accepted(WINDOW + 21.0), found.shed(WINDOW + 21.0)) == ((1, 1), 0.0)


def overloaded(health: Health, clock: VirtualClock, error: ProviderError, calls: int = 40) -> None:
    """Let every fourth call be answered, so that nothing is closed."""
    for call in range(calls):
        if call % 4:
            health.learn(BAD, error, clock.now())
        else:
            health.succeeded(BAD)
        clock.advance(0.1)


def entered(health: Health, *, among: int = 2) -> int:
    return sum(health.enter(BAD, lambda: PLACES[:among], f"req-{n}") is None for n in range(100))


def test_a_target_that_answers_a_quarter_is_spared_a_part_and_the_same_request_always() -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.succeeded(GOOD)
    overloaded(health, clock, Overloaded("down", provider="p0", status=503))

    verdicts = [health.enter(BAD, lambda: PLACES[:2], "req-7") is None for _ in range(5)]
    assert len(set(verdicts)) == 1
    assert 5 <= entered(health) <= 60
    refused = next(one for n in range(99) if (one := health.enter(BAD, lambda: PLACES[:2], f"r{n}")) is not None)
    assert "calls within two minutes were accepted" in refused.reason
    assert health.closed_until(BAD) is None, "it is closed for nobody"


def test_nothing_is_shed_where_nobody_else_answers() -> None:
    clock = VirtualClock()
    health = Health(clock)
    overloaded(health, clock, Overloaded("down", provider="p0", status=503))

    assert entered(health, among=1) == 100
    assert entered(health, among=2) == 100, "the other one has not answered lately"


@pytest.mark.parametrize("named", [False, True])
def test_a_refusal_that_names_a_limit_is_no_sign_of_overload(*, named: bool) -> None:
    clock = VirtualClock()
    health, limited = Health(clock), RateLimited("too many", provider="p0", status=429)
    health.succeeded(GOOD)
    if named:
        limited.evidence = (Evidence(unit=Unit.REQUEST, remaining=0, origin="header"),)
    overloaded(health, clock, limited)

    assert any(health.capacity.is_shed(BAD, f"req-{n}") for n in range(100)) is not named


def fail(health: Health, clock: VirtualClock, where: TroublePlace) -> None:
    for _ in range(5):
        health.learn(where, Overloaded("no", provider="p", kind="connection"), clock.now())
        clock.advance(0.1)


def test_of_four_two_are_left_out_and_the_third_is_asked_while_the_last_answers() -> None:
    clock = VirtualClock()
    health = Health(clock)
    health.succeeded(PLACES[3])
    for where in PLACES[:3]:
        fail(health, clock, where)

    asked = [health.enter(where, lambda: PLACES) is None for where in PLACES]
    assert asked == [True, False, False, True]
    assert health.enter(PLACES[0], lambda: PLACES[:1]) is not None, "by itself it is closed"


def test_where_nothing_answers_all_may_be_closed() -> None:
    clock = VirtualClock()
    health = Health(clock)
    for where in PLACES:
        fail(health, clock, where)

    assert not any(health.enter(where, lambda: PLACES) is None for where in PLACES)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 100)), st.integers(8, 20))
def test_at_most_half_are_left_out_while_the_rest_answers(suspected: dict[str, float], of: int) -> None:
    out = [name for name in suspected if not is_spared(name, suspected, others_answer=True, of=of)]
    assert len(out) == min(len(suspected), of // 2)
    assert all(suspected[name] >= suspected[other] for name in out for other in suspected.keys() - set(out))
    assert not any(is_spared(name, suspected, others_answer=False, of=of) for name in suspected)
