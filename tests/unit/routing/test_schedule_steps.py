"""What each step of the table of failures does to the order, and what no more money means."""

from __future__ import annotations

from shunpike.routing.schedule import Pause, Spent
from shunpike.routing.trouble import TroubleScope
from shunpike.types import Cause, FallOverStep

from .schedule_rig import BUSY, GONE, of, schedule, setback


def test_in_the_second_round_what_is_free_comes_before_what_is_paid() -> None:
    plan = schedule("a/1", "a/2", "a/3", "y/1")
    for label, until_mono in (("a/1", 5.0), ("a/2", 5.0), ("a/3", 5.0), ("y/1", 1.0)):
        plan.begun(of(label))
        plan.failed(of(label), setback(TroubleScope.MODEL, until_mono, sure=False), until_mono)
    assert plan.next(5.0) == of("a/1")
    assert plan.next(1.0) == of("y/1"), "nobody who is free can be asked yet"


def test_what_says_next_was_asked_for_the_last_time() -> None:
    plan = schedule("a/1", "b/1")
    plan.begun(of("a/1"))
    plan.failed(of("a/1"), BUSY, 1.0, FallOverStep.NEXT)
    plan.begun(of("b/1"))
    plan.failed(of("b/1"), BUSY, 2.0)
    assert plan.next(0.0) == Pause(2.0)
    assert plan.next(2.0) == of("b/1")


def test_what_says_same_is_asked_again_at_its_moment_before_anybody_else() -> None:
    plan = schedule("a/1", "b/1")
    plan.begun(of("a/1"))
    plan.failed(of("a/1"), BUSY, 1.0, FallOverStep.SAME)
    assert plan.next(0.0) == Pause(1.0)
    assert plan.next(1.0) == of("a/1")
    plan.begun(of("a/1"))
    plan.failed(of("a/1"), BUSY, 20.0, FallOverStep.SAME)
    assert plan.next(1.0) == of("b/1"), "it is not waited for so long"
    hasty = schedule("a/1", "b/1", waits=False)
    hasty.begun(of("a/1"))
    hasty.failed(of("a/1"), BUSY, 1.0, FallOverStep.SAME)
    assert hasty.next(0.0) == of("b/1")


def test_once_nothing_may_be_paid_any_more_only_free_ones_are_asked() -> None:
    plan, why = schedule("a/1", "y/1", "z/1"), Spent("billed, and of no use", Cause.POLICY)
    plan.begun(of("a/1"))
    plan.failed(of("a/1"), BUSY, 4.0)
    plan.begun(of("y/1"))
    plan.failed(of("y/1"), GONE)
    plan.pay_no_more(why)
    assert plan.next(0.0) == Pause(4.0)
    assert plan.next(4.0) == of("a/1")
    assert plan.untried(4.0) == [(of("z/1"), why)]
    assert plan.open == [of("a/1")]


def test_who_is_passed_over_for_another_account_has_a_reason() -> None:
    """A record showed ten models above the one that answered, and of none why it was not asked."""
    plan = schedule("a/1", "a/2", "a/3", "b/1", "b/2")
    for label in ("a/1", "a/2"):
        plan.begun(of(label))
        plan.failed(of(label), setback(TroubleScope.MODEL, 9.0, sure=False), 9.0)
    assert plan.next(0.0) == of("b/1")
    plan.begun(of("b/1"))
    why = {target.label: why for target, why in plan.untried(0.0)}
    assert why == {
        "a/3": Spent("its account was asked already, and another one came first", Cause.ATTEMPTS),
        "b/2": None,
    }
