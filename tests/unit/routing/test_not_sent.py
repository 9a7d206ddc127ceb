"""What fails in our own hands, before anything was handed to the transport, costs nothing; what may have left does."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest
from typing_extensions import override

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import ConfigError, PluginError, ShunpikeError
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.protocols import Backend
from shunpike.types import Answer, Billing, Call, Price, ProviderSettings, Settings, UsageRow
from shunpike.wire import ChatBackend, before_sending
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider

BUDGET = {"amount": {"pico": 10**12}, "period": "day"}
FOUND = {"model": "m", "choices": [{"message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]}


class Wire:
    """A transport that counts what it was handed."""

    def __init__(self) -> None:
        self.requests = 0

    def answer(self, _: httpx.Request) -> httpx.Response:
        self.requests += 1
        return httpx.Response(200, json=FOUND)


class Careless(ChatBackend):
    """Writes a body that can't be made."""

    @override
    def body(self, call: Call) -> dict[str, Any]:
        return {**super().body(call), "seed": math.nan}


class Twice(ChatBackend):
    """Asks, and then fails in making a second request."""

    @override
    async def complete(self, call: Call) -> Answer:
        await super().complete(call)
        with before_sending:
            raise ValueError("no second body")


class Vendor(ScriptedProvider):
    """A paid provider whose backend is one of the wire's own."""

    def __init__(self, kind: type[ChatBackend], **settings: Any) -> None:
        super().__init__("vendor", billing=Billing.CARD, price=Price.per_million("1", "2"))
        self.kind = kind
        self.wire = Wire()
        self.settings = ProviderSettings(transport=httpx.MockTransport(self.wire.answer), **settings)

    @override
    @hookimpl
    def shunpike_completion(self, provider: str) -> Backend | None:
        return self.kind(self.shunpike_providers()[0], self.settings) if provider == self.name else None


async def _asked(vendor: ScriptedProvider, error: type[Exception], *, streamed: bool) -> UsageRow | None:
    host = Host()
    host.register(builtin, "builtin")
    host.register(vendor, vendor.name)
    settings = Settings.model_validate({"store": "memory:", "allow_paid": True, "budgets": [BUDGET]})
    async with Client(settings, host=host, clock=VirtualClock(), environ={}) as client:
        with pytest.raises(error):
            if streamed:
                async with client.stream("hi"):
                    pass
            else:
                await client.complete("hi")
        rows = await client.usage(0, 2e10)
        (left,) = [one for _, one in await client.limits()]
    assert rows or left.used == 0
    return rows[0] if rows else None


def _costs_nothing(row: UsageRow | None) -> bool:
    return row is None or (row.requests, row.unconfirmed, row.held, row.cost.pico) == (0, 0, 0, 0)


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_backend_that_can_not_be_made_costs_nothing(*, streamed: bool) -> None:
    vendor = Vendor(ChatBackend, headers={"x-team": "Zoë"})
    assert _costs_nothing(await _asked(vendor, ConfigError, streamed=streamed))
    assert vendor.wire.requests == 0


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_request_that_can_not_be_built_costs_nothing(*, streamed: bool) -> None:
    vendor = Vendor(Careless)
    assert _costs_nothing(await _asked(vendor, ShunpikeError, streamed=streamed))
    assert vendor.wire.requests == 0


async def test_a_mistake_after_a_first_request_stays_at_its_worst_case() -> None:
    vendor = Vendor(Twice)
    row = await _asked(vendor, PluginError, streamed=False)
    assert vendor.wire.requests == 1
    assert row is not None
    assert (row.unconfirmed, row.cost.pico > 0) == (1, True)


async def test_what_a_stranger_raises_counts_as_sent() -> None:
    """Only what is known to have stayed here is given back."""
    vendor = ScriptedProvider(
        "vendor", ValueError("somewhere inside"), billing=Billing.CARD, price=Price.per_million("1", "2")
    )
    row = await _asked(vendor, PluginError, streamed=False)
    assert row is not None
    assert row.unconfirmed == 1
