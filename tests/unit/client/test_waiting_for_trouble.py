"""A request that waits for what is in trouble says so, and keeps in its decision how long that took."""

from __future__ import annotations

import pytest

from shunpike.errors import Exhausted, Overloaded
from shunpike.routing.breaker import FAILURES
from shunpike.types import RequestWaiting
from shunpike_testkit.scripted import Observer, ScriptedProvider, answer

from .conftest import MakeClient


def unreachable() -> Overloaded:
    error = Overloaded("no connection", provider="only", kind="connection")
    error.billed = False
    return error


async def test_a_wait_for_an_address_without_a_connection_is_told_and_noted(make_client: MakeClient) -> None:
    """Offline, `ask` said nothing for two minutes and a half, and its record did not tell where the time went."""
    failures = [unreachable() for _ in range(FAILURES)]
    only, watcher = ScriptedProvider("only", *failures, answer("there again")), Observer()
    client = make_client(only)
    client.host.register(watcher, "watcher")
    async with client:
        for _ in range(FAILURES):
            with pytest.raises(Exhausted):
                await client.complete("hello", wait=False)
        began_at = client.clock.now()
        done = await client.complete("hello")
        seconds = client.clock.now() - began_at
    assert done.text == "there again"
    (waits,) = [event for event in watcher.events if isinstance(event, RequestWaiting)]
    assert (waits.provider, waits.limit) == ("only", "its address is in trouble (connection)")
    assert waits.retry_at == pytest.approx(began_at + seconds, abs=0.1)
    assert [note for note in done.decision.notes if note.startswith("waited")] == [
        f"waited {seconds:.1f} s for only: its address is in trouble (connection)"
    ]


async def test_a_back_off_of_a_moment_is_no_wait(make_client: MakeClient) -> None:
    only, watcher = ScriptedProvider("only", unreachable(), answer("fine")), Observer()
    client = make_client(only)
    client.host.register(watcher, "watcher")
    async with client:
        done = await client.complete("hello")
    assert not [event for event in watcher.events if isinstance(event, RequestWaiting)]
    assert not [note for note in done.decision.notes if note.startswith("waited")]
