"""What clients drop when they send a conversation again is put back, for who asked and whom it came from alone."""

from __future__ import annotations

from typing import Any

import pytest

from shunpike.types import ChatRequest, Choice, Completion, Decision, Message, Usage
from shunpike.types.principal import Principal
from shunpike.virtual_clock import VirtualClock
from shunpike_gateway.exchange import Caller
from shunpike_gateway.replay import Replay

ANN, BOB = (Caller(name=name, principal=Principal(id=name)) for name in ("ann", "bob"))
KIMI = "functions.read:0"


def call(known: str, name: str = "read", arguments: str = '{"path":"a", "n":1}') -> dict[str, Any]:
    return {"id": known, "type": "function", "function": {"name": name, "arguments": arguments}}


def answer(*calls: dict[str, Any], provider: str = "deepseek", **message: Any) -> Completion:
    said = Message(role="assistant", content="x", tool_calls=calls or None, **message)
    return Completion(
        request_id="req_1",
        provider=provider,
        model="m",
        requested_model="auto",
        usage=Usage(prompt_tokens=1, completion_tokens=1),
        decision=Decision(requested_model="auto", strategy="priority"),
        created=0.0,
        seconds=0.1,
        choices=(Choice(message=said, finish_reason="tool_calls"),),
    )


def asked(*calls: dict[str, Any], **extra: Any) -> ChatRequest:
    return ChatRequest.model_validate(
        {
            "messages": [
                {"role": "user", "content": "go"},
                {"role": "assistant", "tool_calls": calls, **extra},
                *({"role": "tool", "tool_call_id": one["id"], "content": "1"} for one in calls),
            ]
        }
    )


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(auto=False)


@pytest.fixture
def replay(clock: VirtualClock) -> Replay:
    return Replay(clock, 1800.0)


def test_thoughts_and_signatures_come_back_under_their_provider(replay: Replay) -> None:
    private = {"google": {"calls": {"c1": "sig"}}, "acme": {"x": 1}}
    replay.keep(ANN, answer(call("c1"), provider="google", reasoning="hm", private=private))
    turn = replay.restored(ANN, asked(call("c1"), reasoning_content="made up")).messages[1]
    assert (turn.reasoning, turn.private) == ("hm", {"google": {"calls": {"c1": "sig"}}})
    assert not (turn.model_extra or {}).get("reasoning_content")


def test_nobody_gets_what_another_client_was_told(replay: Replay) -> None:
    replay.keep(ANN, answer(call("c1"), reasoning="hm"))
    request = asked(call("c1"))
    assert replay.restored(BOB, request) is request
    assert replay.restored(Caller(), request) is request


@pytest.mark.parametrize("other", [call("c1", arguments='{"path": "b"}'), call("c1", name="write"), call("c2")])
def test_what_has_only_an_id_in_common_is_another_turn(replay: Replay, other: dict[str, Any]) -> None:
    replay.keep(ANN, answer(call("c1"), reasoning="hm"))
    request = asked(other)
    assert replay.restored(ANN, request) is request


def test_the_ids_and_arguments_that_a_provider_gave_come_back_to_the_letter(replay: Replay) -> None:
    replay.keep(ANN, answer(call(KIMI), call("b"), reasoning="hm"))
    seen = next(one for _, one in replay._firsts if one != "b")
    assert seen != KIMI
    written_anew = call(seen, arguments='{"n": 1, "path": "a"}')
    found = replay.restored(ANN, asked(written_anew, call("b"))).messages
    made = found[1].tool_calls or ()
    assert [one.id for one in made] == [KIMI, "b"]
    assert made[0].function.arguments == '{"path":"a", "n":1}'
    assert [one.tool_call_id for one in found[2:]] == [KIMI, "b"]


def test_it_is_forgotten_half_an_hour_after_its_last_use(replay: Replay, clock: VirtualClock) -> None:
    replay.keep(ANN, answer(call("c1"), reasoning="hm"))
    request = asked(call("c1"))
    for _ in range(3):
        clock.advance(1799)
        assert replay.restored(ANN, request).messages[1].reasoning == "hm"
    clock.advance(1800)
    assert replay.restored(ANN, request) is request
    assert (len(replay), replay.size) == (0, 0)


def test_memory_is_bounded_and_what_was_used_last_stays(clock: VirtualClock) -> None:
    replay = Replay(clock, 1800.0, most_bytes=30_000)
    for number in range(50):
        replay.keep(ANN, answer(call(f"c{number}"), call(f"d{number}"), reasoning="x" * 5_000))
        replay.restored(ANN, asked(call("c0"), call("d0")))
    assert replay.size <= 30_000
    assert 1 < len(replay) <= 5
    assert replay.restored(ANN, asked(call("c0"), call("d0"))).messages[1].reasoning
    assert replay.restored(ANN, asked(call("c49"), call("d49"))).messages[1].reasoning
    assert not replay.restored(ANN, asked(call("c30"), call("d30"))).messages[1].reasoning
    assert len(replay._firsts) == 2 * len(replay)


def test_a_call_that_is_kept_again_takes_the_place_of_the_first(replay: Replay) -> None:
    for thought in ("one", "two"):
        replay.keep(ANN, answer(call("c1"), call("c2"), reasoning=thought))
    assert replay.restored(ANN, asked(call("c1"), call("c2"))).messages[1].reasoning == "two"
    assert len(replay) == 1


def test_an_answer_without_calls_needs_nothing_back(replay: Replay) -> None:
    replay.keep(ANN, answer(reasoning="hm"))
    assert (len(replay), replay.size) == (0, 0)
