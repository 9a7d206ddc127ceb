"""Limits that no catalog lists are learned from what answers say of them."""

from __future__ import annotations

import pytest

from shunpike.ledger import Ledger
from shunpike.ledger.learning import BELIEVED_FOR
from shunpike.ledger.windows import GUARD
from shunpike.types import Calendar, Confidence, Denial, Grant, Limit, Outcome, Rolling, Scope, Settings, Unit, Usage
from shunpike_testkit.targets import ask, limit, target

from .taught import Rig, seen


async def test_a_window_that_an_answer_names_becomes_a_limit_with_its_observation() -> None:
    """What the answer says is left counts at once, and nobody sends more."""
    rig = Rig([])
    await rig.ends(seen(amount=3, remaining=2, window_seconds=60.0))
    (one,) = await rig.books.remaining(target())
    assert (one.limit.amount, one.limit.window, one.left) == (3, Rolling(seconds=60), 2)
    assert (one.limit.confidence, one.limit.source, one.limit.scope) == (Confidence.OBSERVED, "header x", Scope.MODEL)
    answers = [await rig.ends() for _ in range(3)]
    assert [isinstance(answer, Grant) for answer in answers] == [True, True, False]
    rig.clock.advance(60 + GUARD)
    assert isinstance(await rig.ends(), Grant)


@pytest.mark.parametrize(
    ("away", "window"),
    [(0.4, 1), (1.0, 1), (1.8, 2), (2.05, 2), (7, 10), (59, 60), (61, 60), (600, 3_600), (70_000, 86_400)],
)
async def test_a_window_that_only_a_reset_tells_is_the_shortest_usual_one_that_holds_it(
    away: float, window: float
) -> None:
    rig = Rig([])
    await rig.ends(seen(amount=5, remaining=4, resets_at=rig.clock.now() + away))
    assert {
        one.limit.window.seconds for one in await rig.books.remaining(target()) if isinstance(one.limit.window, Rolling)
    } == {window}


async def test_a_reset_that_is_further_away_makes_the_window_longer_and_a_nearer_one_not_shorter() -> None:
    rig = Rig([])
    windows = []
    for away in (1.5, 45.0, 0.5):
        await rig.ends(seen(amount=50, remaining=40, resets_at=rig.clock.now() + away))
        (one,) = await rig.books.remaining(target())
        windows.append(one.limit.window)
    assert windows == [Rolling(seconds=2), Rolling(seconds=60), Rolling(seconds=60)]


async def test_a_denial_that_names_an_unlisted_limit_closes_exactly_that_one() -> None:
    rig = Rig([])
    await rig.refused(seen(amount=9, remaining=0, window_seconds=60.0), wait=20.0)
    assert list(await rig.books.closed()) == ["north/default|model:m-1|request|rolling:60"]
    (one,) = await rig.books.remaining(target())
    assert one.left == 0


async def test_figures_of_what_runs_at_once_are_learned() -> None:
    rig = Rig([])
    await rig.ends(seen(Unit.CONCURRENT, amount=1))
    assert isinstance(await rig.books.admit(target(), ask("one")), Grant)
    denial = await rig.books.admit(target(), ask("two"))
    assert isinstance(denial, Denial)
    assert (denial.limit.unit, denial.held) == (Unit.CONCURRENT, True)


@pytest.mark.parametrize(
    ("listed", "fields"),
    [
        ([limit(30)], {"amount": 5, "resets_at": 1.8e9 + 1_000}),
        ([], {"remaining": 5, "window_seconds": 60.0}),
        ([], {"amount": 5}),
        ([], {"amount": 0, "window_seconds": 60.0}),
        ([], {"unit": Unit.USD, "amount": 5, "window_seconds": 60.0}),
        ([limit(9, window=Calendar(period="day"))], {"amount": 9, "window_seconds": 86_400.0}),
    ],
    ids=["may be the listed one", "no amount", "no window and no reset", "nothing", "money", "the listed one"],
)
async def test_what_may_be_another_limit_or_is_no_figure_becomes_none(
    listed: list[Limit], fields: dict[str, object]
) -> None:
    rig = Rig(listed)
    await rig.ends(seen(**fields))  # type: ignore[arg-type]  # its fields
    assert len(await rig.books.remaining(target())) == len(listed)


async def test_other_processes_and_the_next_ones_know_it_and_other_models_do_not() -> None:
    rig = Rig([])
    await rig.ends(seen(amount=3, remaining=0, window_seconds=60.0))
    later = Ledger(rig.store, rig.clock, Settings(), lambda _: ())
    assert isinstance(await later.admit(target(), ask("a")), Denial)
    assert isinstance(await later.admit(target(model="m-2"), ask("b")), Grant)
    assert isinstance(await later.admit(target(account="other"), ask("c")), Grant)


