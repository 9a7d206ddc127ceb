"""What is refused for one model, or for its content, is sorted right at each simulated provider, from end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import RequestError
from shunpike.types import Budget, Money
from shunpike_sandbox import faults
from shunpike_sandbox.app import create_app
from shunpike_sandbox.faults import Faults
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.world import World
from shunpike_testkit.clock import VirtualClock

from .conftest import SEVEN, START, MakeClient, plugin_of

MANY = [name for name in SEVEN if name not in ("hyperbolic", "deepseek")]
"""Those with several models that would answer."""


@pytest.fixture
def world() -> World:
    return World(VirtualClock(START))


@pytest.fixture
async def client(make_client: MakeClient, world: World) -> AsyncIterator[Client]:
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


@pytest.mark.parametrize("name", MANY)
async def test_a_model_that_is_forbidden_leaves_the_account_open(client: Client, world: World, name: str) -> None:
    world.set_faults(Faults(script=(faults.MODEL_FORBIDDEN,), only=(name,)))
    first = await client.complete("hi", providers=[name], max_tokens=50)
    second = await client.complete("hi", providers=[name], max_tokens=50)
    [refused, answered] = first.decision.attempts
    assert (refused.error, answered.error, refused.model != answered.model) == ("tier", None, True)
    assert [one.model for one in second.decision.attempts] == [answered.model]


@pytest.mark.parametrize("name", SEVEN)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_refused_prompt_is_asked_nowhere_else(client: Client, world: World, name: str, streamed: bool) -> None:
    world.set_faults(Faults(script=(faults.UNSAFE,), only=(name,)))
    with pytest.raises(RequestError) as caught:
        if streamed:
            async with client.stream("hi", providers=[name], max_tokens=50) as pieces:
                await anext(pieces)
        else:
            await client.complete("hi", model=f"{name}/auto", max_tokens=50)
    assert caught.value.kind == "content_filter"
    assert len(world.books()[name]["attempts"]) == 1


async def test_what_one_model_cant_do_is_asked_of_another_provider(client: Client) -> None:
    """Gemini 3 gives one candidate only."""
    done = await client.complete("hi", providers=["google", "openai"], max_tokens=50, n=2)
    assert (done.provider, len(done.choices)) == ("openai", 2)
    assert {one.error for one in done.attempts if one.provider == "google"} <= {"unsupported"}
    again = await client.complete("hi", providers=["google"], max_tokens=50)
    assert again.provider == "google"
