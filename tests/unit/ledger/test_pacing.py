"""Automatic slowdown, the operator's shares and overrides, and the refund's grace."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shunpike.builtin.memory import MemoryStore
from shunpike.ledger import Ledger
from shunpike.ledger.grants import operated, shapes_of
from shunpike.ledger.pacing import FREELY, allowed, allowed_from
from shunpike.ledger.windows import GUARD
from shunpike.types import (
    Budget,
    Calendar,
    Cap,
    Denial,
    DeniedBy,
    Grant,
    Limit,
    Money,
    Outcome,
    Pace,
    Price,
    ProviderSettings,
    Rolling,
    Scope,
    Settings,
    Unit,
    Usage,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, limit, target

DAY = limit(100, window=Calendar(period="day"))
MIDNIGHT = 1_799_971_200.0  # 2027-01-15T00:00Z
SMOOTH = Settings(pace=Pace(smooth=True))


def ledger(settings: Settings, *limits: Limit, start: float = MIDNIGHT) -> tuple[Ledger, VirtualClock]:
    clock = VirtualClock(start)
    return Ledger(MemoryStore(), clock, settings, lambda _: limits), clock


async def take(books: Ledger, clock: VirtualClock, names: Sequence[str], **fields: object) -> Grant | Denial:
    """Let attempts come and go until one is denied; return what the last one got."""
    answer: Grant | Denial | None = None
    for name in names:
        answer = await books.admit(target(), ask(name, **fields))
        if isinstance(answer, Denial):
            return answer
        await books.settle(target(), ask(name), Outcome(at=clock.now(), usage=Usage(prompt_tokens=100)))
    assert answer is not None
    return answer


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


async def test_a_smooth_budget_says_in_money_what_is_used() -> None:
    """Inside it is a count of pico-dollars."""
    settings = Settings(
        pace=Pace(smooth=True), allow_paid=True, budgets=(Budget(amount=Money.usd("0.10"), period="day"),)
    )
    clock = VirtualClock(MIDNIGHT)
    books = Ledger(MemoryStore(), clock, settings, lambda _: ())
    paid = target("card", price=Price(prompt=10**6, completion=10**6))
    answer: Grant | Denial | None = None
    for name in names("a", 200):
        answer = await books.admit(paid, ask(name, prompt_tokens=1_000))
        if isinstance(answer, Denial):
            break
        one = ask(name, prompt_tokens=1_000)
        await books.settle(paid, one, Outcome(at=clock.now(), usage=Usage(prompt_tokens=1_000), price=paid.price))
    assert isinstance(answer, Denial)
    assert re.fullmatch(r"paced: \$0\.0\d* of \$0\.10? / day \(UTC\) used", answer.text)


async def test_a_smooth_day_is_not_spent_in_its_first_minutes() -> None:
    """A tenth is free; then the rate is what is left by the time to the reset; the moment named is right."""
    books, clock = ledger(SMOOTH, DAY)
    denial = await take(books, clock, names("a", 100))
    assert isinstance(denial, Denial)
    assert denial.text == "paced: 10 of 100 requests / day (UTC) used"
    assert denial.by is DeniedBy.PACE
    assert (denial.impossible, denial.limit, denial.used) == (False, DAY, 10)
    assert denial.retry_at == pytest.approx(MIDNIGHT + 86_400 / 90, abs=1)
    assert denial.retry_at is not None
    clock.advance(denial.retry_at - clock.now() + 0.001)
    assert isinstance(await take(books, clock, ["b"]), Grant)
    assert isinstance(await take(books, clock, ["c"]), Denial)


async def test_the_whole_of_a_smooth_day_can_be_used() -> None:
    books, clock = ledger(SMOOTH, DAY)
    used = 0
    for number in range(24 * 12 - 1):
        used += isinstance(await take(books, clock, [f"a{number}"]), Grant)
        clock.advance(300)
    assert used >= 99


async def test_a_full_limit_is_not_called_paced() -> None:
    books, clock = ledger(SMOOTH, limit(1, window=Calendar(period="day")), start=MIDNIGHT + 86_300)
    denial = await take(books, clock, names("a", 2))
    assert isinstance(denial, Denial)
    assert (denial.limit.amount, denial.retry_at) == (1, MIDNIGHT + 86_400 + GUARD)


async def test_short_windows_are_left_alone_and_long_ones_keep_a_gap() -> None:
    books, clock = ledger(SMOOTH, limit(20))
    assert isinstance(await take(books, clock, names("a", 20)), Grant)
    long = limit(100, window=Rolling(seconds=36_000))
    books, clock = ledger(SMOOTH, long)
    denial = await take(books, clock, names("a", 20))
    assert isinstance(denial, Denial)
    assert denial.retry_at == pytest.approx(MIDNIGHT + 36_000 / 90)
    clock.advance(401)
    assert isinstance(await take(books, clock, ["b"]), Grant)


async def test_a_share_is_reserved_for_those_who_wait() -> None:
    books, clock = ledger(Settings(pace=Pace(interactive_share="20%")), limit(10))
    denial = await take(books, clock, names("batch", 10), priority="batch")
    assert isinstance(denial, Denial)
    assert denial.text == "paced: 8 of 10 requests / 60 s used"
    grant = await take(books, clock, names("person", 2))
    assert isinstance(grant, Grant)
    assert [(one.limit.amount, one.left) for one in grant.remaining] == [(10, 0)]


async def test_a_large_batch_attempt_waits_for_an_empty_window_and_is_not_impossible() -> None:
    pace = Settings(pace=Pace(smooth=True, interactive_share="50%"))
    books, clock = ledger(pace, limit(150, Unit.TOTAL_TOKEN))
    grant = await books.admit(target(), ask("a", priority="batch"))
    assert isinstance(grant, Grant)
    assert grant.at_mono == clock.monotonic()
    assert [one.left for one in grant.remaining] == [0]


async def test_a_provider_may_have_a_pace_of_its_own() -> None:
    own = Settings(pace=Pace(smooth=True), providers={"north": ProviderSettings(pace=Pace(smooth=False))})
    books, clock = ledger(own, DAY)
    assert isinstance(await take(books, clock, names("a", 50)), Grant)


async def test_what_a_provider_does_not_say_of_its_pace_is_as_for_all() -> None:
    own = Settings(
        pace=Pace(interactive_share="20%"), providers={"north": ProviderSettings(pace=Pace(smooth=False, curve=2.0))}
    )
    books, clock = ledger(own, limit(10))
    assert isinstance(await take(books, clock, names("batch", 10), priority="batch"), Denial)


@pytest.mark.parametrize("text", ["20", "100%", "-1%", "", "20 %", "0.2"])
def test_a_share_that_is_none_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="should be a share"):
        Pace(interactive_share=text)


@given(share=st.floats(0, 0.999), curve=st.floats(1, 8), amount=st.integers(1, 10**6), needed=st.floats(0, 0.999))
def test_what_is_allowed_grows_and_its_moment_is_the_inverse(
    share: float, curve: float, amount: int, needed: float
) -> None:
    day, now = limit(amount, window=Calendar(period="day")), MIDNIGHT + share * 86_400
    assert int(FREELY * amount) <= allowed(day, now, curve) <= allowed(day, now + 60, curve) or share > 0.999
    opens = allowed_from(day, int(needed * amount), now, curve)
    assert MIDNIGHT <= opens <= MIDNIGHT + 86_400
    if opens < MIDNIGHT + 86_399:
        assert allowed(day, opens + 1e-3, curve) >= int(needed * amount) - 1


def test_a_share_of_what_is_granted_and_an_own_limit_that_overrides() -> None:
    minute, tokens = limit(30, source="page"), limit(6_001, Unit.TOTAL_TOKEN)
    assert [one.amount for one in operated([minute, tokens], [Cap(percent=80)])] == [24, 4_800]
    some = [Cap(percent=50, unit=Unit.REQUEST), Cap(percent=10, unit=Unit.TOTAL_TOKEN, window=Calendar(period="day"))]
    capped = list(operated([minute, tokens], some))
    assert [one.amount for one in capped] == [15, 6_001]
    assert capped[0].source == "50% of 30, page"
    assert [one.amount for one in operated([limit(1)], [Cap(percent=1)])] == [1]
    over = limit(60, scope=Scope.ACCOUNT, overrides=True)
    assert [(one.amount, one.scope) for one in operated([minute], [over, limit(9)])] == [
        (60, Scope.MODEL),
        (9, Scope.MODEL),
    ]
    assert [one.amount for one in operated([], [over])] == [60]


def test_a_day_of_unknown_shape_has_two() -> None:
    day = limit(9, window=Calendar(period="day", zone="Asia/Tokyo"), shape="unknown")
    assert [one.window for one in shapes_of(day)] == [day.window, Rolling(seconds=86_400)]
    assert shapes_of(limit(9, shape="unknown")) == (limit(9, shape="unknown"),)


async def test_unused_tokens_come_back_after_a_while_or_never_where_reservations_count() -> None:
    used, reserved = limit(1_000, Unit.TOTAL_TOKEN), limit(1_000, Unit.OUTPUT_TOKEN, counts="reserved")
    books, clock = ledger(Settings(), used, reserved, limit(1_000, Unit.TOTAL_TOKEN, Calendar(period="day")))
    await take(books, clock, ["a"])
    assert [one.used for one in await books.remaining(target())] == [150, 50, 100]
    clock.advance(GUARD)
    assert [one.used for one in await books.remaining(target())] == [100, 50, 100]


async def test_what_was_never_sent_comes_back_at_once() -> None:
    books, clock = ledger(Settings(), limit(1_000, Unit.TOTAL_TOKEN))
    await books.admit(target(), ask("a"))
    await books.settle(target(), ask("a"), Outcome(at=clock.now(), sent=False, error="connection"))
    assert [one.used for one in await books.remaining(target())] == [0]
