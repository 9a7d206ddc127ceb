"""A world on a clock that only moves when told, and clients for it that need no socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shunpike_sandbox.app import create_app
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.world import SimulatedWorld

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()

MODELS = {
    "google": "gemini-3.8-flash",
    "groq": "openai/gpt-oss-120b",
    "together": "openai/gpt-oss-120b",
    "openrouter": "google/gemma-4-31b-it:free",
    "hyperbolic": "meta-llama/Llama-3.3-70B-Instruct",
    "openai": "gpt-4o-mini",
    "deepseek": "deepseek-flash",
    "sandbox": "sandbox/echo-1",
}
OPENAI_LIKE = [name for name in MODELS if name != "google"]
QUESTION = "What is a shunpike?"


class FakeClock:
    """Time that passes only by sleeping or by decree."""

    def __init__(self, now: float = START) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Caller:
    """Speaks to every provider of a world in its own way."""

    def __init__(self, world: SimulatedWorld, client: httpx.AsyncClient) -> None:
        self.world = world
        self.client = client

    async def ask(self, provider: str, text: str = QUESTION, *, key: str = "sandbox-1", **more: Any) -> httpx.Response:
        """Send one question; extra arguments go into the body."""
        if provider == "google":
            return await self.gemini(text, key=key, **more)
        body = {"model": MODELS[provider], "messages": [{"role": "user", "content": text}], **more}
        return await self.post(provider, body, key=key)

    async def post(
        self, provider: str, body: Any, *, key: str | None = "sandbox-1", path: str = "/chat/completions"
    ) -> httpx.Response:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return await self.client.post(BASE_PATHS[provider] + path, json=body, headers=headers)

    async def gemini(
        self, text: str = QUESTION, *, key: str = "sandbox-1", call: str = "", stream: bool = False, **more: Any
    ) -> httpx.Response:
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        body = {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}
        path = f"/google/v1beta/models/{call or MODELS['google'] + ':' + method}"
        return await self.client.post(path, json=body, headers={"x-goog-api-key": key})

    def books(self, provider: str) -> dict[str, Any]:
        return dict(self.world.books()[provider])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def world(clock: FakeClock) -> SimulatedWorld:
    return SimulatedWorld(clock)


@pytest.fixture
async def caller(world: SimulatedWorld) -> AsyncIterator[Caller]:
    transport = InProcess(create_app(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.localhost") as client:
        yield Caller(world, client)


@pytest.fixture
def error() -> Callable[[httpx.Response], dict[str, Any]]:
    """The ``error`` object of a refusal."""

    def read(response: httpx.Response) -> dict[str, Any]:
        assert response.status_code >= 400, response.text
        return dict(response.json()["error"])

    return read