async def test_it_is_the_accounts_where_all_that_is_listed_is_the_accounts() -> None:
    rig = Rig([limit(9, Unit.CONCURRENT, scope=Scope.ACCOUNT)])
    await rig.ends(seen(amount=3, remaining=0, window_seconds=60.0))
    assert isinstance(await rig.books.admit(target(model="m-2"), ask("b")), Denial)


async def test_it_is_forgotten_a_week_after_the_last_answer_that_named_it() -> None:
    rig = Rig([])
    for _ in range(3):
        await rig.ends(seen(amount=3, remaining=2, window_seconds=60.0))
        rig.clock.advance(BELIEVED_FOR / 2 + 1)
    assert [one.limit.amount for one in await rig.books.remaining(target())] == [3]
    rig.clock.advance(BELIEVED_FOR)
    assert await rig.books.remaining(target()) == []


async def test_its_figure_follows_the_answers() -> None:
    rig = Rig([])
    for amount in (3, 500, 20):
        await rig.ends(seen(amount=amount, remaining=amount - 1, window_seconds=60.0))
        rig.clock.advance(61)
    assert [one.limit.amount for one in await rig.books.remaining(target())] == [20]


async def test_tokens_are_learned_as_requests_are() -> None:
    rig = Rig([])
    await rig.books.admit(target(), ask("a"))
    tokens = seen(Unit.TOTAL_TOKEN, amount=1_000, remaining=100, window_seconds=60.0)
    await rig.books.settle(target(), ask("a"), Outcome(at=rig.clock.now(), usage=Usage(), evidence=(tokens,)))
    denial = await rig.books.admit(target(), ask("b"))
    assert isinstance(denial, Denial)
    assert denial.limit.unit is Unit.TOTAL_TOKEN


async def test_a_reset_that_is_further_away_than_a_listed_window_lengthens_it_at_once() -> None:
    """The listed one stays beside it, and what answers say is of both: they are one to the provider."""
    rig = Rig([limit(3), limit(100, window=Calendar(period="day"))])
    far = rig.clock.now() + 600
    await rig.ends(seen(amount=3, remaining=2, resets_at=far))
    found = [(one.limit.amount, one.limit.window, one.left) for one in await rig.books.remaining(target())]
    assert found[0] == (3, Rolling(seconds=60), 2)
    assert found[2] == (3, Rolling(seconds=3_600), 2)
    await rig.ends(seen(amount=3, remaining=0, resets_at=far))
    rig.clock.advance(61 + GUARD)
    assert isinstance(await rig.ends(), Denial)
    rig.clock.advance(600)
    assert isinstance(await rig.ends(), Grant)


@pytest.mark.parametrize("away", [0.5, 59, 64])
async def test_a_reset_within_a_listed_window_or_hardly_beyond_changes_no_window(away: float) -> None:
    rig = Rig([limit(3)])
    await rig.ends(seen(amount=3, remaining=2, resets_at=rig.clock.now() + away))
    assert [one.limit.window for one in await rig.books.remaining(target())] == [Rolling(seconds=60)]


@pytest.mark.parametrize("fields", [{"remaining": 0}, {"remaining": 2, "window_seconds": 60.0}])
async def test_a_doubtful_wait_lengthens_no_window(fields: dict[str, object]) -> None:
    """Nothing left for longer than a window, and a window that the answer names, are tested and not believed."""
    rig = Rig([limit(3)])
    far = rig.clock.now() + 600
    await rig.ends(seen(amount=3, resets_at=far, **fields))
    assert [one.limit.window for one in await rig.books.remaining(target())] == [Rolling(seconds=60)]


async def test_a_wait_that_a_denial_states_lengthens_no_window() -> None:
    rig = Rig([limit(3)])
    far = rig.clock.now() + 86_400
    await rig.refused(seen(amount=3, remaining=1, resets_at=far), wait=86_400)
    assert [one.limit.window for one in await rig.books.remaining(target())] == [Rolling(seconds=60)]


async def test_another_amount_may_be_another_limit_and_lengthens_none() -> None:
    rig = Rig([limit(3)])
    await rig.ends(seen(amount=500, remaining=499, resets_at=rig.clock.now() + 600))
    assert [one.limit.window for one in await rig.books.remaining(target())] == [Rolling(seconds=60)]


@pytest.mark.parametrize("ahead", [8.0, 30.0, 89.0])
async def test_a_reset_by_a_clock_that_is_ahead_makes_no_window_of_an_hour(ahead: float) -> None:
    """Clocks of two hosts differ; a listed minute stands against what only looks further away."""
    rig = Rig([limit(20)])
    await rig.ends(seen(amount=20, remaining=19, resets_at=rig.clock.now() + 60 + ahead))
    assert [one.limit.window for one in await rig.books.remaining(target())] == [Rolling(seconds=60)]
