"""Near a change of price an attempt is reserved and booked at the dearer one: two clocks may differ by seconds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.plugin import plugin as builtin
from shunpike.catalog import price_at
from shunpike.client import Client
from shunpike.errors import StoreError
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.protocols import Store
from shunpike.runtime.prices import PriceBook
from shunpike.types import Answer, Billing, Budget, Call, Completion, ModelInfo, Money, Price, PriceRow, Settings, Usage
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

PEAK = datetime(2026, 11, 23, 1, tzinfo=UTC).timestamp()
"""From 01:00 to 04:00 UTC everything costs three times as much."""
RISE = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
"""From that day on it costs ten times as much."""
CHEAP, DEAR, NEW = 1_000_000, 3_000_000, 10_000_000
MILLION = Usage(prompt_tokens=999_999, completion_tokens=1)


class Priced(ScriptedProvider):
    """A provider whose prices change."""

    def __init__(self, *steps: Answer | Callable[[Call], Answer]) -> None:
        super().__init__("only", *steps, billing=Billing.CARD)
        rows = (
            PriceRow(prompt="1", completion="1"),
            PriceRow(prompt="3", completion="3", hours_utc=((1, 4),), effective_until=date(2026, 11, 30)),
            PriceRow(prompt="10", completion="10", effective_from=date(2026, 12, 1)),
        )
        self.models = (self.model("m").model_copy(update={"prices": rows}),)
        self.asked: list[datetime] = []

    @hookimpl
    def shunpike_cost(self, provider: str, model: ModelInfo, at: datetime, prompt_tokens: int) -> Price | None:
        """Return the row in force."""
        self.asked.append(at)
        return price_at(model, at, prompt_tokens) if provider == "only" else None


def book(clock: VirtualClock) -> tuple[PriceBook, Priced]:
    provider, host = Priced(), Host()
    host.register(provider, "only")
    return PriceBook(host, clock, provider.models), provider


def served(started: float, ended: float) -> Price:
    prices, provider = book(VirtualClock(ended))
    price = prices.served(provider.models[0], "m", 10, started)
    assert price is not None
    return price


@pytest.mark.parametrize(
    ("started", "ended", "paid", "doubted"),
    [
        (PEAK - 300, PEAK - 90, CHEAP, False),
        (PEAK - 60, PEAK - 30, DEAR, True),
        (PEAK - 30, PEAK + 30, DEAR, True),
        (PEAK + 5, PEAK + 20, DEAR, True),
        (PEAK + 90, PEAK + 95, DEAR, False),
        (PEAK + 3 * 3600 + 5, PEAK + 3 * 3600 + 10, DEAR, True),
        (PEAK + 3 * 3600 + 90, PEAK + 3 * 3600 + 95, CHEAP, False),
        (PEAK - 300, PEAK + 4 * 3600, DEAR, True),
        (RISE - 50, RISE - 40, NEW, True),
        (RISE - 200, RISE - 100, CHEAP, False),
        (RISE + 100, RISE + 101, NEW, False),
    ],
    ids=[
        "well before", "seconds before", "across", "seconds after its begin", "inside", "seconds after its end",
        "after", "over the whole peak", "seconds before a date", "before a date", "after a date",
    ],
)  # fmt: skip
def test_an_attempt_near_a_change_takes_the_dearer_price_and_says_so(
    started: float, ended: float, paid: int, doubted: bool
) -> None:
    price = served(started, ended)
    assert (price.prompt, price.at_most) == (paid, doubted)


@pytest.mark.parametrize(
    ("now", "within", "paid"),
    [
        (PEAK - 400, 300, CHEAP),
        (PEAK - 350, 300, DEAR),
        (PEAK - 30, 1, DEAR),
        (PEAK + 3 * 3600 + 30, 10, DEAR),
        (PEAK - 600, 6 * 3600, DEAR),
        (PEAK + 5 * 3600, 300, CHEAP),
    ],
)
def test_the_worst_case_covers_what_may_be_booked(now: float, within: float, paid: int) -> None:
    prices, provider = book(VirtualClock(now))
    (info,) = provider.shunpike_providers()
    price = prices.worst(info, provider.models[0], 10, None, within)
    assert price is not None
    assert price.prompt == paid


def test_a_price_is_asked_for_once_while_it_holds() -> None:
    clock = VirtualClock(PEAK + 600)
    prices, provider = book(clock)
    (info,) = provider.shunpike_providers()
    for _ in range(100):
        prices.worst(info, provider.models[0], 10, None, 300)
        started = clock.now()
        clock.advance(5)
        prices.served(provider.models[0], "m", 10, started)
    assert len(provider.asked) == 1


async def complete(
    provider: Priced, clock: VirtualClock, seconds: float, budget: str, store: Store | None = None
) -> Completion:
    host = Host()
    host.register(builtin, "builtin")
    host.register(provider, "only")
    budgets = (Budget(amount=Money.usd(budget), period="day"),)
    settings = Settings.model_validate({"store": "memory:", "allow_paid": True, "budgets": budgets})
    async with Client(settings, host=host, clock=clock, store=store, environ={}) as client:
        return await client.complete("hi", model="only/m", timeout=seconds, max_tokens=10)


async def test_an_attempt_that_runs_into_the_peak_until_its_own_deadline_is_reserved_at_the_peak() -> None:
    """The timeout of the settings was looked at, not the request's own: a bill could exceed its reservation."""
    clock = VirtualClock(PEAK - 1200)

    def late(call: Call) -> Answer:
        clock.advance(1800)
        return answer("ok", usage=Usage(prompt_tokens=call.max_output, completion_tokens=call.max_output))

    done = await complete(Priced(late), clock, 3600.0, "1.00")
    assert done.cost.pico == 20 * DEAR
    assert not done.cost_exact


async def test_away_from_any_change_the_cost_is_exact() -> None:
    done = await complete(Priced(answer(usage=MILLION)), VirtualClock(PEAK - 1200), 60.0, "5.00")
    assert (done.cost.pico, done.cost_exact) == (1_000_000 * CHEAP, True)


async def test_a_cost_that_is_not_booked_is_not_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> bool:
        raise StoreError("the disk is full")

    store = MemoryStore()
    monkeypatch.setattr(store, "settle", full)
    done = await complete(Priced(answer(usage=MILLION)), VirtualClock(PEAK - 1200), 60.0, "5.00", store)
    assert (done.cost.pico, done.cost_exact) == (1_000_000 * CHEAP, False)
