"""A process that makes many requests and tells how large it is: ``python growth.py STORE REQUESTS [ledger|client]``.

The ledger is driven as routing drives it, beside a provider that answers at once: what could grow is what the ledger
and its store keep. One request in twenty fails, one in a hundred ends in doubt. With ``client`` the requests go through
the whole client, where one in a hundred is a stream that is left.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path

import anyio
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.plugin import plugin as builtin
from shunpike.builtin.sqlite import SqliteStore
from shunpike.client import Client
from shunpike.clock import Clock
from shunpike.errors import Exhausted, Overloaded
from shunpike.ledger import Ledger
from shunpike.plugins import Host
from shunpike.protocols import AdmissionRequest, Store, Target
from shunpike.types import (
    Answer,
    Billing,
    Budget,
    Calendar,
    Call,
    Grant,
    Held,
    Limit,
    ModelInfo,
    Money,
    Outcome,
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
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, Step, answer

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


def outcome(number: int, at: float) -> Outcome:
    """Return how the so-manieth attempt ended: answered, nearly always."""
    if number % 100 == 0:
        return Outcome(at=at, cancelled=True, delivered_tokens=3)
    if number % 20 == 0:
        return Outcome(at=at, error="server", status=500, billed=False)
    return Outcome(at=at, usage=Usage(prompt_tokens=7, completion_tokens=3), stated_cost=Money(pico=10**7))


async def request(ledger: Ledger, clock: VirtualClock, number: int) -> None:
    """One request, from its admission to its settlement."""
    asked = _TARGETS[number % 5]
    clock.advance(_SECONDS)
    ask = AdmissionRequest(
        attempt_id=f"request-{number}-1",
        request_id=f"request-{number}",
        prompt_tokens=7,
        max_output=100,
        price=_PRICE,
        tag=f"tag-{number % 3}",
    )
    assert isinstance(await ledger.admit(asked, ask), Grant)
    await ledger.settle(asked, ask, outcome(number, clock.now()))


class Deaf(ScriptedBackend):
    """A backend that keeps nothing of what it was asked."""

    @override
    def _next(self, call: Call) -> Step:
        self.calls.clear()
        return super()._next(call)


class Plain(ScriptedProvider):
    """A provider that costs money, and fails one time in twenty."""

    def __init__(self, name: str, order: int) -> None:
        super().__init__(name, billing=Billing.CARD, price=_PRICE, limits=_LIMITS)
        self.order = order
        self.backend = Deaf([self._turn])
        self._turns = count()

    def _turn(self, _: Call) -> Answer:
        if next(self._turns) % 20 == 0:
            failed = Overloaded(f"{self.name}: down", provider=self.name, kind="overloaded")
            failed.billed = False
            raise failed
        return answer()


async def ask(client: Client, clock: VirtualClock, number: int) -> None:
    """One request of a caller, answered by one of two providers."""
    clock.advance(_SECONDS)
    with suppress(Exhausted):
        if number % 100:
            await client.complete(f"request {number}", max_tokens=100, tag=f"tag-{number % 3}")
            return
        async for _ in client.stream(f"request {number}", max_tokens=100):
            break


async def go_on(clock: VirtualClock) -> None:
    """Let time pass also while everybody waits."""
    while True:
        await anyio.sleep(0.01)
        clock.advance(_SECONDS)


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


async def play(url: str, requests: int, through: str = "ledger") -> None:
    """Make them, print the size after `FIRST` and after all of them, and that the books add up."""
    clock = VirtualClock(auto=False)
    store = opened(url, clock)
    budget = Budget(amount=Money(pico=10**17), period="month")
    settings = Settings(allow_paid=True, budgets=(budget,), token_estimate="learned")
    numbers = iter(range(requests))

    async def work(one: Callable[[int], Awaitable[None]], todo: int) -> None:
        for _ in range(todo):
            await one(next(numbers))

    async def make(one: Callable[[int], Awaitable[None]]) -> None:
        for todo in (FIRST, requests - FIRST):
            async with anyio.create_task_group() as group:
                for _ in range(_AT_ONCE):
                    group.start_soon(work, one, todo // _AT_ONCE)
            print(f"{size():.1f}", flush=True)
        print(await store.check())
        print(sum(row.requests for row in await store.usage(0.0, 1e12)))

    if through == "client":
        host = Host()
        host.register(builtin, "builtin")
        for order, name in enumerate(("north", "south")):
            host.register(Plain(name, order), name)
        async with (
            Client(settings, host=host, store=store, clock=clock, environ={}) as client,
            anyio.create_task_group() as group,
        ):
            group.start_soon(go_on, clock)
            await make(partial(ask, client, clock))
            group.cancel_scope.cancel()
        return
    await make(partial(request, Ledger(store, clock, settings, lambda _: _LIMITS), clock))
    await store.aclose()


if __name__ == "__main__":
    anyio.run(play, sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
