"""Law: whatever a store takes for its answers, nobody is granted a limit before who came earlier and waits for it.

The store answers each ask after a drawn time, in any order; so do the providers. Requests
of both classes and of all sizes come at drawn moments and share a budget; each needs a limit of its provider's, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, NamedTuple
from unittest.mock import patch

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from shunpike.builtin.memory import MemoryStore
from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.ledger import Ledger
from shunpike.plugins import Host
from shunpike.protocols import AdmissionRequest, Target
from shunpike.types import Answer, Billing, Call, Denial, Grant, Held, Limit, Price, Reservation, Settings, Unit, Usage
from shunpike.waiting import Place
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

PRICE = Price.per_million("1", "2")
PROMPT = 100
"""More than a prompt takes by its bound."""
SMALL, LARGE = 100, 300
"""Output tokens that a request may ask for."""


class Plan(NamedTuple):
    """One request: when it comes, of which class, whom it asks, how large it is, and what takes how long, in ms."""

    comes: int
    priority: Literal["interactive", "batch"]
    provider: Literal["north", "south"]
    output: int
    asking: int
    hearing: int
    answering: int


plans = st.lists(
    st.builds(
        Plan,
        comes=st.integers(0, 40),
        priority=st.sampled_from(["interactive", "batch"]),
        provider=st.sampled_from(["north", "south"]),
        output=st.sampled_from([SMALL, SMALL, LARGE]),
        asking=st.integers(0, 8),
        hearing=st.integers(0, 8),
        answering=st.integers(0, 12),
    ),
    min_size=2,
    max_size=14,
)


class Deferred(MemoryStore):
    """Judges late, and tells later."""

    def __init__(self, clock: VirtualClock, delays: dict[str, Plan]) -> None:
        super().__init__(guard=0.0)
        self._time = clock
        self._delays = delays
        self.asked: list[str] = []
        """The requests whose attempts were asked for and not answered yet, in that order."""

    @override
    async def admit(self, reservation: Reservation) -> Grant | Denial:
        delays = self._delays[reservation.tag or ""]
        self.asked.append(reservation.request_id)
        await self._time.sleep(delays.asking / 1_000)
        verdict = await super().admit(reservation)
        await self._time.sleep(delays.hearing / 1_000)
        return verdict


class Record:
    """Who waits for what, as the ledger tells it, and what was against the law."""

    def __init__(self, store: Deferred) -> None:
        self.store = store
        self.places: dict[str, Place] = {}
        self.needs: dict[str, set[str]] = {}
        self.waits: dict[str, str] = {}
        self.passed: dict[str, list[tuple[Place, set[str]]]] = {}
        """Request that asked and did not know yet → those with a later place that were granted meanwhile, and what."""
        self.broken: list[tuple[str, Place, Place]] = []
        self.granted: list[Place] = []

    def takes(self, ask: AdmissionRequest, verdict: Grant | Denial) -> None:
        asked = ask.request_id in self.store.asked
        if isinstance(verdict, Grant):
            self._check(ask.request_id, {one.bucket for one in verdict.remaining})
            self.waits.pop(ask.request_id, None)
        else:
            self.waits[ask.request_id] = verdict.bucket
            mine = self.places[ask.request_id]
            # Only who took of what it was refused for has gone before it.
            passed = [one for one, took in self.passed.get(ask.request_id, ()) if verdict.bucket in took]
            self.broken += [("was refused meanwhile", mine, one) for one in passed]
        self.passed.pop(ask.request_id, None)
        if asked:
            self.store.asked.remove(ask.request_id)

    def _check(self, request: str, needs: set[str]) -> None:
        mine = self.places[request]
        self.granted.append(mine)
        for other, bucket in self.waits.items():
            if bucket in needs and self.places[other] < mine:
                self.broken.append(("waits", self.places[other], mine))
        for other in self.store.asked[: self.store.asked.index(request)]:
            if self.needs[other] & self.needs[request] and self.places[other] < mine:
                self.passed.setdefault(other, []).append((mine, needs))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Hear of every word of the ledger, in the moment in which it is told."""
        admit, record = Ledger.admit, self

        async def told(self: Ledger, target: Target, ask: AdmissionRequest) -> Grant | Denial:
            assert ask.arrival is not None
            record.places[ask.request_id] = Place(ask.priority == "batch", ask.arrival)
            record.needs[ask.request_id] = {"all", target.name}
            verdict = await admit(self, target, ask)
            record.takes(ask, verdict)
            return verdict

        with patch.object(Ledger, "admit", told):
            yield


class Slow(ScriptedBackend):
    """Answers after as long as its request's plan says."""

    def __init__(self, clock: VirtualClock, plans: list[Plan]) -> None:
        super().__init__([answer(usage=Usage(prompt_tokens=1, completion_tokens=1))])
        self._time = clock
        self._plans = plans

    @override
    async def complete(self, call: Call) -> Answer:
        await self._time.sleep(self._plans[int(call.request.messages[-1].text)].answering / 1_000)
        return await super().complete(call)


async def play(requests: list[Plan], most: int, money: int) -> tuple[Record, list[int]]:
    """Let all requests be answered; return what the ledger told, and who was answered."""
    clock = VirtualClock()
    store = Deferred(clock, {str(number): plan for number, plan in enumerate(requests)})
    record, answered, host = Record(store), list[int](), Host()
    host.register(builtin, "builtin")
    for name in ("north", "south"):
        limit = Limit(unit=Unit.CONCURRENT, amount=most, window=Held())
        provider = ScriptedProvider(name, limits=[limit], billing=Billing.CARD, price=PRICE)
        provider.backend = Slow(clock, requests)
        host.register(provider, name)
    spent = PRICE.of(Usage(prompt_tokens=1, completion_tokens=1)).pico * len(requests)
    amount = spent + PRICE.worst(PROMPT, LARGE).pico + money * PRICE.worst(PROMPT, SMALL).pico
    budget: dict[str, Any] = {"amount": {"pico": amount}, "period": "lifetime"}
    chosen = Settings.model_validate({"allow_paid": True, "budgets": [budget], "timeout": 100})

    async def ask(client: Client, number: int, plan: Plan) -> None:
        await clock.sleep(plan.comes / 1_000)
        options: dict[str, Any] = {"providers": [plan.provider], "max_tokens": plan.output, "priority": plan.priority}
        await client.complete(str(number), tag=str(number), **options)
        answered.append(number)

    with record.kept():
        async with Client(chosen, host=host, clock=clock, store=store, environ={}) as client:
            async with anyio.create_task_group() as group:
                for number, plan in enumerate(requests):
                    group.start_soon(partial(ask, client, number, plan))
            assert all((row.overages, row.held) == (0, 0) for row in await client.usage(0.0, 1e12))
    return record, answered


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(max_examples=60, deadline=None)
@given(requests=plans, most=st.integers(1, 3), money=st.integers(0, 3))
def test_nobody_is_granted_before_who_came_earlier_and_waits(
    backend: str, requests: list[Plan], most: int, money: int
) -> None:
    record, answered = anyio.run(play, requests, most, money, backend=backend)
    assert record.broken == []
    assert sorted(answered) == list(range(len(requests)))
    assert len(record.granted) == len(requests), "each is granted once"
