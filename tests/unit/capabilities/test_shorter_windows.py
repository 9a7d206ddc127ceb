"""Windows of two seconds that are listed as a minute, at simulated providers that say so in their own ways."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.types import Budget, Confidence, Limit, ModelInfo, Money, Rolling, Settings, Unit
from shunpike_sandbox.app import create_app
from shunpike_sandbox.catalog import parse
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.world import SimulatedWorld
from shunpike_testkit.clock import VirtualClock

from .conftest import START, plugin_of

pytestmark = pytest.mark.no_cover
"""So many virtual hours take minutes when each of their lines is counted."""

REAL = 2.0
MINUTE = Rolling(seconds=60)


def world_of(provider: str, amount: int, clock: VirtualClock) -> SimulatedWorld:
    """Return a world in which one provider allows so many requests in two seconds, and nothing else bounds them."""
    folder = files("shunpike_sandbox")
    world, own = (tomllib.loads((folder / name).read_text("utf-8")) for name in ("world.toml", "own.toml"))
    table = world["providers"][provider]
    table["rules"]["rpm"] = {"unit": "requests", "seconds": REAL}
    table["limits"] = {"free": {"rpm": amount}, "paid": {"rpm": amount}}
    for row in table["models"]:
        row.pop("free", None)
        row.pop("paid", None)
    table.pop("pools", None)
    return SimulatedWorld(clock, catalog=parse({**world, "providers": {**world["providers"], **own["providers"]}}))


def listing(provider: str, amount: int | None) -> Any:
    """Return the plugin of a provider, with so many requests a minute as all that its catalog lists; None = nothing."""
    plugin = copy.copy(plugin_of(provider))

    def shunpike_limits(self: Any, provider: str, model: ModelInfo, tier: str) -> Sequence[Limit] | None:
        del model, tier
        listed = () if amount is None else (Limit(unit=Unit.REQUEST, amount=amount, window=MINUTE, source="catalog"),)
        return listed if provider == self.info.id else None

    plugin.__class__ = type("Listing", (type(plugin),), {"shunpike_limits": hookimpl(shunpike_limits)})
    return plugin


class Bench:
    """A client of one simulated provider, that shares its clock."""

    def __init__(self, provider: str, model: str, amount: int, *, listed: bool = True) -> None:
        self.clock = VirtualClock(START)
        self.provider, self.model, self.amount = provider, model, amount
        self.world = world_of(provider, amount, self.clock)
        self.served = 0
        host = Host()
        host.register(builtin, "builtin")
        host.register(listing(provider, amount if listed else None), provider)
        address = f"http://sandbox.localhost{BASE_PATHS[provider]}"
        section = {"base_url": address, "key": "sandbox-paid-1", "transport": InProcess(create_app(self.world))}
        budget = Budget(amount=Money.usd("100"), period="day")
        made = {"store": "memory:", "providers": {provider: section}, "allow_paid": True, "budgets": (budget,)}
        self.client = Client(Settings.model_validate(made), host=host, clock=self.clock, environ={})

    @property
    def refused(self) -> int:
        """How many the provider refused for its limit."""
        return int(self.world.books()[self.provider]["overages"])

    def use_up(self) -> None:
        """Let another program use all that there is."""
        account = self.world.account(self.provider, "sandbox-paid-1")
        model = self.world.catalog.providers[self.provider].models[self.model]
        for _ in range(self.amount):
            account.gate.admit(model.quotas[account.tier], {"requests": 1}, self.clock.now())

    async def busy(self, seconds: float) -> int:
        """Ask as fast as the books allow for so long; return how many were served."""
        until, before = self.clock.now() + seconds, self.served
        while self.clock.now() < until:
            try:
                await self.client.complete("hi", model=f"{self.provider}/{self.model}", max_tokens=200, wait=False)
            except Exhausted:
                self.clock.advance(0.2)
            else:
                self.served += 1
                self.clock.advance(0.02)
        return self.served - before

    async def limit(self) -> Limit:
        """Return the limit of requests that is in force."""
        rows = [one.limit for target, one in await self.client.limits() if target.model.id == self.model]
        (found,) = [one for one in rows if one.unit is Unit.REQUEST]
        return found


async def test_headers_on_every_answer_tell_it_in_the_first_minute() -> None:
    """In the next one ten times as much is served as the list allows; nothing was refused."""
    bench = Bench("openai", "gpt-6-luna", 30)
    async with bench.client:
        assert await bench.busy(60) >= 30
        found = await bench.limit()
        assert found.amount == 30
        assert isinstance(found.window, Rolling)
        assert REAL <= found.window.seconds <= 6
        assert found.confidence is Confidence.OBSERVED
        assert await bench.busy(60) >= 240
    assert bench.refused == 0


@pytest.mark.parametrize(
    ("provider", "model", "amount"),
    [("groq", "openai/gpt-oss-20b", 30), ("openrouter", "z-ai/glm-5.2:free", 20)],
)
async def test_the_wait_that_a_refusal_states_tells_it_by_what_passes_then(
    provider: str, model: str, amount: int
) -> None:
    """Their answers say nothing of that limit: another program used it up, and one refusal was seen."""
    bench = Bench(provider, model, amount)
    async with bench.client:
        bench.use_up()
        await bench.busy(60)
        found = await bench.limit()
        assert isinstance(found.window, Rolling)
        assert REAL <= found.window.seconds <= 10
        assert await bench.busy(60) >= 5 * amount
    assert bench.refused == 1


async def test_a_limit_that_is_not_listed_is_learned_with_its_window() -> None:
    bench = Bench("openai", "gpt-6-luna", 30, listed=False)
    async with bench.client:
        await bench.busy(60)
        found = await bench.limit()
        assert (found.amount, found.window) == (30, Rolling(seconds=REAL))
        assert await bench.busy(60) >= 300
    assert bench.refused <= 2
