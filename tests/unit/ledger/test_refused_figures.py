"""Refusals lower a listed figure that is too high, by what was in use when they came."""

from __future__ import annotations

import pytest

from shunpike.ledger.learning import BELIEVED_FOR
from shunpike.ledger.windows import GUARD
from shunpike.types import ABSENT, Confidence, Denial, Evidence, Grant, Outcome, Rolling, Unit, Usage
from shunpike.types.base import epoch
from shunpike_testkit.targets import ask, limit, target

from .taught import Rig, seen

MINUTE = limit(30)
NAMED = seen(remaining=0, window_seconds=60.0)


async def after(rig: Rig, used: int, *evidence: Evidence) -> None:
    """Let ``used`` attempts be answered and the next one refused, and its window pass."""
    for _ in range(used):
        assert isinstance(await rig.ends(), Grant)
    assert isinstance(await rig.refused(*evidence, wait=20), Grant)
    rig.clock.advance(61 + GUARD)


async def figures(rig: Rig) -> list[int]:
    return [one.limit.amount for one in await rig.books.remaining(target())]


async def together(rig: Rig, running: int, *evidence: Evidence, done: int = 0) -> None:
    """Let ``running`` attempts run and one more be refused, after ``done`` of them have ended; then let all end."""
    rig.clock.advance(61)
    names = [f"run{rig.clock.now()}-{number}" for number in range(running + 1)]
    for name in names:
        assert isinstance(await rig.books.admit(target(), ask(name)), Grant)
    now = rig.clock.now()
    refused = Outcome(
        at=now, error="rate_limited", status=429, billed=False, usage=ABSENT, closed_until=now + 5, evidence=evidence
    )
    for number, name in enumerate(names):
        if number == done:
            await rig.books.settle(target(), ask(names[-1]), refused)
        await rig.books.settle(target(), ask(name), Outcome(at=now, usage=Usage()))
    rig.clock.advance(6)


async def test_a_denial_with_room_in_our_books_lowers_the_figure_to_what_was_in_use_with_its_observation() -> None:
    rig = Rig([MINUTE])
    await after(rig, 20, NAMED)
    (one,) = await rig.books.remaining(target())
    assert (one.limit.amount, one.limit.confidence, one.overages) == (20, Confidence.OBSERVED, 1)
    assert one.limit.source == "header x: refused with 21 in use"
    assert one.limit.observed_at == epoch("2027-01-15T08:00:00+00:00")
    sent = [isinstance(await rig.ends(), Grant) for _ in range(21)]
    assert sent == [True] * 20 + [False]


async def test_it_holds_at_once_and_not_only_after_the_next_look_at_the_store() -> None:
    rig = Rig([MINUTE])
    for _ in range(20):
        await rig.ends()
    await rig.refused(NAMED)
    assert await figures(rig) == [20]


@pytest.mark.parametrize(
    "evidence",
    [[], [seen(Unit.INPUT_TOKEN, remaining=0)], [seen(amount=30, remaining=0, window_seconds=60.0)], [seen()]],
    ids=["names nothing", "another unit", "states the amount", "nothing is used up"],
)
async def test_a_denial_that_names_no_limit_or_states_its_amount_moves_no_figure(evidence: list[Evidence]) -> None:
    rig = Rig([MINUTE])
    for _ in range(2):
        await after(rig, 20, *evidence)
    assert await figures(rig) == [30]


async def test_of_several_limits_of_a_unit_none_is_lowered_where_the_window_is_not_named() -> None:
    rig = Rig([MINUTE, limit(90, window=Rolling(seconds=600))])
    await after(rig, 20, seen(remaining=0))
    assert await figures(rig) == [30, 90]


async def test_a_nearly_empty_window_is_others_traffic_until_it_happens_again_at_a_similar_use() -> None:
    rig, found = Rig([MINUTE]), []
    for used in (4, 12, 10):
        await after(rig, used, NAMED)
        found += await figures(rig)
    assert found == [30, 30, 12]


