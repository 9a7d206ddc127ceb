"""Two hundred calls at once under limits that fit ten: all are answered, in order, and nothing is overstepped.

The provider is a script, then the sandbox, over HTTP and with books of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

import anyio
import pytest
from pydantic import SecretStr
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.protocols import Store
from shunpike.types import (
    Answer,
    Billing,
    Budget,
    Call,
    Held,
    Limit,
    Money,
    Price,
    ProviderSettings,
    Rolling,
    Settings,
    Unit,
    Usage,
)
from shunpike_sandbox.catalog import SandboxCatalog, bundled
from shunpike_sandbox.limits import Quota, Rule
from shunpike_sandbox.server import Running
from shunpike_sandbox.world import ReplyPace, SimulatedWorld
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
    """Takes a moment to answer; notes the request of each call, and how many ran at once at most.

    ``answers_from``: nothing is answered before it is set, so that what is sent until then does not depend on how fast
    the calls come on this machine; None = at once.
    """

    answers_from: anyio.Event | None = None

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
            if self.answers_from is not None:
                await self.answers_from.wait()
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
    if request.param == "sqlite":
        return cast("Store", open_store(f"sqlite:{tmp_path / 'ledger.db'}"))
    return cast("Store", open_store(request.getfixturevalue("postgres_url")))


Priority = Literal["interactive", "batch"]


def all_persons(_: int) -> Priority:
    return "interactive"


def every_other_a_batch(number: int) -> Priority:
    return "batch" if number % 2 else "interactive"


async def ask_all(
    client: Client, priority_of: Callable[[int], Priority] = all_persons, output: int = OUTPUT
) -> list[int]:
    """Let all calls come at once, each after the other; return the answered ones as they were answered."""
    answered: list[int] = []

    async def ask(number: int) -> None:
        await client.complete(str(number), max_tokens=output, timeout=60, priority=priority_of(number))
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
        answered = await ask_all(client)
        (row,) = await client.usage(0.0, time.time() + 1)
        left = [one for _, one in await client.limits()]
    assert sorted(answered) == list(range(CALLS))
    assert (row.answered, row.held, row.overages) == (CALLS, 0, 0)
    assert all(one.used <= one.limit.amount for one in left)
    assert row.cost.pico == SPENT
    assert AT_ONCE // 2 <= backend.most <= 2 * AT_ONCE, "what fits is used"
    if "concurrency" in bounds:
        assert backend.most <= AT_ONCE
    in_order(watcher, backend.requests)


def in_order(
    watcher: Watcher, requests: Mapping[str, int], priority_of: Callable[[int], Priority] = all_persons
) -> None:
    """Check the order in which the calls were sent. ``requests``: id of a request → number of its call."""
    places = {name: Place(priority_of(number) == "batch", number) for name, number in requests.items()}
    assert list(watcher.overtaken(places)) == []
    for priority in ("interactive", "batch"):
        sent = [requests[name] for name in watcher.started() if priority_of(requests[name]) == priority]
        late = [abs(place - sorted(sent).index(number)) for place, number in enumerate(sent)]
        assert max(late, default=0) < AT_ONCE, "none overtakes more than those that are on their way with it"


async def test_persons_go_before_batches_and_each_in_the_order_of_arrival(store: Store) -> None:
    client, backend, watcher = client_of(store, ALL)
    backend.answers_from = anyio.Event()
    answered: list[int] = []

    async def ask() -> None:
        answered.extend(await ask_all(client, every_other_a_batch))

    async with client, anyio.create_task_group() as group:
        group.start_soon(ask)
        while len(watcher.waited()) + backend.running < CALLS:  # noqa: ASYNC110 - two things are waited for
            await anyio.sleep(0.01)
        backend.answers_from.set()
    assert sorted(answered) == list(range(CALLS))
    in_order(watcher, backend.requests, every_other_a_batch)
    first = [backend.requests[name] for name in watcher.started()][: CALLS // 2 + AT_ONCE]
    assert sum(every_other_a_batch(number) == "batch" for number in first) <= AT_ONCE


MODEL, SHORT, SECONDS = "openai/gpt-oss-20b", 16, 60.0
TOKENS = 5_100
"""What all calls use, and the worst case of ten more."""
MONEY = "0.00115"
"""What all calls cost, and the worst case of ten more."""


def catalog() -> SandboxCatalog:
    """Return the sandbox's catalog with two narrow quotas for one model."""
    plain = bundled()
    groq = plain.providers["groq"]
    quotas = (
        Quota(Rule("concurrent", "concurrent"), AT_ONCE, MODEL),
        Quota(Rule("tpm", "total_tokens", SECONDS), TOKENS, MODEL),
    )
    model = replace(groq.models[MODEL], quotas={"free": quotas, "paid": quotas})
    return replace(plain, providers={"groq": replace(groq, models={MODEL: model})})


async def test_the_sandbox_sees_two_hundred_calls_in_order_and_none_too_many(store: Store) -> None:
    world, watcher = SimulatedWorld(pace=ReplyPace(first_byte=0.03), catalog=catalog()), Watcher()
    limits = (
        Limit(unit=Unit.CONCURRENT, amount=AT_ONCE, window=Held()),
        Limit(unit=Unit.TOTAL_TOKEN, amount=TOKENS, window=Rolling(seconds=SECONDS)),
    )
    with Running(world) as running:
        section = ProviderSettings(
            plugin="groq", base_url=running.base_url("groq"), key=SecretStr("sandbox-paid"), tier="paid", limits=limits
        )
        budget = Budget(amount=Money.usd(MONEY), period="lifetime")
        settings = Settings(allow_paid=True, budgets=(budget,), providers={"groq": section})
        client = Client(settings, store=store, environ={})
        client.host.register(watcher, "watcher")
        async with client:
            requests: dict[str, int] = {}

            async def ask(number: int) -> None:
                done = await client.complete(str(number), model=f"groq/{MODEL}", max_tokens=SHORT, timeout=60)
                requests[done.decision.attempts[-1].id.rpartition("-")[0]] = number

            async with anyio.create_task_group() as group:
                for number in range(CALLS):
                    group.start_soon(ask, number)
                    await anyio.lowlevel.checkpoint()
            (row,) = await client.usage(0.0, time.time() + 1)
    books = world.books()["groq"]
    assert (books["requests"], books["answered"], books["overages"]) == (CALLS, CALLS, 0)
    assert (row.answered, row.held, row.overages) == (CALLS, 0, 0)
    in_order(watcher, requests)
