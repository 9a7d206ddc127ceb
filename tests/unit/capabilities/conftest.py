"""A scripted provider on loopback, the real plugins in front of it, and clients over both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from importlib import import_module
from typing import Any

import pytest
from pydantic import SecretStr

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.clock import Clock
from shunpike.plugins import Host
from shunpike.types import Budget, Money, ProviderSettings, Settings
from shunpike_sandbox.app import create_app
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.world import SimulatedWorld
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.upstream import Upstream

START = 1_795_300_000.0
"""2026-11-21 21:46:40 UTC."""
KEY = "sk-capabilities-0123456789"
SEVEN = ("google", "together", "openrouter", "groq", "hyperbolic", "openai", "deepseek")

MakeClient = Callable[..., Client]


def plugin_of(provider: str) -> Any:
    return import_module(f"shunpike_{provider}").plugin


def backend_of(provider: str, upstream: Upstream, **settings: Any) -> Any:
    made = ProviderSettings(key=SecretStr(KEY), base_url=upstream.base_url, **settings)
    return plugin_of(provider).shunpike_completion(provider, made)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as listening:
        yield listening


@pytest.fixture
def make_client() -> MakeClient:
    """Return ``make(plugins, **settings)``: a client with these plugins, a ledger in memory and a virtual clock.

    While it waits for a server that clock stands still: what is to end such a wait needs a real one.
    """

    def make(
        plugins: Mapping[str, Any],
        environ: dict[str, str] | None = None,
        clock: Clock | None = None,
        **settings: Any,
    ) -> Client:
        host = Host()
        host.register(builtin, "builtin")
        for name, plugin in plugins.items():
            host.register(plugin, name)
        made = Settings.model_validate({"store": "memory:", **settings})
        return Client(made, host=host, clock=clock or VirtualClock(START), environ=environ or {})

    return make


@pytest.fixture
def world() -> SimulatedWorld:
    """The seven simulated providers."""
    return SimulatedWorld(VirtualClock(START))


@pytest.fixture
async def client(make_client: MakeClient, world: SimulatedWorld) -> AsyncIterator[Client]:
    """A client whose seven real plugins ask the simulated providers."""
    app = create_app(world)
    sections: dict[str, Any] = {
        name: {
            "base_url": f"http://sandbox.localhost{BASE_PATHS[name]}" + ("/v1beta" if name == "google" else ""),
            "key": "sandbox-1",
            "transport": InProcess(app),
        }
        for name in SEVEN
    }
    budget = Budget(amount=Money.usd("1"), period="day")
    plugins = {name: plugin_of(name) for name in SEVEN}
    async with make_client(plugins, providers=sections, allow_paid=True, budgets=(budget,)) as made:
        yield made