async def test_several_denials_within_one_window_are_one() -> None:
    """Whatever else used the key up, it did so once."""
    rig = Rig([MINUTE])
    for _ in range(4):
        await rig.ends()
    for _ in range(3):
        await rig.refused(NAMED, wait=1)
        rig.clock.advance(2 + GUARD)
    assert await figures(rig) == [30]


async def test_a_denial_of_what_was_alone_says_nothing_of_a_figure() -> None:
    rig = Rig([limit(2)])
    for _ in range(2):
        await after(rig, 0, NAMED)
    assert await figures(rig) == [2]


async def test_it_never_falls_below_one() -> None:
    rig = Rig([limit(2)])
    await after(rig, 1, NAMED)
    assert await figures(rig) == [1]
    await after(rig, 0, NAMED)
    assert await figures(rig) == [1]


async def test_tokens_are_lowered_to_the_most_that_the_denial_allows() -> None:
    rig = Rig([limit(1_000, Unit.TOTAL_TOKEN)])
    usage = Usage(prompt_tokens=600)
    await rig.ends(usage=usage)
    await rig.refused(seen(Unit.TOTAL_TOKEN, remaining=0, window_seconds=60.0))
    (found,) = await figures(rig)
    assert 600 <= found < 1_000


async def test_it_is_forgotten_after_a_week_though_answers_spoke_of_the_limit_meanwhile() -> None:
    rig = Rig([MINUTE])
    await after(rig, 20, NAMED)
    rig.clock.advance(BELIEVED_FOR / 2)
    await rig.ends(seen(remaining=19, window_seconds=60.0))
    assert await figures(rig) == [20]
    rig.clock.advance(BELIEVED_FOR / 2)
    assert await figures(rig) == [30]


async def test_an_amount_that_the_provider_states_takes_its_place() -> None:
    rig = Rig([MINUTE])
    await after(rig, 20, NAMED)
    await rig.ends(seen(amount=25, remaining=24, window_seconds=60.0))
    assert await figures(rig) == [25]


async def test_a_denial_for_what_runs_at_once_lowers_that_to_what_ran() -> None:
    rig = Rig([limit(10, Unit.CONCURRENT)])
    await together(rig, 6, seen(Unit.CONCURRENT, remaining=0))
    assert await figures(rig) == [6]
    for number in range(6):
        assert isinstance(await rig.books.admit(target(), ask(f"n{number}")), Grant)
    denial = await rig.books.admit(target(), ask("more"))
    assert isinstance(denial, Denial)
    assert (denial.limit.unit, denial.held) == (Unit.CONCURRENT, True)


async def test_a_burst_of_denials_lowers_no_further_than_to_half_in_one_go() -> None:
    """What was told late counts what still ran then, which is less than when it was refused."""
    rig = Rig([limit(10, Unit.CONCURRENT)])
    names = [f"a{number}" for number in range(10)]
    for name in names:
        await rig.books.admit(target(), ask(name))
    now = rig.clock.now()
    for name in names:
        named = (seen(Unit.CONCURRENT, remaining=0),)
        outcome = Outcome(
            at=now, error="rate_limited", billed=False, usage=ABSENT, closed_until=now + 5, evidence=named
        )
        await rig.books.settle(target(), ask(name), outcome)
    assert await figures(rig) == [5]


async def test_where_nothing_is_listed_what_ran_becomes_the_limit_of_what_runs_at_once() -> None:
    rig = Rig([])
    await together(rig, 4, seen(Unit.CONCURRENT, remaining=0))
    (one,) = await rig.books.remaining(target())
    assert (one.limit.unit, one.limit.amount) == (Unit.CONCURRENT, 4)
    await together(rig, 3, seen(Unit.CONCURRENT, remaining=0))
    assert await figures(rig) == [3]


async def test_where_nothing_is_listed_and_nothing_else_ran_nothing_is_learned() -> None:
    rig = Rig([])
    await together(rig, 0, seen(Unit.CONCURRENT, remaining=0))
    assert await figures(rig) == []
