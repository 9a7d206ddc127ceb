"""The strategies of the core over whole requests: what they learn of answers, and who is asked then."""

from __future__ import annotations

from collections import Counter
from typing import Any

from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.clock import Clock
from shunpike.plugins import Host
from shunpike.types import Answer, Billing, Calendar, Call, Limit, Price, Rolling, Settings, Unit, Usage
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer


class Timed(ScriptedBackend):
    """Answers after ``seconds`` of the clock, with so many tokens."""

    def __init__(self, clock: Clock, seconds: float, tokens: int) -> None:
        super().__init__([answer(usage=Usage(prompt_tokens=10, completion_tokens=tokens))])
        self.clock = clock
        self.seconds = seconds

    @override
    async def complete(self, call: Call) -> Answer:
        await self.clock.sleep(self.seconds)
        return await super().complete(call)


def timed(clock: Clock, name: str, seconds: float = 1.0, tokens: int = 50, **fields: Any) -> ScriptedProvider:
    provider = ScriptedProvider(name, **fields)
    provider.backend = Timed(clock, seconds, tokens)
    return provider


def client(clock: VirtualClock, *providers: ScriptedProvider, **settings: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    for place, provider in enumerate(providers):
        provider.order = place
        host.register(provider, provider.name)
    made = Settings.model_validate({"store": "memory:", "affinity": False, **settings})
    return Client(made, host=host, clock=clock, environ={})


async def answered_by(opened: Client, times: int, pause: float = 0.0, **options: Any) -> list[str]:
    found = []
    for _ in range(times):
        found.append((await opened.complete("hello", **options)).provider)
        await opened.clock.sleep(pause)
    return found


async def test_latency_leaves_a_slow_target_after_its_first_answer() -> None:
    clock = VirtualClock()
    slow, fast = timed(clock, "slow", 8.0), timed(clock, "fast", 0.5)
    async with client(clock, slow, fast, strategy="latency") as opened:
        assert await answered_by(opened, 10) == ["slow", *["fast"] * 9]


async def test_latency_comes_back_to_a_target_that_was_slow_long_ago_once_the_others_are() -> None:
    clock = VirtualClock()
    first, second = timed(clock, "first", 8.0), timed(clock, "second", 0.5)
    async with client(clock, first, second, strategy="latency") as opened:
        await answered_by(opened, 5)
        first.backend.seconds, second.backend.seconds = 0.5, 8.0  # type: ignore[attr-defined]  # they are `Timed`
        later = await answered_by(opened, 30, pause=60.0)

    assert later[0] == "second"
    assert later[-1] == "first"


async def test_latency_goes_elsewhere_while_a_limit_is_full_for_long() -> None:
    clock = VirtualClock()
    minute = Limit(unit=Unit.REQUEST, amount=2, window=Rolling(seconds=60))
    fast, slow = timed(clock, "fast", 0.1, limits=(minute,)), timed(clock, "slow", 3.0)
    async with client(clock, fast, slow, strategy="latency") as opened:
        first = await answered_by(opened, 4)
        await clock.sleep(65)
        again = await answered_by(opened, 1)

    assert (first, again) == (["fast", "fast", "slow", "slow"], ["fast"])


async def test_cost_learns_which_model_is_wordy() -> None:
    clock, price = VirtualClock(), Price.per_million("1", "10")
    wordy = timed(clock, "wordy", tokens=2_000, price=Price.per_million("1", "8"), billing=Billing.CARD)
    short = timed(clock, "short", tokens=50, price=price, billing=Billing.CARD)
    budget = [{"amount": "5.00", "period": "day"}]
    async with client(clock, wordy, short, strategy="cost", allow_paid=True, budgets=budget) as opened:
        cheaper_by_list = await answered_by(opened, 1)
        await answered_by(opened, 5, providers=["short"])
        await answered_by(opened, 4, providers=["wordy"])
        learned = await answered_by(opened, 1)

    assert (cheaper_by_list, learned) == (["wordy"], ["short"])


async def test_spread_uses_quotas_evenly_over_whole_requests() -> None:
    clock = VirtualClock()
    quotas = {"small": 10, "middle": 20, "large": 70}
    providers = [
        timed(clock, name, 0.1, limits=(Limit(unit=Unit.REQUEST, amount=amount, window=Calendar(period="day")),))
        for name, amount in quotas.items()
    ]
    async with client(clock, *providers, strategy="spread") as opened:
        counts = Counter(await answered_by(opened, 50))

    assert counts == {"small": 5, "middle": 10, "large": 35}
