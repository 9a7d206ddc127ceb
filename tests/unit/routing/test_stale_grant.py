"""A process that was stopped between admission and sending does not send on its old grant."""

from __future__ import annotations

import pytest

from shunpike.builtin.plugin import plugin as builtin
from shunpike.client import Client
from shunpike.errors import Overloaded
from shunpike.hookspecs import hookimpl
from shunpike.plugins import Host
from shunpike.routing.send import GRANT_KEEPS, send
from shunpike.types import AttemptStarted, Call, ChatRequest, Event, Grant, Limit, Message, Rolling, Settings, Unit
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedBackend, ScriptedProvider, answer

MINUTE = Limit(unit=Unit.REQUEST, amount=5, window=Rolling(seconds=60))


async def test_a_stale_grant_is_not_sent() -> None:
    clock, backend = VirtualClock(), ScriptedBackend([answer()])
    request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),))
    call = Call(request=request, model="m", attempt_id="a", max_output=9)
    grant = Grant(attempt_id="a", at_mono=clock.monotonic())
    clock.advance(GRANT_KEEPS)
    await send(backend, call, grant, clock)
    clock.advance(0.1)
    with pytest.raises(Overloaded, match="was stopped"):
        await send(backend, call, grant, clock)
    assert len(backend.calls) == 1


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_was_held_for_it_is_given_back_and_another_answers(streamed: bool) -> None:
    clock, host = VirtualClock(), Host()
    first, second = ScriptedProvider("first", limits=(MINUTE,)), ScriptedProvider("second", answer("two"))
    pauses = [60.0]

    class Stops:
        @hookimpl
        def shunpike_event(self, event: Event) -> None:
            if isinstance(event, AttemptStarted) and pauses:
                clock.advance(pauses.pop())

    for place, one in enumerate((first, second)):
        one.order = place
        host.register(one, one.name)
    host.register(builtin, "builtin")
    host.register(Stops(), "stops")
    async with Client(Settings(store="memory:"), host=host, clock=clock, environ={}) as client:
        if streamed:
            async with client.stream("hello") as stream:
                text = "".join([chunk.text async for chunk in stream])
        else:
            text = (await client.complete("hello")).text
        left = {target.name: one.left for target, one in await client.limits()}
    assert (text, first.backend.calls, left["first"]) == ("two", [], 5)
