"""Times of this machine and of the database: there and back is the same moment, and only times are changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.types import (
    Block,
    Denial,
    DenialCause,
    Funds,
    Grant,
    Limit,
    LimitUpdate,
    Money,
    Observation,
    Remaining,
    Rolling,
    Sample,
    Settlement,
    State,
    Unconfirmed,
    Unit,
)
from shunpike.types.ledger import UNTIL_CLEARED
from shunpike_postgres.shift import Shift
from shunpike_testkit.stores import reservation

LIMIT = Limit(unit=Unit.REQUEST, amount=3, window=Rolling(seconds=60))
moments = st.integers(10**9, 2 * 10**9).map(float)
shifts = st.integers(-(10**6), 10**6).map(lambda seconds: Shift(seconds / 4))


@given(shift=shifts, at=moments)
def test_there_and_back_is_the_same_moment(shift: Shift, at: float) -> None:
    back = Shift(-shift.seconds)
    assert shift.ours(shift.theirs(at)) == at
    one = reservation("a", at)
    assert shift.reservation(one).reserved_at == at + shift.seconds
    assert back.reservation(shift.reservation(one)) == one
    end = Settlement(
        state=State.SETTLED,
        at=at,
        headers_at=at - 1,
        blocks=(Block(bucket="b", until=at + 9, reason="r", at=at, test_at=at + 3),),
        limit_updates=(
            LimitUpdate(limit=LIMIT, observation=Observation(bucket="b", at=at, resets_at=at + 5, origin="o")),
        ),
        samples=(Sample(name="m", value=1.0, at=at),),
    )
    moved = shift.settlement(end)
    assert (moved.at, moved.headers_at, moved.blocks[0].until) == tuple(
        moment + shift.seconds for moment in (at, at - 1, at + 9)
    )
    assert (moved.limit_updates[0].observation.at, moved.limit_updates[0].observation.resets_at) == (
        at + shift.seconds,
        at + 5 + shift.seconds,
    )
    assert back.settlement(moved) == end


@given(shift=shifts, at=moments)
def test_what_goes_out_is_in_this_machines_time(shift: Shift, at: float) -> None:
    ours = at - shift.seconds
    left = Remaining(limit=LIMIT, bucket="b", used=1, left=2, resets_at=at)
    grant = shift.verdict(Grant(attempt_id="a", remaining=(left,)))
    assert isinstance(grant, Grant)
    assert grant.remaining[0].resets_at == ours
    denial = shift.verdict(Denial(cause=DenialCause.FULL, limit=LIMIT, bucket="b", retry_at=at))
    assert isinstance(denial, Denial)
    assert denial.retry_at == ours
    closed = shift.block(Block(bucket="b", until=at, at=at, test_at=at, reason="r"))
    assert (closed.until, closed.at, closed.test_at) == (ours, ours, ours)
    frozen = Block(bucket="b", until=UNTIL_CLEARED, at=at, reason="r")
    assert shift.block(frozen).until == Shift(-shift.seconds).block(frozen).until == UNTIL_CLEARED
    assert shift.observation(Observation(bucket="b", at=at, resets_at=at, origin="o")).resets_at == ours
    unknown = Unconfirmed(
        attempt_id="a", provider="p", account="d", model="m", at=at, outcome="timeout", cost=Money(), funds=Funds.PAID
    )
    assert [one.at for one in shift.unconfirmed([unknown])] == [ours]


@pytest.mark.parametrize("seconds", [0.0, 90.0])
def test_what_never_happens_has_no_time_to_translate(seconds: float) -> None:
    shift = Shift(seconds)
    denial = Denial(cause=DenialCause.TOO_LARGE, limit=LIMIT, bucket="b")
    assert shift.verdict(denial) == denial
    left = Remaining(limit=LIMIT, bucket="b", used=0, left=3)
    assert shift.remaining([left]) == [left]
