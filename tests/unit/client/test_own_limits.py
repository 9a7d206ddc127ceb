"""`limits` shows what holds at endpoints of one's own: what was configured, and what their answers taught."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Exhausted, RateLimited
from shunpike.plugins import Host
from shunpike.types import Evidence, Limit, Rolling, Settings, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

MINE = [Limit(unit=Unit.REQUEST, amount=9, window=Rolling(seconds=60))]


def client(provider: ScriptedProvider, **section: Any) -> Client:
    host = Host()
    host.register(builtin, "builtin")
    host.register(provider, provider.name)
    known = {"plugin": provider.name, "base_url": "http://localhost:1/v1", "price": "free", **section}
    settings = Settings.model_validate({"store": "memory:", "providers": {"local": known}})
    return Client(settings, host=host, clock=VirtualClock(), environ={})


async def shown(opened: Client) -> list[tuple[str, int, int]]:
    rows = [(target, one) for target, one in await opened.limits() if target.name == "local"]
    return [(target.label, one.limit.amount, one.used) for target, one in rows]


async def test_what_is_configured_is_shown_before_anything_was_asked() -> None:
    """Of one whose models nobody named, for any of them."""
    async with client(ScriptedProvider("acme"), limits=MINE) as opened:
        assert await shown(opened) == [("local/*", 9, 0)]
    async with client(ScriptedProvider("acme"), limits=MINE, models=["m1", "m2"]) as opened:
        assert await shown(opened) == [("local/m1", 9, 0), ("local/m2", 9, 0)]


async def test_what_was_asked_is_shown_with_what_it_used_and_taught() -> None:
    """It was counted and kept, and no command showed it."""
    told = Evidence(unit=Unit.REQUEST, amount=5, remaining=3, window_seconds=60.0, origin="header x")
    taught = answer().model_copy(update={"evidence": (told,)})
    async with client(ScriptedProvider("acme", taught), limits=MINE) as opened:
        await opened.complete("hi", model="local/m1")
        ((name, amount, used),) = await shown(opened)
        assert (name, amount, used >= 1) == ("local/m1", 5, True)


async def test_what_a_refusal_taught_is_shown_where_nothing_was_configured() -> None:
    told = Evidence(unit=Unit.REQUEST, amount=5, remaining=0, window_seconds=60.0, origin="header x")
    refused = RateLimited("slow", provider="local", status=429)
    refused.retry_at = 2e9
    refused.evidence = (told,)
    async with client(ScriptedProvider("acme", refused)) as opened:
        with pytest.raises(Exhausted):
            await opened.complete("hi", model="local/m1", wait=False)
        rows = await shown(opened)
    assert [(name, amount) for name, amount, _ in rows] == [("local/m1", 5)]
