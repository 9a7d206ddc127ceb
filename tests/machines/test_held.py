"""Two hundred calls at once under limits that fit ten: all are answered, in order, and nothing is overstepped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import anyio
import pytest
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.protocols import Store
from shunpike.types import Answer, Billing, Call, Held, Limit, Price, Rolling, Settings, Unit, Usage
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

from .rig import open_store
from .turns import Place, Watcher

CALLS, AT_ONCE = 200, 10
PRICE = Price.per_million("1", "2")
PROMPT, OUTPUT = 100, 100
"""More than the prompt of any call takes by its bound, and the cap that each names."""
WORST = PRICE.worst(PROMPT, OUTPUT).pico
SPENT = PRICE.of(Usage(prompt_tokens=1, completion_tokens=1)).pico * CALLS
BOUNDS = {
    "concurrency": Limit(unit=Unit.CONCURRENT, amount=AT_ONCE, window=Held()),
    "tokens": Limit(unit=Unit.OUTPUT_TOKEN, amount=AT_ONCE * OUTPUT + CALLS, window=Rolling(seconds=60)),
}
ALL = ("budget", "tokens", "concurrency")


class Counted(ScriptedBackend):
    """Takes a moment to answer; notes the request of each call, and how many ran at once at most."""

    def __init__(self) -> None:
        super().__init__([answer(usage=Usage(prompt_tokens=1, completion_tokens=1))])
        self.requests: dict[str, int] = {}
        self.running = self.most = 0

    @override
    async def complete(self, call: Call) -> Answer:
        self.requests[call.attempt_id.rpartition("-")[0]] = int(call.request.messages[-1].text)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await anyio.sleep(0.05)
            return await super().complete(call)
        finally:
            self.running -= 1


def client_of(store: Store, bounds: Sequence[str]) -> tuple[Client, Counted, Watcher]:
    limits = [limit for bound, limit in BOUNDS.items() if bound in bounds]
    only = ScriptedProvider("only", limits=limits, billing=Billing.CARD, price=PRICE)
    only.backend = backend = Counted()
    watcher, host = Watcher(), Host()
    host.register(builtin, "builtin")
    host.register(only, only.name)
    host.register(watcher, "watcher")
    amount = AT_ONCE * WORST + SPENT if "budget" in bounds else 10**12
    budget = {"amount": {"pico": amount}, "period": "lifetime"}
    settings = Settings.model_validate({"allow_paid": True, "budgets": [budget]})
    return Client(settings, host=host, store=store, environ={}), backend, watcher


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty ledger without a guard: the clocks of a provider and of this machine are one here."""
    if request.param == "memory":
        return MemoryStore(guard=0.0)
    postgres = request.param == "postgresql"
    return open_store(request.getfixturevalue("postgres_url") if postgres else f"sqlite:{tmp_path / 'ledger.db'}")


Claim = Literal["interactive", "batch"]


async def ask_all(client: Client, claim_of: Callable[[int], Claim]) -> list[int]:
    """Let all calls come at once, each after the other; return the answered ones as they were answered."""
    answered: list[int] = []

    async def ask(number: int) -> None:
        await client.complete(str(number), max_tokens=OUTPUT, deadline=60, claim=claim_of(number))
        answered.append(number)

    async with anyio.create_task_group() as group:
        for number in range(CALLS):
            group.start_soon(ask, number)
            await anyio.lowlevel.checkpoint()
    return answered


@pytest.mark.parametrize("bounds", [*((bound,) for bound in ALL), ALL], ids=[*ALL, "all together"])
async def test_two_hundred_calls_under_a_bound_of_ten_are_all_answered_in_order(
    store: Store, bounds: tuple[str, ...]
) -> None:
    client, backend, watcher = client_of(store, bounds)
    async with client:
        answered = await ask_all(client, lambda _: "interactive")
        (row,) = await client.usage(0.0, time.time() + 1)
        left = [one for _, one in await client.limits()]
    assert sorted(answered) == list(range(CALLS))
    assert (row.answered, row.held, row.overages) == (CALLS, 0, 0)
    assert all(one.used <= one.limit.amount for one in left)
    assert row.cost.pico == SPENT
    assert AT_ONCE // 2 <= backend.most <= 2 * AT_ONCE, "what fits is used"
    if "concurrency" in bounds:
        assert backend.most <= AT_ONCE
    places = {request: Place(batch=False, number=number) for request, number in backend.requests.items()}
    assert list(watcher.overtaken(places)) == []
    late = [place - places[request].number for place, request in enumerate(watcher.started())]
    assert max(map(abs, late)) < AT_ONCE
