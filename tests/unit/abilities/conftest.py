"""A scripted provider on loopback, the real plugins in front of it, and clients over both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from importlib import import_module
from typing import Any

import pytest
from pydantic import SecretStr

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.plugins import Host
from shunpike.types import ProviderSettings, Settings
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.upstream import Upstream

START = 1_795_300_000.0
"""2026-11-21 21:46:40 UTC."""
KEY = "sk-abilities-0123456789"
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
    """Return ``make(plugins, **settings)``: a client with these plugins, a ledger in memory and a virtual clock."""

    def make(plugins: Mapping[str, Any], environ: dict[str, str] | None = None, **settings: Any) -> Client:
        host = Host()
        host.register(builtin, "builtin")
        for name, plugin in plugins.items():
            host.register(plugin, name)
        made = Settings.model_validate({"store": "memory:", **settings})
        return Client(made, host=host, clock=VirtualClock(START), environ=environ or {})

    return make
