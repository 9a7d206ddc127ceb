"""A kept connection that its server closes while the next request crosses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shunpike.client import Client
from shunpike.errors import Overloaded
from shunpike.types import Timeouts
from shunpike.wire import Http
from shunpike.wire.transport import KEPT
from shunpike_testkit.upstream import Upstream, hang_up, reply

from .conftest import BODY, Vendor

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
        upstream.on("/models", hang_up())
        http = Http(upstream.base_url, {}, provider="acme")
        with pytest.raises(Overloaded, match="broke"):
            await http.get("/models", Timeouts())
        await http.aclose()
        assert len(upstream.requests) == 1


def test_an_idle_connection_is_dropped_before_usual_servers_do() -> None:
    assert KEPT < USUAL
