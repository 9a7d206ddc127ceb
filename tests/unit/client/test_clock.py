"""A client with a clock of its own: nothing that a provider says is timed by another one."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from shunpike.client import Client
from shunpike.errors import Exhausted
from shunpike.types import Limit, ProviderSettings, Rolling, Settings, Unit
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


@pytest.mark.parametrize("store", ["sqlite", "memory"])
async def test_a_clock_that_is_set_forward_opens_no_window_of_the_clients_own_store(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store that is opened by its address goes by the same clock as the client."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        body = {"id": "1", "model": MODELS["groq"], "object": "chat.completion", "choices": [choice], "usage": usage}
        return httpx.Response(200, json=body)

    section = ProviderSettings(
        key=SecretStr("k" * 20),
        price="free",
        limits=(Limit(unit=Unit.REQUEST, amount=1, window=Rolling(seconds=3_600)),),
        transport=httpx.MockTransport(answer),
    )
    url = "memory:" if store == "memory" else f"sqlite:{tmp_path / 'ledger.db'}"
    clock = VirtualClock()
    settings = Settings(providers={"groq": section}, store=url)
    async with Client(settings, clock=clock, environ={}) as client:
        await client.complete("hello", model=f"groq/{MODELS['groq']}", max_tokens=10)
        clock.advance(60)
        clock.set_back(-3_600)
        with pytest.raises(Exhausted):
            await client.complete("hello", model=f"groq/{MODELS['groq']}", max_tokens=10, timeout=5)
    assert len(asked) == 1
