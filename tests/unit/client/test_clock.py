"""A client with a clock of its own: nothing that a provider says is timed by another one."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from shunpike.client import Client
from shunpike.errors import Exhausted
from shunpike.types import ProviderSettings, Settings
from shunpike_testkit.clock import VirtualClock

START = 1_000_000_000.0
MODELS = {"groq": "openai/gpt-oss-20b", "google": "gemini-2.5-flash"}
BUSY = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "type": "tokens", "message": "too many"}}


@pytest.mark.parametrize("provider", sorted(MODELS))
async def test_a_wait_that_a_provider_names_begins_by_the_clients_clock(provider: str) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(429, headers={"retry-after": "30"}, json=BUSY)

    section = ProviderSettings(key=SecretStr("k" * 20), transport=httpx.MockTransport(refuse))
    settings = Settings(providers={provider: section})
    async with Client(settings, clock=VirtualClock(START), environ={}) as client:
        with pytest.raises(Exhausted) as caught:
            await client.complete("hello", model=f"{provider}/{MODELS[provider]}", max_tokens=10, wait=False)
    assert caught.value.retry_at is not None
    assert START + 30 <= caught.value.retry_at < START + 60
