"""Two hundred calls at once under limits that fit ten: all are answered, in order, and nothing is overstepped."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.types import Answer, Billing, Call, Held, Limit, Price, Rolling, Settings, Unit, Usage
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

from .rig import open_store

CALLS, AT_ONCE = 200, 10
PRICE = Price.per_million("1", "2")
PROMPT, OUTPUT = 100, 100
"""More than the prompt of any call takes by its bound, and the cap that each names."""
WORST = PRICE.worst(PROMPT, OUTPUT).pico
SPENT = PRICE.of(Usage(prompt_tokens=1, completion_tokens=1)).pico * CALLS


class Counted(ScriptedBackend):
    """Takes a moment to answer; notes the order of the calls, and how many ran at once at most."""

    def __init__(self) -> None:
        super().__init__([answer(usage=Usage(prompt_tokens=1, completion_tokens=1))])
        self.order: list[int] = []
        self.running = self.most = 0

    @override
    async def complete(self, call: Call) -> Answer:
        self.order.append(int(call.request.messages[-1].text))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await anyio.sleep(0.05)
            return await super().complete(call)
        finally:
            self.running -= 1


BOUNDS = {
    "concurrency": Limit(unit=Unit.CONCURRENT, amount=AT_ONCE, window=Held()),
    "tokens": Limit(unit=Unit.OUTPUT_TOKEN, amount=AT_ONCE * OUTPUT + CALLS, window=Rolling(seconds=60)),
}


@pytest.mark.parametrize("bound", ["budget", "tokens", "concurrency"])
@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
async def test_two_hundred_calls_under_a_bound_of_ten_are_all_answered_in_order(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, bound: str
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else f"sqlite:{tmp_path / 'ledger.db'}"
    # Without a guard: the clocks of a provider and of this machine are one here.
    store = MemoryStore(guard=0.0) if kind == "memory" else open_store(url)
    limits = [BOUNDS[bound]] if bound in BOUNDS else []
    only = ScriptedProvider("only", limits=limits, billing=Billing.CARD, price=PRICE)
    only.backend = backend = Counted()
    host = Host()
    host.register(builtin, "builtin")
    host.register(only, only.name)
    amount = AT_ONCE * WORST + SPENT if bound == "budget" else 10**12
    budget = {"amount": {"pico": amount}, "period": "lifetime"}
    settings = Settings.model_validate({"allow_paid": True, "budgets": [budget]})
    answered: list[int] = []
    async with Client(settings, host=host, store=store, environ={}) as client:

        async def ask(number: int) -> None:
            await client.complete(str(number), max_tokens=OUTPUT, deadline=60)
            answered.append(number)

        async with anyio.create_task_group() as group:
            for number in range(CALLS):
                group.start_soon(ask, number)
                await anyio.lowlevel.checkpoint()
        (row,) = await client.usage(0.0, time.time() + 1)
        left = [one for _, one in await client.limits()]
    assert sorted(answered) == list(range(CALLS))
    assert (row.answered, row.held, row.overages) == (CALLS, 0, 0)
    assert all(one.used <= one.limit.amount for one in left)
    assert row.cost.pico == SPENT
    assert AT_ONCE // 2 <= backend.most <= 2 * AT_ONCE, "what fits is used"
    if bound == "concurrency":
        assert backend.most <= AT_ONCE
    if kind != "memory":
        return  # a store with a thread grants at its own pace: who had not come to its line yet may be overtaken
    late = [place - number for place, number in enumerate(backend.order)]
    assert max(map(abs, late)) < AT_ONCE, "a call overtakes only those that are on their way with it"
