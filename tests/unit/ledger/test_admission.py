"""The ledger: the wall between free and paid, holds over every limit and budget, and their end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.errors import ConfigError
from shunpike.ledger import Ledger
from shunpike.ledger.windows import GUARD
from shunpike.types import (
    Budget,
    Calendar,
    Denial,
    DenialCause,
    DeniedBy,
    Evidence,
    Grant,
    Held,
    Limit,
    Money,
    Outcome,
    Price,
    ProviderSettings,
    Rolling,
    Scope,
    Settings,
    State,
    Unit,
    Usage,
)
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.targets import PRICE, ask, limit, target

NO_LIMITS: Sequence[Limit] = ()
DOLLAR = 10**12


def ledger(settings: Settings | None = None, limits: Sequence[Limit] | None = NO_LIMITS) -> Ledger:
    return Ledger(MemoryStore(), VirtualClock(), settings or Settings(), lambda _: limits)


def budget(amount: str, period: str = "lifetime", **fields: object) -> Budget:
    return Budget.model_validate({"amount": Money.usd(amount), "period": period, **fields})


async def denied(books: Ledger, *arguments: object) -> Denial:
    answer = await books.admit(*arguments)  # type: ignore[arg-type]  # a target and an ask
    assert isinstance(answer, Denial)
    return answer


async def test_money_needs_permission() -> None:
    """Also with budgets set: the wall is explicit."""
    denial = await denied(ledger(Settings(budgets=(budget("5"),))), target("card"), ask())
    assert (denial.cause, denial.text, denial.impossible) == (DenialCause.PAID_OFF, "allow_paid is off", True)


@pytest.mark.parametrize("tier", ["credit", "card"])
async def test_an_unknown_price_is_denied_and_never_zero(tier: str) -> None:
    denial = await denied(ledger(Settings(allow_paid=True)), target(tier, price=None), ask())
    assert (denial.cause, denial.impossible) == (DenialCause.PRICE_UNKNOWN, True)


async def test_an_account_that_can_be_billed_needs_known_limits() -> None:
    books = ledger(Settings(allow_paid=True), limits=None)
    assert (await denied(books, target("card"), ask())).cause is DenialCause.LIMITS_UNKNOWN
    assert isinstance(await books.admit(target("none"), ask()), Grant)


async def test_a_free_account_needs_no_price_and_no_permission() -> None:
    assert isinstance(await ledger().admit(target("none", price=None), ask()), Grant)


async def test_an_endpoint_of_ones_own_is_free_whatever_its_tier() -> None:
    own = Settings(providers={"north": ProviderSettings(price="free")})
    assert isinstance(await ledger(own).admit(target("card", price=None), ask()), Grant)


async def test_a_budget_bounds_the_worst_case_of_all_attempts_together() -> None:
    price = Price(prompt=0, completion=DOLLAR // 100)
    books = ledger(Settings(allow_paid=True, budgets=(budget("1"),)))
    paid = target("card", price=price)
    for number in range(2):
        assert isinstance(await books.admit(paid, ask(f"a{number}", max_output=50)), Grant)
    denial = await denied(books, paid, ask("a2", max_output=1))
    assert (denial.bucket, denial.by) == ("budget|all|usd|lifetime", DeniedBy.BUDGET)


async def test_money_is_held_for_the_bound_of_the_prompt() -> None:
    """Token limits are held at the count, money at what no tokenizer exceeds."""
    books = ledger(Settings(allow_paid=True), [limit(150, Unit.TOTAL_TOKEN), limit(DOLLAR, Unit.USD)])
    grant = await books.admit(target("card"), ask(prompt_bound=400))
    assert isinstance(grant, Grant)
    assert [one.used for one in grant.remaining] == [150, PRICE.worst(400, 50).pico]


async def test_a_budget_of_one_provider_leaves_the_others_alone() -> None:
    books = ledger(Settings(allow_paid=True, budgets=(budget("0", provider="south"), budget("1", provider="north"))))
    assert isinstance(await books.admit(target("card"), ask()), Grant)


async def test_permission_without_a_budget_spends_nothing() -> None:
    """Two things open the wall: the permission, and a bound."""
    denial = await denied(ledger(Settings(allow_paid=True)), target("card"), ask())
    assert denial.cause is DenialCause.NO_BUDGET


async def test_a_budget_of_nothing_admits_nothing_that_costs() -> None:
    books = ledger(Settings(allow_paid=True, budgets=(budget("0", "day"),)))
    assert (await denied(books, target("card"), ask())).impossible


async def test_a_granted_credit_is_spent_once_and_is_not_the_owners_money() -> None:
    price = Price(prompt=0, completion=DOLLAR // 100)
    books = ledger(Settings(budgets=(budget("0"),)))
    credit = target("credit", price=price)
    assert isinstance(await books.admit(credit, ask("a", max_output=100)), Grant)
    await books.settle(
        credit, ask("a", max_output=100), Outcome(at=1.8e9, usage=Usage(completion_tokens=100), price=price)
    )
    denial = await denied(books, credit, ask("b", max_output=1))
    assert (denial.limit and denial.limit.source, denial.retry_at) == ("credit granted on the credit tier", None)
    (row,) = await books.usage(0.0, 1e12)
    assert (row.cost.pico, row.credit.pico) == (0, DOLLAR)


@pytest.mark.parametrize(
    ("amount", "unit", "fits"),
    [
        (3_200, Unit.TOTAL_TOKEN, 1_550),
        (3_000, Unit.OUTPUT_TOKEN, 1_500),
        (90, Unit.INPUT_TOKEN, None),
        (60, Unit.TOTAL_TOKEN, 0),
    ],
)
async def test_a_request_that_can_never_fit_says_what_would(amount: int, unit: Unit, fits: int | None) -> None:
    books = ledger(limits=[limit(amount, unit), limit(10_000, Unit.TOTAL_TOKEN, scope=Scope.ACCOUNT)])
    denial = await denied(books, target(), ask(max_output=4_000, choices=2))
    assert (denial.impossible, denial.limit.unit, denial.fits) == (True, unit, fits)
    assert await books.usage(0.0, 1e12) == []


async def test_a_budget_that_is_too_small_says_how_many_tokens_it_affords() -> None:
    price = Price(prompt=1, completion=DOLLAR // 1_000)
    books = ledger(Settings(allow_paid=True, budgets=(budget("0.1"),)))
    denial = await denied(books, target("card", price=price), ask(max_output=1_000))
    assert denial.fits == 99


async def test_the_operators_own_limit_holds_beside_the_providers() -> None:
    """The same count under two bounds is one bucket: the smaller holds, nothing counts twice."""
    own = Settings(providers={"north": ProviderSettings(limits=(limit(2),))})
    books = ledger(own, [limit(30)])
    for number in range(2):
        assert isinstance(await books.admit(target(), ask(f"a{number}")), Grant)
    assert (await denied(books, target(), ask("a2"))).limit.amount == 2


async def test_models_share_the_limits_of_their_account_and_pool_only() -> None:
    pooled = limit(2, scope=Scope.POOL, pool="small")
    books = ledger(limits=[limit(1), pooled, limit(3, scope=Scope.ACCOUNT)])
    assert isinstance(await books.admit(target(), ask("a")), Grant)
    assert (await denied(books, target(), ask("b"))).limit.amount == 1
    assert isinstance(await books.admit(target(model="m-2"), ask("c")), Grant)
    assert (await denied(books, target(model="m-3"), ask("d"))).limit.amount == 2


async def test_every_unit_takes_what_it_counts() -> None:
    units = [limit(10_000, unit) for unit in Unit if unit not in (Unit.USD, Unit.CONCURRENT)]
    calls = limit(4, Unit.CONCURRENT, Held())
    grant = await ledger(limits=[*units, calls]).admit(target(), ask(choices=3))
    assert isinstance(grant, Grant)
    assert {one.limit.unit: one.used for one in grant.remaining} == {
        Unit.REQUEST: 1,
        Unit.INPUT_TOKEN: 100,
        Unit.OUTPUT_TOKEN: 150,
        Unit.TOTAL_TOKEN: 250,
        Unit.LIST_USD: PRICE.worst(100, 150).pico,
        Unit.CONCURRENT: 1,
    }


async def test_settling_corrects_and_returns_what_was_booked() -> None:
    clock = VirtualClock()
    books = Ledger(MemoryStore(), clock, Settings(), lambda _: [limit(10_000, Unit.TOTAL_TOKEN)])
    await books.admit(target(), ask())
    outcome = Outcome(at=clock.now(), usage=Usage(prompt_tokens=80, completion_tokens=5), price=PRICE)
    booked = await books.settle(target(), ask(), outcome)
    assert (booked.state, booked.cost, booked.list_value) == (State.SETTLED, Money(), Money(pico=900))
    assert [one.used for one in await books.remaining(target())] == [150], "what was not used comes back after a while"
    clock.advance(GUARD)
    assert [one.used for one in await books.remaining(target())] == [85]
    await books.settle(target(), ask(), outcome.model_copy(update={"usage": Usage(prompt_tokens=9_000)}))
    assert [one.used for one in await books.remaining(target())] == [85]


async def test_a_denial_for_speed_closes_the_model_until_it_opens() -> None:
    books, now = ledger(limits=[limit(30)]), 1_800_000_000.0
    await books.admit(target(), ask("a"))
    denial = Outcome(at=now, error="rate_limited", status=429, billed=False, closed_until=now + 36)
    booked = await books.settle(target(), ask("a"), denial)
    assert booked.state is State.RELEASED
    closed = await denied(books, target(), ask("b"))
    assert (closed.retry_at, closed.block and closed.block.reason) == (now + 36, "north said rate_limited")
    assert isinstance(await books.admit(target(model="m-2"), ask("c")), Grant)
    assert list(await books.closed()) == ["north/default|model:m-1|gate"]


async def test_where_all_limits_are_the_accounts_a_denial_closes_the_account() -> None:
    books, now = ledger(limits=[limit(30, scope=Scope.ACCOUNT)]), 1_800_000_000.0
    await books.admit(target(), ask("a"))
    await books.settle(target(), ask("a"), Outcome(at=now, error="rate_limited", billed=False, closed_until=now + 5))
    assert (await denied(books, target(model="m-2"), ask("b"))).retry_at == now + 5


async def test_a_short_delay_on_a_days_quota_does_not_reopen_the_day() -> None:
    """The provider named the day's limit and sent ``retryDelay: 36s``."""
    day, minute = limit(20, window=Calendar(period="day")), limit(5, window=Rolling(seconds=60))
    books, now = ledger(limits=[day, minute]), 1_800_000_000.0
    await books.admit(target(), ask("a"))
    named = Evidence(unit=Unit.REQUEST, remaining=0, window_seconds=86_400, origin="x")
    outcome = Outcome(at=now, error="quota", billed=False, closed_until=now + 36, evidence=(named,))
    await books.settle(target(), ask("a"), outcome)
    denial = await denied(books, target(), ask("b"))
    assert denial.limit.window == day.window
    assert denial.retry_at == 1_800_057_600.0 + GUARD  # 2027-01-16T00:00Z


async def test_a_wrong_time_zone_is_named() -> None:
    books = ledger(limits=[limit(5, window=Calendar(period="day", zone="Mars/Olympus"))])
    with pytest.raises(ConfigError, match="Mars/Olympus"):
        await books.admit(target(), ask())


async def test_a_cost_that_a_provider_states_is_booked_though_its_price_is_zero() -> None:
    """Who pays holds something of every budget, so that there is where to book it."""
    free_of_charge = target("card", price=Price(prompt=0, completion=0))
    books = ledger(Settings(allow_paid=True, budgets=(budget("1", "day"),)))
    stated = Outcome(
        at=VirtualClock().now(), usage=Usage(prompt_tokens=1), stated_cost=Money.usd("0.90"), price=free_of_charge.price
    )
    for name in ("a", "b"):
        assert isinstance(await books.admit(free_of_charge, ask(name)), Grant)
    for name in ("a", "b"):
        await books.settle(free_of_charge, ask(name), stated)
    await denied(books, free_of_charge, ask("c"))
    ((_, left),) = await books.budgets()
    assert left.used == 18 * DOLLAR // 10
