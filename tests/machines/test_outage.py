"""Providers that are down, or come and go: how little is sent to them, and how soon they are found well again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded
from shunpike.plugins import Host
from shunpike.routing.breaker import FAILURES, FIRST_CLOSED, LONGEST_CLOSED
from shunpike.types import Answer, Call, Settings
from shunpike.virtual_clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""

START = 1_795_300_000.0
OUTAGE, REQUESTS = 60.0, 2_000
WARM = 2.0
"""Seconds after which it is known that all are down."""


class Fleet:
    """Providers that are down by the clock; ``asked`` are the moments at which each was."""

    def __init__(self, is_down: Callable[[str, float], bool], *names: str, models: int = 1) -> None:
        self.clock = VirtualClock(START)
        self._is_down = is_down
        self.asked: dict[str, list[float]] = {name: [] for name in names}
        self._host = Host()
        self._host.register(builtin, "builtin")
        for order, name in enumerate(names):
            provider = ScriptedProvider(name)
            provider.models = tuple(provider.model(f"m{number}") for number in range(models))
            provider.order = order
            provider.backend.complete = self._of(name)  # type: ignore[method-assign]
            self._host.register(provider, name)

    @property
    def second(self) -> float:
        return self.clock.now() - START

    def _of(self, name: str) -> Any:
        async def complete(call: Call) -> Answer:
            self.asked[name].append(self.second)
            await self.clock.sleep(0.2)
            if self._is_down(name, self.second):
                raise Overloaded("down", provider=name, status=503)
            return answer(name, model=call.model)

        return complete

    def client(self, **settings: Any) -> Client:
        made = Settings.model_validate({"store": "memory:", "timeout": 20, **settings})
        return Client(made, host=self._host, clock=self.clock, environ={})

    async def asks(self, client: Client, *, every: float, until: float) -> list[tuple[float, str]]:
        """Ask in a steady stream; return when each was answered, by whom, empty where by nobody."""
        answered: list[tuple[float, str]] = []

        async def one() -> None:
            try:
                done = await client.complete("hello")
            except Exhausted:
                answered.append((self.second, ""))
            else:
                answered.append((self.second, done.provider))

        async with anyio.create_task_group() as group:
            while self.second < until:
                group.start_soon(one)
                await self.clock.sleep(every)
        return answered


async def test_while_all_are_down_hardly_anything_is_sent() -> None:
    """R1: each request was sent six times over."""
    fleet = Fleet(lambda _, second: second < OUTAGE, *(f"p{n}" for n in range(7)))
    async with fleet.client() as client:
        answered = await fleet.asks(client, every=OUTAGE / REQUESTS, until=OUTAGE)
        await fleet.clock.sleep(LONGEST_CLOSED)
        assert (await client.complete("hello")).text
    sent = sorted(second for those in fleet.asked.values() for second in those)

    assert len(answered) == REQUESTS
    assert sum(second > WARM for second in sent) <= 0.1 * REQUESTS
    assert len(sent) <= 1.1 * REQUESTS
    assert len(sent) <= 150, "the warm-up counted in"


async def test_one_that_comes_and_goes_gets_no_traffic_while_it_is_closed_and_is_found_within_one_test() -> None:
    """R2: three outages of a minute each."""
    fleet = Fleet(lambda name, second: name == "first" and second % 300 < 60, "first", "second")
    async with fleet.client() as client:
        answered = await fleet.asks(client, every=1.0, until=900.0)
    assert all(who for _, who in answered)
    for outage in (0.0, 300.0, 600.0):
        sent = [second - outage for second in fleet.asked["first"] if outage <= second < outage + 60]
        normal = [second for second in sent if second < 15]
        assert len(normal) <= FAILURES + 2, "those that were under way when it was closed"
        assert len(sent) - len(normal) <= 2, "a test at a time"
        back = next(second - outage - 60 for second in fleet.asked["first"] if second >= outage + 60)
        assert back <= 3 * FIRST_CLOSED + 1, "no later than the time that it was closed for"
        after = [who for second, who in answered if outage + 60 + back + 1 <= second < outage + 299]
        assert after.count("first") == len(after)


@pytest.mark.parametrize("down", [1, 2])
async def test_what_one_process_found_down_is_known_when_the_next_begins(tmp_path: Any, down: int) -> None:
    names = [f"p{n}" for n in range(3)]
    fleet = Fleet(lambda name, _: name in names[:down], *names)
    store = f"sqlite:{tmp_path}/ledger.db"
    for _ in range(2):
        async with fleet.client(store=store) as client:
            await fleet.asks(client, every=0.3, until=fleet.second + 10)

    assert all(len(fleet.asked[name]) <= FAILURES + 2 for name in names[:down])
