"""L1, L2, L5: one budget, however many spend it at once."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import anyio
import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted
from shunpike.plugins import Host
from shunpike.types import (
    Answer,
    Billing,
    Budget,
    Call,
    Completion,
    Grant,
    Lifetime,
    Money,
    Price,
    Settings,
    State,
    Unit,
)
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer
from shunpike_testkit.stores import hold, reservation, settled

from .rig import is_file, open_store, read, run_to_the_end, seen, watch

CENT = 10**10
WORST = 10


class Observer(threading.Thread):
    """Looks at the books of a store without pause, from a thread of its own; notes the most that it saw."""

    def __init__(self, url: str, cap: int) -> None:
        super().__init__(daemon=True)
        self.most, self.looks, self.enough = 0, 0, threading.Event()
        self._url, self._money = url, hold(0, cap, Unit.USD, Lifetime())

    def run(self) -> None:
        anyio.run(self._look)

    async def _look(self) -> None:
        store = open_store(self._url)
        while not self.enough.is_set():
            (left,) = await store.remaining([self._money], time.time())
            self.most, self.looks = max(self.most, left.used), self.looks + 1
            await anyio.sleep(0.005)
        await store.aclose()


@pytest.mark.slow
async def test_l1_eight_processes_never_pass_the_cap_at_any_commit(store_url: str, quick: Path) -> None:
    """64 tasks in each of 8 processes, 5,000 reservations and settlements in random order."""
    processes, each, cap = 8, 625, 15_000
    money = hold(0, cap, Unit.USD, Lifetime())
    if is_file(store_url):
        store_url = f"sqlite:{quick / 'ledger.db'}"
    store = open_store(store_url)
    await store.check()
    watch(store_url, [money])
    observer = Observer(store_url, cap)
    observer.start()
    book = quick / "book"
    await anyio.to_thread.run_sync(run_to_the_end, "many", processes, "pairs", store_url, book, cap, each, 64)
    observer.enough.set()
    await anyio.to_thread.run_sync(observer.join)

    lines = read(book)
    costs = [int(cost) for word, _, cost in lines if word == "settled"]
    (left,) = await store.remaining([money], time.time())
    (row,) = await store.usage(0.0, 1e12)
    await store.check()
    await store.aclose()
    assert len(lines) == processes * each
    assert any(word == "refused" for word, *_ in lines), "the cap never refused: the test proves nothing"
    assert observer.looks > 10
    assert observer.most <= cap
    assert seen(store_url) == []
    assert (row.requests, row.held, row.unconfirmed) == (len(costs), 0, 0)
    assert left.used == row.cost.pico == sum(costs) <= cap


class Crowd(ScriptedBackend):
    """Answers nobody before ``everybody`` has been heard: all who are admitted are in flight at once."""

    def __init__(self, everybody: anyio.Event) -> None:
        super().__init__([answer()])
        self._everybody = everybody

    async def complete(self, call: Call) -> Answer:
        done = await super().complete(call)
        await self._everybody.wait()
        return done


async def test_l2_a_dollar_admits_a_hundred_cents_and_not_one_more(store_url: str) -> None:
    """A thousand calls at once, each a cent at worst: a hundred are sent, nine hundred are refused by name."""
    price = Price(prompt=0, completion=0, request=CENT)
    provider = ScriptedProvider("paid", billing=Billing.CARD, price=price)
    heard = anyio.Event()
    provider.backend = Crowd(heard)
    host = Host()
    host.register(builtin, "builtin")
    host.register(provider, "paid")
    settings = Settings(allow_paid=True, budgets=(Budget(amount=Money.usd("1.00"), period="lifetime"),))
    ends: list[Completion | Exhausted] = []

    async with Client(settings, host=host, store=open_store(store_url), environ={}) as client:

        async def call() -> None:
            try:
                ends.append(await client.complete("hello", wait=False))
            except Exhausted as error:
                ends.append(error)
            if len(ends) == 900:
                heard.set()

        async with anyio.create_task_group() as group:
            for _ in range(1_000):
                group.start_soon(call)
        (row,) = await client.usage(0.0, 1e12)

    refusals = [end for end in ends if isinstance(end, Exhausted)]
    assert len(provider.backend.calls) == 100
    assert (len(ends) - len(refusals), len(refusals)) == (100, 900)
    assert all("$1.00 in all" in error.message and not error.decision.attempts for error in refusals)
    assert (row.cost, row.held) == (Money.usd("1.00"), 0)


@pytest.mark.slow
async def test_l5_late_and_doubled_settlements_charge_nobody_twice(store_url: str, quick: Path) -> None:
    """7,000 attempts, 3,000 settlements that come again, with another bill or as a release."""
    attempts, again = 7_000, 3_000
    where = f"sqlite:{quick / 'ledger.db'}" if is_file(store_url) else store_url
    choice, store = random.Random(5), open_store(where)
    money = hold(WORST, 10**9, Unit.USD, Lifetime())
    calls = [(number, True) for number in range(attempts)] + [(choice.randrange(attempts), False) for _ in range(again)]
    choice.shuffle(calls)
    booked: dict[int, int] = {}
    changed = 0

    async def admit(numbers: list[int]) -> None:
        for number in numbers:
            assert isinstance(await store.admit(reservation(f"a{number}", time.time(), money)), Grant)

    async def settle(part: list[tuple[int, bool]]) -> None:
        nonlocal changed
        for number, _ in part:
            pico = choice.randint(0, WORST)
            state = choice.choice([State.SETTLED, State.SETTLED, State.RELEASED])
            ending = settled(time.time(), pico=pico).model_copy(update={"state": state})
            if await store.settle(f"a{number}", ending):
                assert number not in booked, "it was settled twice"
                booked[number] = pico if state is State.SETTLED else 0
                changed += 1

    async with anyio.create_task_group() as group:
        for lane in range(128):
            group.start_soon(admit, list(range(lane, attempts, 128)))
    async with anyio.create_task_group() as group:
        for lane in range(128):
            group.start_soon(settle, calls[lane::128])
    (left,) = await store.remaining([money], time.time())
    (row,) = await store.usage(0.0, 1e12)
    await store.check()
    await store.aclose()
    assert changed == attempts
    assert left.used == row.cost.pico == sum(booked.values())
    assert (row.held, row.unconfirmed) == (0, 0)
