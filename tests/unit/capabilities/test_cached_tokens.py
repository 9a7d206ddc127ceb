"""Tokens of a prompt that Groq had in its cache count against none of its limits, here as there."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.client import Client
from shunpike.types import Message, Remaining, Rolling, Unit
from shunpike_sandbox.app import create_app
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.names import BASE_PATHS
from shunpike_sandbox.world import SimulatedWorld
from shunpike_testkit.clock import VirtualClock

from .conftest import START, MakeClient, plugin_of

MODEL = "groq/openai/gpt-oss-120b"
RULES = "Sort the letter into the box of its town. " * 260
"""About a third of the 8,000 tokens that a minute has."""


@pytest.fixture
def world() -> SimulatedWorld:
    return SimulatedWorld(VirtualClock(START))


@pytest.fixture
def groq(make_client: MakeClient, world: SimulatedWorld) -> Client:
    assert isinstance(world.clock, VirtualClock)
    section: dict[str, Any] = {
        "key": "sandbox-warm",
        "base_url": f"http://world.localhost{BASE_PATHS['groq']}",
        "transport": InProcess(create_app(world)),
    }
    return make_client({"groq": plugin_of("groq")}, clock=world.clock, providers={"groq": section})


async def tokens_left(client: Client) -> dict[float, Remaining]:
    """Return length of the window → what is left of the tokens of it."""
    (target,) = (one for one in client.runtime.snapshot.targets.targets if one.label == MODEL)
    left = await client.runtime.ledger.remaining(target)
    return {
        one.limit.window.seconds: one
        for one in left
        if one.limit.unit is Unit.TOTAL_TOKEN and isinstance(one.limit.window, Rolling)
    }


async def test_a_warm_conversation_has_many_turns_in_a_minute_that_a_cold_one_has_not(
    groq: Client, world: SimulatedWorld
) -> None:
    """Ten turns of about 2,700 tokens are more than three minutes of the limit; what counts is what was not cached."""
    messages = [Message(role="system", content=RULES)]
    async with groq:
        for turn in range(10):
            messages.append(Message(role="user", content=f"Letter {turn}?"))
            done = await groq.complete(messages, model=MODEL, max_tokens=60, wait=False)
            messages.append(done.message)
            assert groq.clock.monotonic() < 55
            groq.clock.advance(5)  # type: ignore[attr-defined]
        books = world.books()["groq"]
        assert (books["answered"], books["refused"], books["overages"]) == (10, {}, 0)
        assert books["prompt_tokens"] > 3 * 8_000
        counted = books["prompt_tokens"] + books["completion_tokens"] - books["cached_tokens"]
        assert counted < 8_000
        left = await tokens_left(groq)
        assert {seconds: one.used for seconds, one in left.items()} == {60.0: counted, 86_400.0: counted}
        (row,) = await groq.usage(START - 1, START + 100)
        assert row.prompt_tokens == books["prompt_tokens"]
