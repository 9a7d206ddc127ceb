"""What is reserved on arrival is the truth again before a client can know that its answer is over."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from shunpike_sandbox import faults
from shunpike_sandbox.app import create_app
from shunpike_sandbox.faults import Faults, FaultScript
from shunpike_sandbox.inprocess import InProcess
from shunpike_sandbox.limits import Quota, Rule
from shunpike_sandbox.names import BASE_PATHS, PROVIDERS
from shunpike_sandbox.plugin import SandboxWorld
from shunpike_sandbox.world import SimulatedWorld

from .conftest import MODELS, QUESTION, Caller

TOTALS = {"groq": 8000, "together": 2_000_000, "openai": 2_000_000}
"""Limits on tokens that count the cap of an answer on arrival."""


async def begin(caller: Caller, provider: str, cap: int) -> httpx.Response:
    body = {"model": MODELS[provider], "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    body |= {"max_tokens": cap, **({"stream_options": {"include_usage": True}} if provider == "openai" else {})}
    head = {"authorization": "Bearer sandbox-1"}
    request = caller.client.build_request("POST", f"{BASE_PATHS[provider]}/chat/completions", json=body, headers=head)
    return await InProcess(create_app(caller.world)).handle_async_request(request)


async def until_its_reason(reply: httpx.Response, look: Callable[[], int]) -> list[int]:
    """Read up to the reason for the end, not to the end; return what ``look`` saw at every piece."""
    seen = []
    assert isinstance(reply.stream, httpx.AsyncByteStream)
    async for part in reply.stream:
        seen.append(look())
        text = part.decode().removeprefix("data:").strip()
        if text.startswith("{") and any(choice.get("finish_reason") for choice in json.loads(text)["choices"]):
            return seen
    pytest.fail("the stream gave no reason for its end")


def used(caller: Caller, provider: str, unit: str) -> int:
    """The fullest window of this unit."""
    account = caller.world.account(provider, "sandbox-1")
    model = caller.world.catalog.providers[provider].models[MODELS[provider]]
    quotas = [quota for quota in model.quotas[account.tier] if quota.rule.unit == unit]
    return max(one.used for one in account.gate.readings(quotas, caller.world.clock.now()).values())


@pytest.mark.parametrize("provider", sorted(TOTALS))
async def test_a_client_that_has_seen_the_reason_for_the_end_finds_its_tokens_given_back(
    caller: Caller, provider: str
) -> None:
    reply = await begin(caller, provider, 500)
    held = await until_its_reason(reply, lambda: used(caller, provider, "total_tokens"))
    assert held[0] > 500
    assert caller.books(provider)["open"] == 1, "the marker of the end is still to come"
    assert held[-1] < 100
    await reply.aclose()


@pytest.mark.parametrize("provider", sorted(TOTALS))
async def test_a_client_that_sends_again_at_once_is_not_refused(caller: Caller, provider: str) -> None:
    replies = []
    for _ in range(4):
        replies.append(await begin(caller, provider, 7000))
        assert replies[-1].status_code == 200
        await until_its_reason(replies[-1], lambda: 0)
    for reply in replies:
        await reply.aclose()
    assert caller.books(provider)["overages"] == 0


async def test_the_slot_of_a_finished_answer_is_free_before_its_end_marker(caller: Caller) -> None:
    reply = await begin(caller, "deepseek", 50)
    slots = await until_its_reason(reply, lambda: used(caller, "deepseek", "concurrent"))
    assert (slots[0], slots[-1]) == (1, 0)
    await reply.aclose()


@pytest.mark.parametrize("kind", [faults.OVERLOADED, faults.INTERNAL, faults.UPSTREAM, faults.STREAM_ERROR])
async def test_an_error_gives_all_tokens_back_but_counts_as_a_request(caller: Caller, kind: str) -> None:
    caller.world.set_faults(Faults(script=(kind,)))
    await caller.ask("groq", max_completion_tokens=7000, stream=kind == faults.STREAM_ERROR)
    assert used(caller, "groq", "total_tokens") == 0
    assert used(caller, "groq", "requests") == 1


async def test_googles_input_tokens_are_given_back_after_an_error_alone(caller: Caller) -> None:
    caller.world.set_faults(Faults(script=(faults.OVERLOADED,)))
    await caller.gemini()
    assert used(caller, "google", "input_tokens") == 0
    answer = (await caller.gemini()).json()
    assert used(caller, "google", "input_tokens") == answer["usageMetadata"]["promptTokenCount"]


def test_hyperbolic_has_no_words_for_an_error_inside_a_stream() -> None:
    world = SimulatedWorld()
    SandboxWorld(world).set_faults(1.0, 7)
    drawn = {world.fault("hyperbolic", streaming=True, unspoken=frozenset({faults.STREAM_ERROR})) for _ in range(200)}
    assert drawn == {faults.OVERLOADED, faults.INTERNAL, faults.UPSTREAM}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_trouble_in_a_demo_is_always_a_refusal_or_an_error_in_the_stream(caller: Caller, provider: str) -> None:
    SandboxWorld(caller.world).set_faults(1.0, 3)
    for number in range(12):
        reply = await caller.ask(provider, key=f"sandbox-paid-{number}", stream=True)
        assert reply.status_code >= 400 or '"error"' in reply.text
        assert '"object":"error"' not in reply.text or reply.status_code >= 400
    books = caller.books(provider)
    assert (books["answered"], books["billed_pico"], books["overages"]) == (0, 0, 0)


def test_a_script_may_name_what_is_never_drawn() -> None:
    script = FaultScript(Faults(script=(faults.STREAM_ERROR, faults.RATE_LIMITED)), 0)
    unspoken = frozenset({faults.STREAM_ERROR})
    assert script.draw("x", streaming=True, unspoken=unspoken) == faults.STREAM_ERROR
    assert script.draw("x", streaming=True, unspoken=unspoken) == faults.RATE_LIMITED
    drawn = FaultScript(Faults(rate=1.0), 0)
    assert faults.RATE_LIMITED not in {drawn.draw("x", streaming=True) for _ in range(300)}


RETRY = {
    "groq": "retry-after",
    "together": "retry-after",
    "openai": "retry-after-ms",
    "openrouter": "x-ratelimit-reset",
}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_false_429_is_worded_like_a_true_one(caller: Caller, provider: str) -> None:
    caller.world.set_faults(Faults(script=(faults.RATE_LIMITED,), seconds=0.25))
    reply = await caller.ask(provider)
    assert reply.status_code == 429
    assert RETRY.get(provider, "content-type") in reply.headers
    assert (await caller.ask(provider)).status_code == 200
    assert caller.books(provider)["overages"] == 0


def test_a_lease_gives_back_once() -> None:
    world = SimulatedWorld()
    visit = world.arrive("groq", "sandbox-1", None)
    visit.account = world.account("groq", "sandbox-1")
    quota = Quota(Rule("concurrent", "concurrent"), 1, "m")
    lease = visit.account.gate.admit([quota], {}, 0.0)
    assert not isinstance(lease, list)
    visit.lease = lease
    visit.refuse(500)
    visit.cancel()
    assert visit.account.gate.readings([quota], 0.0)["concurrent"].used == 0
