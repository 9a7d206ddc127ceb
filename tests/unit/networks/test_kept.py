"""A kept connection that its server closes while the next request crosses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import Exhausted, Overloaded
from shunpike.not_sent import begin_attempt
from shunpike.types import Timeouts
from shunpike.wire import Http
from shunpike.wire.transport import KEPT
from shunpike_testkit.upstream import Upstream, hang_up, reply

from .conftest import BODY, Vendor
from .cutting import ANSWER, STALL, Cutting

PATH = "/v1/chat/completions"
USUAL = 5.0
"""Seconds after which usual servers close an idle connection."""


@pytest.mark.parametrize("paid", [False, True])
async def test_it_is_asked_again_at_once_where_that_costs_nothing(
    client_of: Callable[..., Client], *, paid: bool
) -> None:
    async with Upstream() as upstream:
        upstream.on(PATH, reply(BODY), hang_up(), reply(BODY))
        vendor = Vendor("acme", f"{upstream.base_url}/v1", paid=paid)
        async with client_of(vendor, wait=False) as client:
            assert (await client.complete("hi")).text == "here"
            if paid:
                with pytest.raises(Exception, match="broke"):
                    await client.complete("hi")
                (row,) = await client.usage(0, 2e10)
                assert (row.requests, row.unconfirmed) == (2, 1)
            else:
                done = await client.complete("hi")
                assert (done.text, len(done.attempts)) == ("here", 1)
        assert len(upstream.requests) == (2 if paid else 3)


async def test_a_question_without_a_body_is_asked_again() -> None:
    async with Upstream() as upstream:
        upstream.on("/models", reply([]), hang_up(), reply([]))
        http = Http(upstream.base_url, {}, provider="acme")
        assert (await http.get("/models", Timeouts())).status == 200
        assert (await http.get("/models", Timeouts())).status == 200
        await http.aclose()
        assert (len(upstream.requests), upstream.connections) == (3, 2)


async def test_a_fresh_connection_that_breaks_is_not_tried_again() -> None:
    async with Upstream() as upstream:
        upstream.on("/x", hang_up())
        http = Http(upstream.base_url, {}, provider="acme")
        begin_attempt(free=True)
        with pytest.raises(Overloaded, match="broke"):
            await http.post("/x", {}, Timeouts())
        await http.aclose()
        assert len(upstream.requests) == 1


IMAGE = {"url": "data:image/png;base64," + "A" * 8_000_000}
"""More than the buffers of a connection on loopback hold."""
LARGE = [{"role": "user", "content": [{"type": "image_url", "image_url": IMAGE}]}]


@pytest.mark.parametrize("cut", [0.0, 0.5])
async def test_a_paid_request_of_which_not_all_had_left_is_asked_again_at_once(
    client_of: Callable[..., Client], cut: float
) -> None:
    async with Cutting([ANSWER, cut]) as server:
        vendor = Vendor("acme", f"{server.base_url}/v1")
        async with client_of(vendor, wait=False) as client:
            await client.complete("hi")
            done = await client.complete(LARGE)
            assert (done.text, len(done.attempts)) == ("here", 1)
            (row,) = await client.usage(0, 2e10)
        assert (row.requests, row.unconfirmed) == (2, 0)
        assert (server.begun, server.whole) == (3, 2)


@pytest.mark.parametrize("asked", ["hi", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("cuts", [[1.0], [ANSWER, 1.0], [ANSWER, 0.5, 1.0], [0.0, 1.0], [ANSWER, 0.0, 0.0, 0.0, 1.0]])
async def test_no_server_ever_gets_a_paid_request_in_whole_twice(
    client_of: Callable[..., Client], asked: Any, cuts: list[float | None]
) -> None:
    async with Cutting(cuts) as server:
        vendor = Vendor("acme", f"{server.base_url}/v1")
        async with client_of(vendor, max_attempts=9, timeout=20) as client:
            answered = 0
            if cuts[0] is ANSWER:
                await client.complete("hi")
                answered = 1
            with suppress(Exhausted):
                await client.complete(asked)
            (row,) = await client.usage(0, 2e10)
        assert server.whole <= answered + 1
        assert row.requests >= server.whole, "what came in whole is booked"


async def test_a_paid_request_of_which_not_all_had_left_when_its_time_was_over_costs_nothing(
    client_of: Callable[..., Client],
) -> None:
    async with Cutting([STALL]) as server:
        vendor = Vendor("acme", f"{server.base_url}/v1")
        async with client_of(vendor, wait=False, timeout=1.5) as client:
            with pytest.raises(Exhausted):
                await client.complete(LARGE)
            assert not [row for row in await client.usage(0, 2e10) if row.requests or row.unconfirmed]
        assert (server.begun, server.whole) == (1, 0)


def test_an_idle_connection_is_dropped_before_usual_servers_do() -> None:
    assert KEPT < USUAL
