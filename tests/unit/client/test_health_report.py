"""What a client tells of how its providers do."""

from __future__ import annotations

from shunpike.errors import Overloaded
from shunpike.routing.breaker import FAILURES, FIRST_CLOSED
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient


async def test_it_tells_what_is_closed_until_when_and_what_was_answered(make_client: MakeClient) -> None:
    down = ScriptedProvider("first", *[Overloaded("down", provider="first", status=503)] * FAILURES, answer("back"))
    async with make_client(down, ScriptedProvider("second")) as client:
        for _ in range(FAILURES + 1):
            await client.complete("hi")
        closed_at = client.clock.now()
        first, second = await client.health()
        (place,) = first.places
        assert (place.scope, place.state, place.failures, place.kind) == ("model", "closed", FAILURES, "overloaded")
        assert place.opens_at == closed_at + FIRST_CLOSED
        assert (first.state, first.success, second.success) == ("open", 0.0, 1.0)
        assert (second.requests, second.answered, second.concurrency) == (6, 6, 4)
        assert second.speed_whole["m"].samples > 5

        await client.clock.sleep(FIRST_CLOSED)
        first, _ = await client.health()
        assert [one.state for one in first.places] == ["half-open"]
        assert (await client.complete("hi")).provider == "first"
        first, _ = await client.health()
        assert (first.places, first.answered) == ((), 1)
