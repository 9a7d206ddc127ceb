"""The gateway in process over the sandbox's own provider, and the same on a real port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from shunpike.plugins import Host
from shunpike.types import GatewaySettings, ProviderSettings, Settings

from .running import InProcessGateway, RunningGateway


@pytest.fixture
def anyio_backend() -> str:
    """The gateway is asyncio's alone."""
    return "asyncio"


@pytest.fixture
def gateway_settings() -> GatewaySettings:
    """The table ``[gateway]``; a test that wants another overrides this fixture."""
    return GatewaySettings(port=0)


@pytest.fixture
def settings(gateway_settings: GatewaySettings) -> Settings:
    """Settings in which only the sandbox's own provider answers, in process and without limits."""
    others = {info.id: ProviderSettings(enabled=False) for info in Host.load().providers() if info.id != "sandbox"}
    return Settings(store="memory:", providers=others, gateway=gateway_settings)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[InProcessGateway]:
    """The application, called in process: ``await gateway.post("/v1/chat/completions", {...})``."""
    async with InProcessGateway(settings) as running:
        yield running


@pytest.fixture
def running_gateway(settings: Settings) -> Iterator[RunningGateway]:
    """A server on a free port, in a thread of its own: ``running_gateway.url`` is its root."""
    with RunningGateway(settings) as running:
        yield running
