"""Which requests are turns of one conversation."""

from typing import Any

import pytest

from shunpike.routing.conversation import conversation_of
from shunpike.types import ChatRequest

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
OPENING = [{"role": "system", "content": "You sort post."}, {"role": "user", "content": "Where to?"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def key(messages: list[dict[str, Any]] = OPENING, *, session: str | None = None, **fields: Any) -> str:
    return conversation_of(ChatRequest(messages=messages, **fields), session).key


def test_later_turns_of_a_conversation_have_its_key() -> None:
    later = [*OPENING, {"role": "assistant", "content": "To Ulm."}, {"role": "user", "content": "And this?"}]
    assert key(later) == key()


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [{"role": "system", "content": "You sort coins."}, OPENING[1]]},
        {"messages": [OPENING[0], {"role": "user", "content": "Where from?"}]},
        {"messages": [OPENING[1]]},
        {"tools": [TOOL]},
        {"model": "groq/auto"},
        {"session": "monday"},
        {"prompt_cache_key": "monday"},
    ],
)
def test_what_begins_in_another_way_or_asks_for_another_model_is_another_conversation(other: dict[str, Any]) -> None:
    assert key(**other) != key()


def test_a_session_is_one_whatever_is_said_in_it() -> None:
    assert key(session="monday") == key([{"role": "user", "content": "Hello"}], session="monday", tools=[TOOL])
    assert key(session="monday") != key(session="tuesday")
    assert key(session="monday") != key(session="monday", model="groq/auto")


def test_a_session_goes_before_a_cache_key_and_that_before_the_prompt() -> None:
    assert key(session="monday", prompt_cache_key="x") == key(session="monday")
    assert key([{"role": "user", "content": "Hello"}], prompt_cache_key="x") == key(prompt_cache_key="x")


def test_two_who_ask_the_same_have_two_conversations() -> None:
    request = ChatRequest(messages=OPENING)
    keys = {conversation_of(request, session, who).key for who in (None, "anna", "ben") for session in (None, "monday")}
    assert len(keys) == 6


def test_where_one_text_ends_and_the_next_begins_counts() -> None:
    parts = [{"type": "text", "text": "ab"}, {"type": "text", "text": "c"}]
    moved = [{"type": "text", "text": "a"}, {"type": "text", "text": "bc"}]
    assert key([{"role": "user", "content": parts}]) != key([{"role": "user", "content": moved}])


def test_pictures_tell_conversations_apart() -> None:
    def shows(url: str) -> list[dict[str, Any]]:
        return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]

    assert key(shows("data:image/png;base64,AAAA")) != key(shows("data:image/png;base64,AAAB"))
    assert key(shows("https://pictures.test/" + "a" * 9_000)) != key(shows("https://pictures.test/" + "a" * 9_001))


def test_a_turn_that_brings_a_tools_result_is_inside_a_tool_loop() -> None:
    called = {"role": "assistant", "tool_calls": [CALL]}
    told = {"role": "tool", "tool_call_id": "c1", "content": "rain"}
    assert conversation_of(ChatRequest(messages=[*OPENING, called, told])).in_tool_loop
    assert not conversation_of(ChatRequest(messages=[*OPENING, called, told, OPENING[1]])).in_tool_loop


def test_the_first_turn_of_a_conversation_without_a_name_is_an_opening() -> None:
    later = ChatRequest(messages=[*OPENING, {"role": "assistant", "content": "To Ulm."}, OPENING[1]])
    assert conversation_of(ChatRequest(messages=OPENING)).is_opening
    assert not conversation_of(later).is_opening
    assert not conversation_of(ChatRequest(messages=OPENING), "monday").is_opening


def test_texts_that_are_no_unicode_have_a_key_too() -> None:
    assert len(key([{"role": "user", "content": "\ud800"}], session="\udfff")) == 32
