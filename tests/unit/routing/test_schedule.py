"""Whatever fails and whenever: the laws of who is asked next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from shunpike.protocols import Target
from shunpike.routing.schedule import MOST_TRIES, Pause, Schedule, Spent
from shunpike.routing.trouble import Setback, TroubleScope
from shunpike.types import Cause, FallOverStep

from .schedule_rig import BUSY, DOWN, GONE, PAID, of, schedule, setback, until, where


def asked(plan: Schedule, failure: Setback, now: float = 0.0) -> list[str]:
    """Return whom the schedule asks while everybody fails in one way and no time passes."""
    order = []
    while isinstance(step := plan.next(now), Target):
        plan.begun(step)
        plan.failed(step, failure, until(failure))
        order.append(step.label)
    return order


def test_an_address_that_does_not_answer_is_asked_once_while_others_are_left() -> None:
    assert asked(schedule("a/1", "a/2", "a/3", "b/1", "c/1"), DOWN) == ["a/1", "b/1", "c/1"]


def test_a_failure_that_two_models_share_is_the_accounts() -> None:
    assert asked(schedule("a/1", "a/2", "a/3", "a/4", "b/1"), BUSY) == ["a/1", "a/2", "b/1"]


def test_every_account_is_reached_before_one_is_tried_a_third_time() -> None:
    assert asked(schedule("a/1", "a/2", "a/3", "a/4", "b/1", "b/2"), GONE) == [
        "a/1",
        "a/2",
        "b/1",
        "a/3",
        "a/4",
        "b/2",
    ]


def test_attempts_are_kept_for_the_accounts_that_come_later() -> None:
    plan = schedule("a/1", "a/2", "b/1", "b/2", "c/1", "d/1", attempts=5)
    assert asked(plan, GONE) == ["a/1", "a/2", "b/1", "c/1", "d/1"]
    assert asked(schedule("a/1", "a/2", "b/1", "c/1", "d/1", attempts=2), GONE) == ["a/1", "b/1"]


def test_nobody_is_paid_before_all_that_is_free_was_tried() -> None:
    assert asked(schedule("a/1", "a/2", "a/3", "a/4", "y/1"), GONE) == ["a/1", "a/2", "a/3", "a/4", "y/1"]
    assert asked(schedule("a/1", "a/2", "a/3", "b/1", "y/1"), GONE) == ["a/1", "a/2", "b/1", "a/3", "y/1"]


def test_the_last_attempt_is_kept_for_a_paid_account() -> None:
    plan = schedule("a/1", "a/2", "a/3", "b/1", "c/1", "y/1", "y/2", "z/1", attempts=4)
    assert asked(plan, GONE) == ["a/1", "b/1", "c/1", "y/1"]
    assert asked(schedule("a/1", "a/2", "y/1", attempts=2), GONE) == ["a/1", "y/1"]
    assert asked(schedule("a/1", "y/1", attempts=1), GONE) == ["a/1"]


def test_what_is_down_is_tried_again_at_its_moment_when_nothing_else_is_left() -> None:
    plan = schedule("a/1", "b/1")
    assert asked(plan, DOWN) == ["a/1", "b/1"]
    assert plan.next(0.0) == Pause(1.0)
    assert plan.next(1.0) == of("a/1")


def test_an_address_gets_three_attempts_whatever_the_time() -> None:
    plan, tries, now = schedule("a/1", "a/2"), 0, 0.0
    while (step := plan.next(now)) is not None:
        if isinstance(step, Pause):
            now = step.until_mono
            continue
        plan.begun(step)
        plan.failed(step, DOWN, now + 1.0)
        tries += 1
    assert tries == MOST_TRIES


def test_what_is_closed_is_waited_for_until_the_timeout_and_the_earliest_opening_decides() -> None:
    plan = schedule("a/1", "b/1", expires_mono=100.0)
    for label, until_mono in (("a/1", 90.0), ("b/1", 30.0)):
        plan.begun(of(label))
        plan.failed(of(label), setback(TroubleScope.MODEL, until_mono, sure=False), until_mono)
    assert plan.next(0.0) == Pause(30.0)
    assert plan.next(30.0) == of("b/1")
    limited = schedule("a/1", expires_mono=100.0)
    limited.closed(of("a/1"), setback(TroubleScope.MODEL, 99.0), 99.0)
    assert limited.next(0.0) == Pause(99.0)
    limited.closed(of("a/1"), setback(TroubleScope.MODEL, 101.0), 101.0)
    assert limited.next(0.0) is None


def test_without_waiting_there_is_no_second_round() -> None:
    plan = schedule("a/1", "b/1", waits=False)
    plan.closed(of("a/1"), setback(TroubleScope.MODEL, 5.0), 5.0)
    assert asked(plan, DOWN) == ["b/1"]
    assert plan.next(4.0) is None


def test_what_a_limit_closed_is_parked_until_somebody_says_that_it_opens() -> None:
    plan = schedule("a/1", "b/1", "c/1")
    plan.parked(of("a/1"))
    plan.parked(of("b/1"))
    plan.closed(of("c/1"), setback(TroubleScope.MODEL, 5.0, sure=False), 5.0)
    assert plan.next(0.0) == Pause(5.0, parked=True)
    plan.reopen(of("b/1"))
    assert plan.next(0.0) == of("b/1")
    plan.parked(of("b/1"))
    plan.close_parked()
    assert plan.next(0.0) == Pause(5.0)


def test_without_waiting_nothing_that_is_parked_is_waited_for() -> None:
    plan = schedule("a/1", waits=False)
    plan.parked(of("a/1"))
    assert plan.next(0.0) is None


def test_what_was_not_tried_has_its_reason() -> None:
    plan = schedule("a/1", "a/2", "b/1", "c/1", attempts=2)
    asked(plan, DOWN)
    assert {one.label: why for one, why in plan.untried(0.0)} == {
        "a/2": DOWN,
        "c/1": Spent("2 attempts were used", Cause.ATTEMPTS),
    }
    late = schedule("a/1", expires_mono=1.0)
    assert late.next(1.0) is None
    assert late.untried(1.0) == [(of("a/1"), Spent("the time was used up", Cause.TIME))]


SETBACKS = st.builds(
    Setback,
    scope=st.sampled_from(list(TroubleScope)),
    kind=st.just("k"),
    reason=st.just("k: r"),
    closed_until=st.none() | st.floats(0.1, 30),
    sure=st.booleans(),
    shared=st.booleans(),
)
LABELS = st.lists(
    st.tuples(st.sampled_from(f"abc{PAID}"), st.integers(1, 5)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    unique=True,
    min_size=1,
    max_size=12,
).map(lambda labels: sorted(labels, key=lambda label: label[0] in PAID))


@dataclass
class Told:
    """What happened at each visit: refused, or failed, after so many seconds."""

    refused: bool
    setback: Setback
    seconds: float = field(default=0.0)
    step: FallOverStep = FallOverStep.WAIT


AFTER = st.sampled_from([FallOverStep.WAIT, FallOverStep.WAIT, FallOverStep.NEXT, FallOverStep.SAME])
STEPS = st.lists(st.builds(Told, st.booleans(), SETBACKS, st.floats(0, 5), AFTER), max_size=60)


@given(labels=LABELS, steps=STEPS, attempts=st.integers(1, 10), waits=st.booleans())
def test_the_laws_hold_whatever_happens(
    labels: Sequence[str], steps: Sequence[Told], attempts: int, waits: bool
) -> None:
    plan, now, tries = schedule(*labels, attempts=attempts, expires_mono=200.0, waits=waits), 0.0, Counter[str]()
    doors: dict[tuple[TroubleScope, str], float] = {}
    barred: set[str] = set()
    first = ""
    for told in steps:
        step = plan.next(now)
        if step is None:
            break
        if isinstance(step, Pause):
            assert waits
            assert now < step.until_mono < 200.0
            now = step.until_mono
            step = plan.next(now)
            assert isinstance(step, Target), "after a pause somebody can be asked"
        own = [(scope, where(step).of(scope)) for scope in TroubleScope]
        assert all(doors.get(key, 0.0) <= now for key in own), "nobody is asked before its moment"
        opens = now + until(told.setback)
        if told.refused:
            plan.closed(step, told.setback, opens)
        else:
            plan.begun(step)
            tries[step.label] += 1
            tries[step.name] += 1
            others = {one.partition("/")[0] for one in labels}
            idle = [name for name in others if not tries[name] and not _closed(name, labels, doors)]
            alike = [name for name in idle if (name in PAID) == step.paid]
            assert tries[step.name] <= 2 or not alike or first == step.label, "each account comes before a third try"
            assert step.label not in barred, "what says next was asked for the last time"
            made = sum(count for label, count in tries.items() if "/" in label)
            if step.paid and not 1 < made == attempts:
                fresh = [one for one in labels if not of(one).paid and not tries[one] and not _shut(one, doors)]
                assert not fresh, "nobody is paid while a free one is fresh, except with the last attempt"
                ready = [one for one in labels if not of(one).paid and not barred & {one} and _is_open(one, doors, now)]
                again = [one for one in ready if not tries[one] and tries[of(one).name] < MOST_TRIES]
                second = tries[step.label] > 1 and first != step.label
                assert not (again and second), "nobody is paid again while a free one that was not asked is ready"
            plan.failed(step, told.setback, opens, told.step)
            barred |= {step.label} if told.step is FallOverStep.NEXT else set()
            first = step.label if told.step is FallOverStep.SAME else ""
        key = (told.setback.scope, where(step).of(told.setback.scope))
        doors[key] = max(doors.get(key, 0.0), opens)
        now += told.seconds
    assert sum(count for label, count in tries.items() if "/" in label) <= attempts
    assert all(count <= MOST_TRIES for label, count in tries.items() if "/" in label)


@given(labels=LABELS, attempts=st.integers(1, 10))
def test_free_ones_go_first_whatever_the_plan(labels: Sequence[str], attempts: int) -> None:
    order = asked(schedule(*labels, attempts=attempts), GONE)
    paid = [label[0] in PAID for label in order]
    assert paid == sorted(paid), "nobody is paid, then free ones are asked"
    free_left = {label for label in labels if label[0] not in PAID} - {*order}
    assert sum(paid) <= 1 or not free_left, "more than one is paid only when no free one is left"
    if 1 < attempts <= len(order) and any(label[0] in PAID for label in labels):
        assert paid[-1], "the last attempt is kept for who is paid"
    elif attempts == 1:
        assert paid == [all(label[0] in PAID for label in labels)]


def _closed(name: str, labels: Sequence[str], doors: dict[tuple[TroubleScope, str], float]) -> bool:
    """Whether all of an account was closed at some time: what was in trouble comes in the second round."""
    return all(_shut(label, doors) for label in labels if label.startswith(f"{name}/"))


def _shut(label: str, doors: dict[tuple[TroubleScope, str], float]) -> bool:
    """Whether it was closed at some time."""
    place = where(of(label))
    return any((scope, place.of(scope)) in doors for scope in TroubleScope)


def _is_open(label: str, doors: dict[tuple[TroubleScope, str], float], now: float) -> bool:
    """Whether it may be asked now."""
    place = where(of(label))
    return all(doors.get((scope, place.of(scope)), 0.0) <= now for scope in TroubleScope)
