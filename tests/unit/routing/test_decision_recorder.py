"""The record of a decision, and the error when nobody could answer."""

from __future__ import annotations

import pytest

from shunpike.errors import ConfigError, Exhausted, Overloaded, PluginError
from shunpike.protocols import Ranked
from shunpike.routing.decision_recorder import DecisionRecorder
from shunpike.routing.plan import Plan
from shunpike.routing.trouble import Setback, TroubleScope
from shunpike.types import Cause, Verdict

from .loop_rig import target

NORTH, SOUTH = target("north"), target("south")


def recorder() -> DecisionRecorder:
    ranked = (Ranked(NORTH, 0.9, "fast"), Ranked(SOUTH, 0.1, "slow"))
    return DecisionRecorder("auto", Plan(ranked=ranked, dropped=(), strategy="mine"))


def test_who_was_not_asked_is_unused_with_the_words_of_the_strategy() -> None:
    made = recorder()
    made.note(NORTH, Verdict.ANSWERED)
    decision = made.decision()

    assert decision.strategy == "mine"
    assert [(one.provider, one.verdict, one.score, one.why) for one in decision.candidates] == [
        ("north", Verdict.ANSWERED, 0.9, "fast"),
        ("south", Verdict.UNUSED, 0.1, "slow"),
    ]


def test_what_failed_says_more_than_what_keeps_it_from_being_asked_again() -> None:
    made = recorder()
    made.failed(NORTH, Overloaded("down", provider="north"))
    made.closed(NORTH, Setback(TroubleScope.ACCOUNT, "overloaded", "overloaded: down"))

    assert made.decision().candidates[0].verdict is Verdict.FAILED


def test_the_error_lists_each_candidate_and_the_first_moment() -> None:
    made = recorder()
    made.failed(NORTH, Overloaded("down", provider="north"), retry_at=2_000.0)
    made.closed(
        SOUTH, Setback(TroubleScope.MODEL, "rate_limited", "rate_limited: slow down", 1_500.0, cause=Cause.QUOTA)
    )
    error = made.exhausted("req", now=1_000.0)

    assert isinstance(error, Exhausted)
    assert (error.retry_at, error.request_id) == (1_500.0, "req")
    assert "overloaded: down" in error.message
    assert "rate_limited: slow down" in error.message


def test_one_mistake_in_the_set_up_of_all_is_the_error_itself() -> None:
    made, mistake = recorder(), ConfigError("base_url is no address")
    for one in (NORTH, SOUTH):
        made.unusable(one, mistake)

    assert made.exhausted("req", now=0.0) is mistake


def test_a_plugin_that_alone_went_wrong_is_the_error() -> None:
    made, broken = recorder(), PluginError("plugin 'x': raised", plugin="x")
    made.failed(NORTH, broken)

    assert made.exhausted("req", now=0.0) is broken


@pytest.mark.parametrize("many", [13, 40])
def test_more_than_twelve_reasons_are_summed_up(many: int) -> None:
    targets = [target(f"p{place}") for place in range(many)]
    made = DecisionRecorder("auto", Plan(ranked=tuple(map(Ranked, targets)), dropped=(), strategy="mine"))
    for one in targets:
        made.failed(one, Overloaded(f"down at {one.name}", provider=one.name))

    assert f"… and {many - 12} more" in made.exhausted("req", now=0.0).message
