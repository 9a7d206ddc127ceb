"""What the sandbox simulates as passing trouble is read as that, and closes no account."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from shunpike.errors import Overloaded, ProviderError, RateLimited
from shunpike.types import Call, ChatRequest, ProviderSettings
from shunpike_sandbox import faults
from shunpike_sandbox.app import create_app
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.world import SimulatedWorld

PLACES = {
    "google": ("/google/v1beta", "gemini-3.8-flash"),
    "groq": ("/groq/openai/v1", "openai/gpt-oss-120b"),
    "together": ("/together/v1", "openai/gpt-oss-120b"),
    "openrouter": ("/openrouter/api/v1", "google/gemma-4-31b-it:free"),
    "hyperbolic": ("/hyperbolic/v1", "meta-llama/Llama-3.3-70B-Instruct"),
    "openai": ("/openai/v1", "gpt-4o-mini"),
    "deepseek": ("/deepseek", "deepseek-flash"),
}
PASSING = (Overloaded, RateLimited)


@pytest.mark.parametrize("kind", [faults.OVERLOADED, faults.INTERNAL, faults.UPSTREAM, faults.HTML])
@pytest.mark.parametrize("provider", PLACES)
async def test_passing_trouble_is_read_as_passing(provider: str, kind: str) -> None:
    path, model = PLACES[provider]
    world = SimulatedWorld()
    settings: dict[str, Any] = {
        "base_url": f"http://simulated{path}",
        "key": f"sandbox-{provider}",
        "transport": InProcess(create_app(world)),
    }
    plugin = import_module(f"shunpike_{provider}").plugin
    backend = plugin.shunpike_completion(provider=provider, settings=ProviderSettings.model_validate(settings))
    call = Call(request=ChatRequest(messages="hi"), model=model, max_output=50, attempt_id="a")
    world.set_faults(Faults(script=(kind,)))
    with pytest.raises(ProviderError) as caught:
        await backend.complete(call)
    assert isinstance(caught.value, PASSING), repr(caught.value)
    assert (await backend.complete(call)).choices
    await backend.aclose()
