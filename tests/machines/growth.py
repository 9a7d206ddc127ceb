"""A process that makes many requests and tells how large it is: ``python growth.py STORE REQUESTS``.

The ledger is driven as routing drives it, beside a provider that answers at once: what could grow is what the ledger
and its store keep. One request in twenty fails, one in a hundred ends in doubt.
"""

from __future__ import annotations

import sys
from datetime import date
from functools import partial
from pathlib import Path

import anyio

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.sqlite import SqliteStore
from shunpike.clock import Clock
from shunpike.ledger import Ledger
from shunpike.protocols import Ask, Store, Target
from shunpike.types import (
    Billing,
    Budget,
    Calendar,
    Ending,
    Grant,
    Held,
    Limit,
    ModelInfo,
    Money,
    Price,
    ProviderInfo,
    Rolling,
    Settings,
    Tier,
    Unit,
    Usage,
)
from shunpike_postgres.store import PostgresStore
from shunpike_testkit.clock import VirtualClock

FIRST = 5_000
"""Requests after which a process has all that it needs for good."""
_AT_ONCE = 200
_SECONDS = 0.05
"""So much time passes between two requests: some windows open meanwhile, and some do not."""
_LIMITS = (
    Limit(unit=Unit.REQUEST, amount=10**6, window=Rolling(seconds=60)),
    Limit(unit=Unit.TOTAL_TOKEN, amount=10**9, window=Rolling(seconds=86_400)),
    Limit(unit=Unit.REQUEST, amount=10**7, window=Calendar(period="day")),
    Limit(unit=Unit.CONCURRENT, amount=1_000, window=Held()),
)


def target(number: int) -> Target:
    """Return one of a few models that cost money."""
    known = {"as_of": date(2026, 11, 22), "source": "scripted"}
    tier = Tier(name="paid", billing=Billing.CARD)
    provider = ProviderInfo(
        id="north", title="North", base_url="http://127.0.0.1", default_tier="paid", tiers=(tier,), order=1, **known
    )
    model = ModelInfo(provider="north", id=f"m-{number}", context=100_000, max_output=8_000, **known)
    return Target(provider=provider, name="north", model=model, account="a", tier="paid", order=0, paid=True)


_TARGETS = [target(number) for number in range(5)]
_PRICE = Price.per_million("1", "2")


def ending(number: int, at: float) -> Ending:
    """Return how the so-manieth attempt ended: answered, nearly always."""
    if number % 100 == 0:
        return Ending(at=at, cancelled=True, delivered_tokens=3)
    if number % 20 == 0:
        return Ending(at=at, error="server", status=500, billed=False)
    return Ending(at=at, usage=Usage(prompt_tokens=7, completion_tokens=3), stated_cost=Money(pico=10**7))


async def request(ledger: Ledger, clock: VirtualClock, number: int) -> None:
    """One request, from its admission to its settlement."""
    asked = _TARGETS[number % 5]
    clock.advance(_SECONDS)
    ask = Ask(
        attempt_id=f"request-{number}-1",
        request_id=f"request-{number}",
        prompt_tokens=7,
        max_output=100,
        price=_PRICE,
        tag=f"tag-{number % 3}",
    )
    assert isinstance(await ledger.admit(asked, ask), Grant)
    await ledger.settle(asked, ask, ending(number, clock.now()))


def size() -> float:
    """Return the size of this process in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1_000


def opened(url: str, clock: Clock) -> Store:
    """Return the store at ``url``."""
    if url == "memory:":
        return MemoryStore(clock=clock)
    if url.startswith("sqlite:"):
        return SqliteStore(Path(url.removeprefix("sqlite:")), clock=clock)
    return PostgresStore(url, clock=clock, trust_clock=True)


async def play(url: str, requests: int) -> None:
    """Make them, print the size after `FIRST` and after all of them, and that the books add up."""
    clock = VirtualClock(auto=False)
    store = opened(url, clock)
    budget = Budget(amount=Money(pico=10**17), period="month")
    settings = Settings(allow_paid=True, budgets=(budget,), reserve="learned")
    ledger = Ledger(store, clock, settings, lambda _: _LIMITS)
    numbers = iter(range(requests))

    async def work(count: int) -> None:
        for _ in range(count):
            await request(ledger, clock, next(numbers))

    for count in (FIRST, requests - FIRST):
        async with anyio.create_task_group() as group:
            for _ in range(_AT_ONCE):
                group.start_soon(partial(work, count // _AT_ONCE))
        print(f"{size():.1f}", flush=True)
    print(await store.check())
    print(sum(row.requests for row in await store.usage(0.0, 1e12)))
    await store.aclose()


if __name__ == "__main__":
    anyio.run(play, sys.argv[1], int(sys.argv[2]))
