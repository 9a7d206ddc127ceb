"""What a client of a stream sees when: contents as they come, a beginning in time, and one clear end."""

from __future__ import annotations

import json

from shunpike.errors import Interrupted, Overloaded
from shunpike.types import Chunk, Usage

from ..running import AsgiCall, InProcessGateway  # noqa: TID252 - the tests are no package
from .timed import CHAT, Pause, TimedProvider, asking, content_of, gateway_over

STREAM = asking(stream=True)
END = Chunk(finish_reason="stop", usage=Usage(prompt_tokens=7, completion_tokens=3))
BUSY = Overloaded("busy", provider="a", status=503)
CUT = Interrupted("cut", provider="a")


def content(part: bytes) -> str:
    return content_of([json.loads(part.removeprefix(b"data: "))]) if b'"content"' in part else ""


async def timeline(gateway: InProcessGateway, call: AsgiCall) -> list[tuple[float, bytes]]:
    """When each part of the body came."""
    return [(gateway.client.clock.monotonic(), part) async for part in call.parts()]


async def test_a_stream_without_content_begins_after_a_while_and_is_kept_alive() -> None:
    slow = TimedProvider("a", [Pause(50), Chunk(text="late"), END])
    async with gateway_over(slow) as gateway:
        call = gateway.call("POST", CHAT, STREAM)
        parts = await timeline(gateway, call)
        await call.whole()
    assert [moment for moment, _ in parts[:3]] == [10.0, 25.0, 40.0]
    assert parts[3][0] == 50.0
    events = call.answer.events()
    assert all(one["choices"] for one in events[:-1]), "an empty list of choices ends a session in Zed"
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "role" not in events[3]["choices"][0]["delta"]
    assert content_of(events) == "late"
    assert events[-1] == "[DONE]"
    assert "x-shunpike-provider" not in call.answer.headers, "nobody had answered yet"


async def test_a_provider_may_fail_unseen_behind_a_stream_that_has_begun() -> None:
    bad, good = TimedProvider("a", [Pause(20), BUSY]), TimedProvider("b", [Chunk(text="fine"), END])
    async with gateway_over(bad, good) as gateway:
        answer = await gateway.post(CHAT, STREAM)
    assert (answer.status, content_of(answer.events()), answer.events()[-1]) == (200, "fine", "[DONE]")


async def test_who_fails_before_the_beginning_gives_a_status() -> None:
    async with gateway_over(TimedProvider("a", BUSY), timeout=5) as gateway:
        answer = await gateway.post(CHAT, STREAM)
    assert answer.status >= 500
    assert answer.headers["x-should-retry"] == "false"
    error = answer.json()["error"]
    assert error["attempts"][0]["provider"] == "a"
    assert error["request_id"] == answer.headers["x-request-id"] == answer.headers["x-shunpike-request-id"]


async def test_who_fails_after_the_beginning_is_told_as_an_event_and_no_end_follows() -> None:
    async with gateway_over(TimedProvider("a", [Pause(12), BUSY]), timeout=15) as gateway:
        answer = await gateway.post(CHAT, STREAM)
    assert answer.status == 200
    assert "error" in answer.events()[-1]


async def test_what_breaks_off_after_content_ends_with_an_error_and_repeats_nothing() -> None:
    other = TimedProvider("b", [Chunk(text="never"), END])
    async with gateway_over(TimedProvider("a", [Chunk(text="half"), CUT]), other) as gateway:
        answer = await gateway.post(CHAT, STREAM)
    events = answer.events()
    assert content_of(events[:-1]) == "half"
    assert events[-1]["error"]["code"] == "stream_interrupted"
    assert not other.backend.calls


async def test_content_that_is_there_is_sent_at_once_and_tells_who_answers() -> None:
    steady = TimedProvider("a", [Chunk(text="a"), Pause(1), Chunk(text="b"), Pause(1), Chunk(text="c"), END])
    async with gateway_over(steady) as gateway:
        call = gateway.call("POST", CHAT, STREAM)
        parts = await timeline(gateway, call)
        await call.whole()
    assert [moment for moment, part in parts if content(part)] == [0.0, 1.0, 2.0]
    headers = call.answer.headers
    assert (headers["x-shunpike-provider"], headers["x-shunpike-model"]) == ("a", "m")
    assert headers["x-shunpike-attempts"] == "1"


async def test_who_hangs_up_ends_the_stream_at_its_provider() -> None:
    endless = TimedProvider("a", [Chunk(text="a"), Pause(5), Chunk(text="b"), Pause(5), END])
    async with gateway_over(endless) as gateway:
        call = gateway.call("POST", CHAT, STREAM)
        async for part in call.parts():
            assert part
            call.hang_up()
            break
        await call.task
        assert endless.backend.open == 0
        assert gateway.client.clock.monotonic() < 5
        assert [one.outcome for one in await gateway.client.ledger.attempts_of(_id(call))] != []


def _id(call: AsgiCall) -> str:
    return call.answer.headers["x-shunpike-request-id"]


async def test_a_mistake_of_ours_in_the_middle_is_told_and_is_no_end() -> None:
    async with gateway_over(TimedProvider("a", [Chunk(text="a"), Chunk(text="b"), END])) as gateway:
        replay = gateway.surface.relay.replay
        replay.keep = None  # type: ignore[assignment,method-assign] - it can't be called
        answer = await gateway.post(CHAT, STREAM)
    assert answer.events()[-1]["error"]["code"] == "internal_error"
