"""L3: what is held before a call is never less than what the provider then bills; an unknown price is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted
from shunpike.plugins import Host
from shunpike.protocols import Store
from shunpike.types import Billing, Budget, Denial, Grant, Money, ProviderSettings, Reservation, Settings
from shunpike_sandbox.app import create_app
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS, PROVIDERS
from shunpike_sandbox.world import SimulatedWorld
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider

from .rig import open_store

SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
PEAK = datetime(2026, 11, 23, 7, tzinfo=UTC).timestamp()
JUST_BEFORE_PEAK = datetime(2026, 11, 23, 5, 59, 58, tzinfo=UTC).timestamp()
NEW_YEAR = datetime(2026, 12, 31, 23, 59, 58, tzinfo=UTC).timestamp()
TIERS = {"google": "paid", "groq": "paid", "openrouter": "funded", "hyperbolic": "paid"}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["title", "tags"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "page", "schema": SCHEMA, "strict": True}}
HARD = "蝶 ﷺ ﷺ 0x9f3c77e1 \U0001f469‍\U0001f52c 31415926535 naïve Straße קהל "
"""What tokenizers expand: ligatures, digits, hex, joined emoji, several scripts."""
LONG = "a word " * 140_000
"""More tokens than the cheap tier of any price that depends on the prompt's size."""


@dataclass(frozen=True)
class Case:
    """One call: where it goes, what it holds, when it is made, and how often before."""

    name: str
    model: str
    prompt: str = "Tell me about the side roads of old toll roads."
    options: Mapping[str, Any] = field(default_factory=dict)
    at: float = SUNDAY
    times: int = 1
    stream: bool = False


MODELS = (
    "google/gemini-3.8-flash",
    "openai/gpt-6-luna",
    "together/openai/gpt-oss-120b",
    "groq/openai/gpt-oss-120b",
    "deepseek/deepseek-flash",
    "openrouter/openai/gpt-4o-mini",
)
CASES = (
    *(Case("plain", model) for model in MODELS),
    *(Case("hard text", model, HARD * 40, {"max_tokens": 64}) for model in MODELS),
    *(Case("tools", model, "the weather in Ulm?", {"tools": [WEATHER]}) for model in MODELS),
    *(Case("stream", model, stream=True, options={"max_tokens": 300}) for model in MODELS),
    *(Case("thinking", model, options={"reasoning_effort": "high", "max_tokens": 400}) for model in MODELS[:4]),
    Case("schema", MODELS[0], "a page", {"response_format": FORMAT}),
    Case("schema", MODELS[1], "a page", {"response_format": FORMAT}),
    Case("three choices", MODELS[1], options={"n": 3, "max_tokens": 80}),
    Case("three choices", MODELS[2], options={"n": 3, "max_tokens": 80}),
    Case("cached prefix", MODELS[4], "long beginning " * 500, times=2),
    Case("cached prefix", MODELS[1], "long beginning " * 500, times=2),
    Case("peak hours", MODELS[4], at=PEAK),
    Case("price rises on the way", MODELS[4], at=JUST_BEFORE_PEAK),
    Case("above the tier", "google/gemini-3.1-pro-preview", LONG, {"max_tokens": 50}),
    Case("above the tier", MODELS[1], LONG, {"max_tokens": 50}),
    Case("price list ends on the way", MODELS[0], at=NEW_YEAR),
    Case("default cap", "openai/gpt-6.1-sol", "write a very long essay " * 20),
)


class Recording:
    """A store that remembers what was reserved."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.worst: list[int] = []

    async def admit(self, reservation: Reservation) -> Grant | Denial:
        self.worst.append(reservation.worst.pico)
        return await self._store.admit(reservation)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture(scope="module")
def host() -> Host:
    return Host.load()


def settings_of(world: SimulatedWorld) -> Settings:
    transport = InProcess(create_app(world))
    versions = {"google": "/v1beta"}
    sections = {
        name: ProviderSettings(
            base_url=f"http://world.localhost{BASE_PATHS[name]}{versions.get(name, '')}",
            key=SecretStr(f"sandbox-paid-{name}"),
            tier=TIERS.get(name),
            transport=transport,
        )
        for name in PROVIDERS
    }
    budget = Budget(amount=Money.usd("500"), period="lifetime")
    return Settings(allow_paid=True, budgets=(budget,), providers=sections)


async def call(client: Client, case: Case) -> None:
    options: Any = {"model": case.model, **case.options}
    if not case.stream:
        await client.complete(case.prompt, **options)
        return
    async with client.stream(case.prompt, **options) as stream:
        async for _ in stream:
            pass


def test_there_are_forty_cases() -> None:
    assert len(CASES) == 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}: {case.model}")
async def test_l3_no_bill_is_above_what_was_held_for_it(case: Case, host: Host, store_url: str) -> None:
    clock = VirtualClock(case.at)
    store = Recording(open_store(store_url, clock=clock, guard=1.0))
    world = SimulatedWorld(clock)
    async with Client(settings_of(world), host=host, store=store, clock=clock, environ={}) as client:
        for _ in range(case.times):
            await call(client, case)
        used = await client.usage(0.0, 1e12)
    provider = case.model.partition("/")[0]
    bills: Sequence[Mapping[str, Any]] = world.books()[provider]["attempts"]
    paid = sum(bill["billed_pico"] for bill in bills)
    assert len(bills) == case.times
    assert paid > 0, "nothing was billed: the case proves nothing"
    assert len(store.worst) == case.times
    assert all(bill["billed_pico"] <= worst for bill, worst in zip(bills, store.worst, strict=True))
    booked = sum(row.cost.pico for row in used)
    # Where the price changes on the way, nobody here knows which one is billed: the dearer is booked.
    assert booked >= paid if "on the way" in case.name else booked == paid


@pytest.mark.parametrize("billing", [Billing.CREDIT, Billing.CARD])
async def test_l3_a_price_that_nobody_knows_is_refused(billing: Billing) -> None:
    lone = Host()
    lone.register(builtin, "builtin")
    unpriced = ScriptedProvider("unpriced", billing=billing, price=None)
    lone.register(unpriced, "unpriced")
    budget = Budget(amount=Money.usd("500"), period="lifetime")
    settings = Settings(store="memory:", allow_paid=True, budgets=(budget,))
    async with Client(settings, host=lone, environ={}) as client:
        with pytest.raises(Exhausted, match="price is not known|price unknown"):
            await client.complete("hello")
    assert unpriced.backend.calls == []
