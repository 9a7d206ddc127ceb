"""How long an answer may become whose request names no cap: as long as the model, the limits and the budgets allow."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.ledger import Ledger
from shunpike.ledger.counting import ENOUGH
from shunpike.types import (
    Budget,
    Calendar,
    Denial,
    Grant,
    Held,
    Limit,
    Money,
    Outcome,
    Pace,
    Price,
    Settings,
    Unit,
    Usage,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import ask, limit, target

PRICE = Price.per_million("1", "2")
DAY = Calendar(period="day")
PAID = Settings(allow_paid=True, budgets=(Budget(amount=Money.usd("1"), period="day"),))


def books_of(*limits: Limit, settings: Settings | None = None) -> Ledger:
    return Ledger(MemoryStore(), VirtualClock(), settings or Settings(), lambda _: limits)


def free_ask(name: str = "a", **more: Any) -> Any:
    """An ask of 100 prompt tokens that leaves its cap open, up to 60,000."""
    return ask(name, **{"max_output": 60_000, "min_output": 1_024, **more})


async def granted(books: Ledger, name: str = "a", where: Any = None, **more: Any) -> Grant:
    verdict = await books.admit(where or target(), free_ask(name, **more))
    assert isinstance(verdict, Grant), verdict
    return verdict


async def test_without_limits_it_is_the_models_own_maximum() -> None:
    grant = await granted(books_of(limit(9), limit(10**6, Unit.INPUT_TOKEN)))
    assert (grant.max_output, grant.capped_by) == (60_000, "")


async def test_a_token_window_shortens_it_and_is_named() -> None:
    """A cap that counts is never too large for the limit: it shrinks."""
    tpm = limit(6_000, Unit.TOTAL_TOKEN).model_copy(update={"counts": "asked"})
    grant = await granted(books_of(tpm))
    assert (grant.max_output, grant.capped_by) == (5_900, "limit 6,000 total tokens / 60 s")
    grant = await granted(books_of(limit(4_000, Unit.OUTPUT_TOKEN)), choices=2)
    assert grant.max_output == 2_000


async def test_what_others_have_left_is_shared_and_below_the_minimum_it_waits() -> None:
    books = books_of(limit(20_000, Unit.TOTAL_TOKEN))
    assert isinstance(await books.admit(target(), ask("first", prompt_tokens=100, max_output=7_900)), Grant)
    caps = [(await granted(books, f"a{number}")).max_output for number in range(5)]
    assert caps == [2_900, 2_150, 1_587, 1_165, 1_024], "a quarter of what is left, and no less than the minimum"
    for number in range(2):
        await granted(books, f"b{number}")
    denial = await books.admit(target(), free_ask("c"))
    assert isinstance(denial, Denial)
    assert (denial.held, denial.fits) == (True, None)


async def test_a_quarter_of_the_money_that_is_left_is_the_most_for_one() -> None:
    """A stream that is left early can cost its whole cap: with it, nobody loses the day's budget."""
    books, paid = books_of(settings=PAID), target("card", price=PRICE)
    grant = await granted(books, where=paid, max_output=10**6)
    assert (grant.max_output, grant.capped_by) == ((250_000 - 100) // 2, "budget $1.00 / day (UTC)")


@pytest.mark.parametrize("amount", ["0.0014", "0.0025"])
async def test_a_small_budget_is_not_closed_for_the_day_by_its_first_cheap_answer(amount: str) -> None:
    """Smaller than the minimum or just above it: much is left, so much can still be asked."""
    clock = VirtualClock()
    settings = Settings(allow_paid=True, budgets=(Budget(amount=Money.usd(amount), period="day"),))
    books, paid = Ledger(MemoryStore(), clock, settings, lambda _: ()), target("card", price=PRICE)
    for number in range(20):
        grant = await granted(books, f"a{number}", where=paid)
        done = ask(f"a{number}", max_output=grant.max_output or 0, price=PRICE)
        usage = Usage(prompt_tokens=4, completion_tokens=20)
        await books.settle(paid, done, Outcome(at=clock.now(), usage=usage, price=PRICE))


async def test_the_figure_to_lower_max_tokens_to_is_admitted_though_some_is_spent() -> None:
    clock = VirtualClock()
    settings = Settings(allow_paid=True, budgets=(Budget(amount=Money.usd("0.0025"), period="day"),))
    books, paid = Ledger(MemoryStore(), clock, settings, lambda _: ()), target("card", price=PRICE)
    assert isinstance(await books.admit(paid, ask("first", prompt_tokens=100, max_output=300)), Grant)
    denial = await books.admit(paid, ask("second", prompt_tokens=100, max_output=4_000))
    assert isinstance(denial, Denial)
    assert denial.impossible
    assert denial.fits
    assert isinstance(await books.admit(paid, ask("more", prompt_tokens=100, max_output=denial.fits + 1)), Denial)
    assert isinstance(await books.admit(paid, ask("third", prompt_tokens=100, max_output=denial.fits)), Grant)
    denial = await books.admit(paid, ask("fourth", prompt_tokens=100, max_output=4_000))
    assert isinstance(denial, Denial)
    assert (denial.impossible, denial.fits) == (True, None), "no figure is admitted now: none is named"


async def test_what_stays_counted_is_shared_too() -> None:
    reserved = limit(20_000, Unit.TOTAL_TOKEN).model_copy(update={"counts": "reserved"})
    for one in (reserved, limit(20_000, Unit.TOTAL_TOKEN, window=DAY)):
        assert (await granted(books_of(one))).max_output == 4_900


async def test_what_ended_gives_its_cap_to_the_next() -> None:
    clock = VirtualClock()
    books = Ledger(MemoryStore(), clock, Settings(), lambda _: [limit(6_000, Unit.TOTAL_TOKEN)])
    grant = await granted(books)
    done = ask("a", max_output=grant.max_output or 0)
    outcome = Outcome(at=clock.now(), usage=Usage(prompt_tokens=100, completion_tokens=50))
    await books.settle(target(), done, outcome)
    clock.advance(2)
    assert (await granted(books, "b")).max_output == 6_000 - 150 - 100


async def test_a_limit_that_can_never_hold_the_minimum_gives_what_it_can() -> None:
    assert (await granted(books_of(limit(700, Unit.TOTAL_TOKEN)))).max_output == 600


async def test_where_nothing_useful_fits_it_is_too_large_and_max_tokens_is_no_advice() -> None:
    denial = await books_of(limit(110, Unit.TOTAL_TOKEN)).admit(target(), free_ask())
    assert isinstance(denial, Denial)
    assert (denial.impossible, denial.fits) == (True, None)


async def test_a_cap_that_is_named_stays_as_it_is() -> None:
    denial = await books_of(limit(6_000, Unit.TOTAL_TOKEN)).admit(target(), ask(max_output=8_000))
    assert isinstance(denial, Denial)
    assert (denial.impossible, denial.fits) == (True, 5_900)


async def test_what_is_learned_of_answers_leaves_the_cap_open() -> None:
    """With ``token_estimate = "learned"`` a token window is held with what answers take, whatever the cap."""
    clock = VirtualClock()
    books = Ledger(MemoryStore(), clock, Settings(token_estimate="learned"), lambda _: [limit(6_000, Unit.TOTAL_TOKEN)])
    for number in range(ENOUGH):
        name = f"a{number}"
        await books.admit(target(), ask(name, max_output=50))
        usage = Usage(prompt_tokens=100, completion_tokens=40)
        await books.settle(target(), ask(name, max_output=50), Outcome(at=clock.now(), usage=usage))
        clock.advance(100)
    assert (await granted(books)).max_output == 60_000


@pytest.mark.parametrize("pace", [Pace(smooth=True), Pace(interactive_share="20%")])
async def test_the_pace_shortens_it_instead_of_holding_it_back(pace: Pace) -> None:
    books = books_of(limit(100_000, Unit.OUTPUT_TOKEN, window=DAY), settings=Settings(pace=pace))
    grant = await granted(books, priority="batch")
    assert 1_024 <= (grant.max_output or 0) <= 25_000


async def test_concurrency_does_not_shorten_it() -> None:
    assert (await granted(books_of(limit(2, Unit.CONCURRENT, window=Held())))).max_output == 60_000
