"""How long is waited for an answer: whole ones, queues that keep a line alive, silence; and which bound is named.

The bounds are scaled: 0.1 to 0.6 s stand for the 60 that a silent provider gets by default.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded
from shunpike.types import Timeouts
from shunpike.wire import Http
from shunpike_testkit.upstream import Script, Stall, Upstream, events, head, reply, stream

from .conftest import BODY, Vendor

Make = Callable[..., Client]
PATH = "/v1/chat/completions"
CHUNK = {"model": "m", "choices": [{"index": 0, "delta": {"content": "here"}, "finish_reason": "stop"}]}
USAGE = {"model": "m", "choices": [], "usage": BODY["usage"]}
KEEP_ALIVES = [": OPENROUTER PROCESSING\n\n", ":\n\n", "\n", ": ping\r\n\r\n", "event: ping\n\n"]


@asynccontextmanager
async def ticking(count: int, gap: float) -> AsyncIterator[list[anyio.Event]]:
    """Events that are set one after the other, ``gap`` seconds apart."""
    ticks = [anyio.Event() for _ in range(count)]

    async def tick() -> None:
        for one in ticks:
            await anyio.sleep(gap)
            one.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        yield ticks
        tasks.cancel_scope.cancel()


def queueing(keep_alive: str, ticks: list[anyio.Event], then: list[Any]) -> Script:
    """Return a stream that keeps the line alive at each tick, and then goes on."""
    return stream([part for one in ticks for part in (one, keep_alive)] + then)


@pytest.mark.parametrize("keep_alive", KEEP_ALIVES)
async def test_keep_alives_are_signs_of_life_until_the_first_word(client_of: Make, keep_alive: str) -> None:
    async with ticking(13, 0.1) as ticks, Upstream() as upstream:
        upstream.on(PATH, queueing(keep_alive, ticks, events(CHUNK, USAGE)))
        sections = {"acme": {"timeouts": {"first_token": 0.6}}}
        async with client_of(Vendor("acme", f"{upstream.base_url}/v1"), sections=sections) as client:
            async with client.stream("hi", timeout=30) as answer:
                assert "".join([str(chunk) async for chunk in answer]) == "here"
        assert len(upstream.requests) == 1


async def test_a_queue_that_falls_silent_is_left(client_of: Make) -> None:
    async with ticking(3, 0.05) as ticks, Upstream() as upstream:
        upstream.on(PATH, queueing(": wait\n\n", ticks, [Stall()]))
        sections = {"acme": {"timeouts": {"first_token": 0.3}}}
        vendor = Vendor("acme", f"{upstream.base_url}/v1")
        async with client_of(vendor, sections=sections, wait=False) as client:
            with pytest.raises(
                Exhausted, match=r"nothing came within 0\.3 s, timeouts\.first_token \(asked: http"
            ) as caught:
                async with client.stream("hi", timeout=30):
                    pass
    hint = caught.value.hint
    assert hint, "a longer timeout would not help"
    assert hint.startswith("give it more time: timeouts.first_token = 1.5 in its section")


async def test_keep_alives_do_not_take_the_time_of_who_is_untried(client_of: Make) -> None:
    async with ticking(60, 0.05) as ticks, Upstream() as first, Upstream() as second:
        first.on(PATH, queueing(": wait\n\n", ticks, [Stall()]))
        second.on(PATH, stream(events(CHUNK, USAGE)))
        vendors = Vendor("acme", f"{first.base_url}/v1", paid=False), Vendor("beta", f"{second.base_url}/v1")
        async with client_of(*vendors) as client:
            async with client.stream("hi", timeout=1.5) as answer:
                assert "".join([str(chunk) async for chunk in answer]) == "here"
            said = answer.completion.attempts[0].message
    assert said
    assert "attempt_share (0.67)" in said
    assert f"asked: {first.base_url}" in said


async def test_keep_alives_after_the_first_word_are_no_progress() -> None:
    async with ticking(8, 0.05) as ticks, Upstream() as upstream:
        upstream.on("/x", queueing(": wait\n\n", ticks, [Stall()]))
        http = Http(upstream.base_url, {}, provider="acme")
        async with http.stream("/x", {}, Timeouts(first_token=5, idle=0.2, total=5)) as flow:
            flow.beat()
            with pytest.raises(Overloaded, match=r"no data came for 0\.2 s, timeouts\.idle") as caught:
                while await flow.receive():
                    pass
        await http.aclose()
    assert caught.value.hint
    assert "timeouts.idle = 1 in its section" in caught.value.hint


@pytest.mark.parametrize("early_head", [False, True])
async def test_a_whole_answer_has_until_the_deadline(client_of: Make, *, early_head: bool) -> None:
    data = reply(BODY).steps[0]
    assert isinstance(data, bytes)
    begin, _, rest = data.partition(b"\r\n\r\n")
    async with ticking(1, 0.5) as ticks, Upstream() as upstream:
        steps = [begin + b"\r\n\r\n", ticks[0], rest] if early_head else [ticks[0], data]
        upstream.on(PATH, Script(steps))
        usual = Timeouts.model_construct(set(), connect=10.0, first_token=0.1, idle=0.1, total=300.0)
        sections = {"acme": {"timeouts": usual}}
        async with client_of(Vendor("acme", f"{upstream.base_url}/v1"), sections=sections) as client:
            assert (await client.complete("hi", timeout=30)).text == "here"
        assert len(upstream.requests) == 1


async def test_a_first_token_that_is_set_binds_a_whole_answer_too(client_of: Make) -> None:
    async with Upstream() as upstream:
        upstream.on(PATH, Script([Stall()]))
        sections = {"acme": {"timeouts": {"first_token": 0.2}}}
        vendor = Vendor("acme", f"{upstream.base_url}/v1")
        async with client_of(vendor, sections=sections, wait=False) as client:
            with pytest.raises(Exhausted, match=r"nothing came within 0\.2 s, timeouts\.first_token"):
                await client.complete("hi", timeout=30)


async def test_a_provider_that_never_gives_its_whole_answer_is_left_for_who_is_untried(client_of: Make) -> None:
    async with Upstream() as first, Upstream() as second:
        first.on(PATH, Script([Stall()]))
        second.on(PATH, reply(BODY))
        vendors = Vendor("acme", f"{first.base_url}/v1", paid=False), Vendor("beta", f"{second.base_url}/v1")
        async with client_of(*vendors) as client:
            done = await client.complete("hi", timeout=0.6)
    assert done.provider == "beta"
    assert done.attempts[0].message
    assert "attempt_share (0.67)" in done.attempts[0].message
    assert f"asked: {first.base_url}" in done.attempts[0].message


async def test_a_total_that_is_set_binds_whatever_the_deadline(client_of: Make) -> None:
    async with Upstream() as upstream:
        upstream.on(PATH, Script([head(200, {"content-length": "9"}), Stall()]))
        sections = {"acme": {"timeouts": {"total": 0.2}}}
        vendor = Vendor("acme", f"{upstream.base_url}/v1")
        async with client_of(vendor, sections=sections, wait=False) as client:
            with pytest.raises(Exhausted, match=r"not complete after 0\.2 s, timeouts\.total \(asked: http"):
                await client.complete("hi", timeout=900)


async def test_the_deadline_that_ends_it_is_named_with_seconds_and_address(client_of: Make) -> None:
    async with Upstream() as upstream:
        upstream.on(PATH, Script([Stall()]))
        async with client_of(Vendor("acme", f"{upstream.base_url}/v1")) as client:
            with pytest.raises(Exhausted, match=rf"request's timeout left \(asked: {upstream.base_url}\)") as caught:
                async with client.stream("hi", timeout=0.3):
                    pass
    assert "no answer in time: 0." in caught.value.message


@pytest.mark.parametrize(
    ("given", "left", "total"), [({}, 900, 900), ({}, 20, 300), ({"total": 100}, 900, 100), ({"idle": 5}, 900, 900)]
)
def test_a_longer_deadline_raises_a_total_that_nobody_set(given: dict[str, float], left: float, total: float) -> None:
    assert Timeouts.model_validate(given).within(left).total == total


async def test_an_endpoint_of_ones_own_is_asked_for_its_models_within_the_deadline(client_of: Make) -> None:
    async with Upstream() as upstream:
        upstream.on("/models", Script([Stall()])).on("/v1/models", Script([Stall()]))
        section = {"base_url": upstream.base_url, "price": "free", "plugin": "acme"}
        vendor = Vendor("acme", upstream.base_url)
        async with client_of(vendor, providers={"own": section, "acme": {"enabled": False}}) as client:
            with anyio.fail_after(3):
                with pytest.raises(Exhausted, match=r"no list of models within 0\.3 s \(asked: http"):
                    await client.complete("hi", timeout=0.3, providers=["own"])
