"""An account that bears fewer calls at a time than anybody said: how many is found, at the price of few refusals."""

from __future__ import annotations

from random import Random
from typing import Any

import anyio
import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import RateLimited
from shunpike.plugins import Host
from shunpike.types import Answer, Call, Evidence, Held, Limit, Scope, Settings, Unit
from shunpike.virtual_clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import START

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""

BEARS = 3
WORKERS = 16
REQUESTS = 240
KNOWN = Limit(unit=Unit.CONCURRENT, amount=BEARS, window=Held(), scope=Scope.ACCOUNT)


class Narrow:
    """A server that answers so many at a time, each within about a second, and refuses the others at once."""

    def __init__(self, clock: VirtualClock, bears: int, evidence: tuple[Evidence, ...]) -> None:
        self.clock, self.bears, self.evidence = clock, bears, evidence
        self.running = self.refused = 0
        self.most = 0
        self._chance = Random(20261129)

    async def complete(self, call: Call) -> Answer:
        if self.running >= self.bears:
            self.refused += 1
            await self.clock.sleep(0.02)
            error = RateLimited("too many requests", provider="narrow", status=429)
            error.evidence = self.evidence
            raise error
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.clock.sleep(self._chance.uniform(0.5, 1.5))
        finally:
            self.running -= 1
        return answer(model=call.model)


async def served(bears: int, *limits: Limit, evidence: tuple[Evidence, ...] = ()) -> tuple[float, int]:
    """Return answers a second, and how many were refused, where more ask than are borne."""
    clock, host = VirtualClock(START), Host()
    provider = ScriptedProvider("narrow", limits=limits)
    narrow = Narrow(clock, bears, evidence)
    provider.backend.complete = narrow.complete  # type: ignore[method-assign]
    host.register(builtin, "builtin")
    host.register(provider, "narrow")
    left = iter(range(REQUESTS))
    settings: dict[str, Any] = {"store": "memory:", "timeout": 3_600}
    async with Client(Settings.model_validate(settings), host=host, clock=clock, environ={}) as client:

        async def work() -> None:
            for _ in left:
                await client.complete("hello")

        async with anyio.create_task_group() as group:
            for _ in range(WORKERS):
                group.start_soon(work)
    return REQUESTS / (clock.now() - START), narrow.refused


@pytest.mark.parametrize("named", [False, True])
async def test_a_hidden_concurrency_of_three_costs_little_and_is_used(*, named: bool) -> None:
    """It was 46 answers and 62 refusals in 190 s."""
    told = (Evidence(unit=Unit.CONCURRENT, remaining=0, origin="refusal"),) if named else ()
    known, none = await served(BEARS, KNOWN)
    found, refused = await served(BEARS, evidence=told)

    assert none == 0
    assert found >= 0.8 * known
    assert refused <= 0.05 * (REQUESTS + refused)


async def test_an_account_that_bears_all_of_them_is_not_slowed_down() -> None:
    known, _ = await served(WORKERS, KNOWN.model_copy(update={"amount": WORKERS}))
    found, refused = await served(WORKERS)

    assert refused == 0
    assert found >= 0.9 * known
