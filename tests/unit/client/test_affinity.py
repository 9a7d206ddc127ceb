"""A conversation stays where its last turn was answered, as far as money, health and the settings let it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from shunpike.client import Client
from shunpike.errors import Overloaded, UsageError
from shunpike.types import Billing, Completion, Price
from shunpike_testkit.clock import VirtualClock
from shunpike_testkit.scripted import ScriptedProvider, answer

from .conftest import MakeClient

HELLO = {"role": "user", "content": "Hello"}
SAID = {"role": "assistant", "content": "Good day."}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
IN_A_LOOP = [HELLO, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "1"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
PAID: dict[str, Any] = {"allow_paid": True, "budgets": [{"amount": {"pico": 10**12}, "period": "day"}]}


def down() -> Overloaded:
    return Overloaded("away", provider="one", kind="overloaded")


def two(*fails: bool, **second: Any) -> tuple[ScriptedProvider, ScriptedProvider]:
    """Return two providers; the first fails where it is told to, then answers for ever."""
    one = ScriptedProvider("one", *(down() if fail else answer() for fail in (*fails, False)))
    return one, ScriptedProvider("two", **second)


async def opened(client: Client, *turns: Sequence[dict[str, Any]], **options: Any) -> list[str]:
    """Return who answered each of these turns, each a minute after the last one, when all that was closed is open."""
    assert isinstance(client.clock, VirtualClock)
    found = []
    for messages in turns:
        done: Completion = await client.complete(list(messages), wait=False, **options)
        found.append(done.provider)
        client.clock.advance(60)
    return found


async def test_a_conversation_stays_where_it_was_answered_when_what_failed_is_well_again(
    make_client: MakeClient,
) -> None:
    async with make_client(*two(True)) as client:
        assert await opened(client, [HELLO], [HELLO, SAID, HELLO], [HELLO, SAID, HELLO]) == ["two", "two", "two"]
        assert await opened(client, [{"role": "user", "content": "Another"}]) == ["one"]


async def test_without_affinity_each_request_goes_where_the_strategy_says(make_client: MakeClient) -> None:
    async with make_client(*two(True), affinity=False) as client:
        assert await opened(client, [HELLO], [HELLO, SAID, HELLO]) == ["two", "one"]


async def test_what_begins_with_the_same_words_is_another_conversation_unless_it_has_a_name(
    make_client: MakeClient,
) -> None:
    async with make_client(*two(True)) as client:
        assert await opened(client, [HELLO], [HELLO]) == ["two", "one"]
    async with make_client(*two(True)) as client:
        assert await opened(client, [HELLO], [SAID, HELLO], session="monday") == ["two", "two"]
        assert await opened(client, [HELLO], session="tuesday") == ["one"]


async def test_it_ends_after_it_was_idle(make_client: MakeClient) -> None:
    async with make_client(*two(True), affinity_idle="90s") as client:
        assert isinstance(client.clock, VirtualClock)
        assert await opened(client, [HELLO], [HELLO, SAID, HELLO]) == ["two", "two"]
        client.clock.advance(31)
        assert await opened(client, [HELLO, SAID, HELLO]) == ["one"]


async def test_it_does_not_stay_where_it_costs_money(make_client: MakeClient) -> None:
    card = {"billing": Billing.CARD, "price": Price.per_million("1", "2")}
    async with make_client(*two(True, **card), **PAID) as client:
        assert await opened(client, [HELLO], [HELLO, SAID, HELLO]) == ["two", "one"]


async def test_inside_a_tool_loop_a_move_is_told_with_what_is_lost(make_client: MakeClient) -> None:
    async with make_client(*two(False, True)) as client:
        before = await client.complete([HELLO], tools=[TOOL], wait=False)
        assert (before.provider, before.warnings) == ("one", ())
        moved = await client.complete(IN_A_LOOP, tools=[TOOL], wait=False)
        assert moved.provider == "two"
        (warning,) = moved.warnings
        assert warning == (
            "the conversation moved from one/m to two/m in the middle of its tool calls, as one/m did not answer this"
            " request: lost is what it had cached of the prompt"
        )
        stays = await client.complete(IN_A_LOOP, tools=[TOOL], wait=False)
        assert (stays.provider, stays.warnings) == ("two", ())


async def test_it_goes_back_to_what_the_operator_named_first_but_not_inside_a_tool_loop(
    make_client: MakeClient,
) -> None:
    chain: dict[str, Any] = {"models": {"fast": {"targets": ["one/m", "two/m"]}}}
    for turn, then in ((IN_A_LOOP, "two"), ([HELLO, SAID, HELLO], "one")):
        async with make_client(*two(True), **chain) as client:
            assert await opened(client, [HELLO], turn, model="fast", tools=[TOOL]) == ["two", then]


async def test_it_stays_where_it_is_among_targets_that_share_the_requests(make_client: MakeClient) -> None:
    shared = [{"model": "one/m", "weight": 1}, {"model": "two/m", "weight": 1}]
    async with make_client(*two(True), models={"fast": {"targets": shared}}) as client:
        turns = [
            await opened(client, [HELLO], [HELLO], [HELLO], model="fast", session=f"session {number}")
            for number in range(8)
        ]
        assert all(len(set(one)) == 1 for one in turns)
        assert {one[0] for one in turns} == {"one", "two"}


async def test_a_stream_that_is_left_after_it_had_begun_is_a_turn_too(make_client: MakeClient) -> None:
    async with make_client(*two(True)) as client:
        async with client.stream([HELLO], wait=False) as stream:
            async for _ in stream:
                break
        assert await opened(client, [HELLO, SAID, HELLO]) == ["two"]


@pytest.mark.parametrize("session", ["", "a\nb", "x" * 257, 7])
async def test_a_session_must_be_a_name(make_client: MakeClient, session: Any) -> None:
    async with make_client(*two()) as client:
        with pytest.raises(UsageError, match="session"):
            await client.complete("Hello", session=session)
