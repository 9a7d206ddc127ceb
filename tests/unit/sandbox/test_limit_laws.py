"""No window ever holds more than its quota, however requests and time interleave."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shunpike_sandbox.limits import Gate, Lease, Quota, Rule, local_day, next_midnight

TEN_SECONDS = Quota(Rule("rps", "requests", seconds=10.0), 10, "m")
TOKENS = Quota(Rule("tps", "total_tokens", seconds=10.0), 50, "m")
PACIFIC = "America/Los_Angeles"


class WindowNeverOverspends(RuleBasedStateMachine):
    """Asks and waits at random; every ten seconds that ever were hold at most the quota."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.gate = Gate()
        self.granted: list[tuple[float, int]] = []

    @rule(tokens=st.integers(1, 60))
    def ask(self, tokens: int) -> None:
        outcome = self.gate.admit([TEN_SECONDS, TOKENS], {"requests": 1, "total_tokens": tokens}, self.now)
        if isinstance(outcome, Lease):
            self.granted.append((self.now, tokens))
            return
        used = [one for at, one in self.granted if self.now - at < 10]
        assert len(used) + 1 > 10 or sum(used) + tokens > 50, "refused though there was room"
        for hit in outcome:
            assert hit.hopeless or 0 < hit.retry_after <= 10

    @rule(seconds=st.floats(0.01, 12))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def no_window_overspends(self) -> None:
        for start, _ in self.granted:
            inside = [tokens for at, tokens in self.granted if start <= at < start + 10]
            assert len(inside) <= 10
            assert sum(inside) <= 50


TestWindowNeverOverspends = WindowNeverOverspends.TestCase
TestWindowNeverOverspends.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_a_refused_request_takes_nothing_from_any_limit() -> None:
    gate = Gate()
    assert isinstance(gate.admit([TEN_SECONDS, TOKENS], {"total_tokens": 51}, 0.0), list)
    assert gate.readings([TEN_SECONDS], 0.0)["rps"].used == 0


def test_retry_after_is_the_moment_at_which_the_request_fits() -> None:
    gate = Gate()
    for second in range(10):
        gate.admit([TEN_SECONDS], {}, float(second))
    (hit,) = gate.admit([TEN_SECONDS], {}, 9.5)  # type: ignore[misc]
    assert hit.retry_after == 0.5
    assert isinstance(gate.admit([TEN_SECONDS], {}, 9.5 + hit.retry_after), Lease)


def test_settling_gives_unused_tokens_back_and_closing_frees_the_slot() -> None:
    at_once = Quota(Rule("concurrent", "concurrent"), 1, "m")
    gate = Gate()
    lease = gate.admit([TOKENS, at_once], {"total_tokens": 50, "concurrent": 1}, 0.0)
    assert isinstance(lease, Lease)
    assert isinstance(gate.admit([at_once], {}, 5.0), list)
    lease.settle("total_tokens", 20)
    lease.close()
    assert isinstance(gate.admit([TOKENS, at_once], {"total_tokens": 30, "concurrent": 1}, 5.0), Lease)


def test_days_of_23_and_25_hours_end_at_their_own_midnight() -> None:
    spring = datetime(2026, 3, 8, 0, 0, tzinfo=ZoneInfo(PACIFIC)).timestamp()
    autumn = datetime(2026, 11, 1, 0, 0, tzinfo=ZoneInfo(PACIFIC)).timestamp()
    assert next_midnight(spring, PACIFIC) - spring == 23 * 3600
    assert next_midnight(autumn, PACIFIC) - autumn == 25 * 3600


@given(st.floats(1_700_000_000, 1_900_000_000))
def test_the_next_midnight_is_the_first_moment_of_another_day(now: float) -> None:
    midnight = next_midnight(now, PACIFIC)
    assert midnight > now
    assert local_day(midnight, PACIFIC) == local_day(now, PACIFIC) + 1
    assert local_day(midnight - 1, PACIFIC) == local_day(now, PACIFIC)


def test_a_calendar_day_opens_at_midnight_and_not_after_24_hours() -> None:
    day = Quota(Rule("rpd", "requests", zone=PACIFIC), 1, "m")
    gate, evening = Gate(), datetime(2026, 11, 21, 23, 59, tzinfo=ZoneInfo(PACIFIC)).timestamp()
    assert isinstance(gate.admit([day], {}, evening), Lease)
    (hit,) = gate.admit([day], {}, evening + 1)  # type: ignore[misc]
    assert hit.retry_after == 59
    assert isinstance(gate.admit([day], {}, evening + 60), Lease)
