"""Anthropic's own SDK on the Messages API, and an agent on it that calls tools, thinks, and meets failing providers."""

from __future__ import annotations

import pytest

from .conftest import SHUNPIKE, Play, Session

pytestmark = pytest.mark.slow

TURNS = 20


@pytest.fixture
def messages(play: Play) -> Session:
    return play("anthropic_messages.py", "anthropic")


def test_every_step_comes_to_its_end_and_the_ledger_equals_the_books(messages: Session) -> None:
    assert not messages.failed
    assert not messages.differences


def test_answers_come_whole_and_streamed(messages: Session) -> None:
    whole, streamed = messages["unary"], messages["streamed"]
    assert whole["text"] == streamed["text"] == messages["unary_async"] == SHUNPIKE
    assert (whole["stop"], whole["role"]) == ("end_turn", "assistant")
    assert min(*whole["usage"], *streamed["usage"]) > 0
    assert whole["request_id"].startswith("req_")


def test_events_come_in_the_order_of_the_api(messages: Session) -> None:
    kinds = messages["raw_events"]["kinds"]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert messages["raw_events"]["estimate"] > 0
    assert messages["streamed"]["kinds"] == ["message_start", "message_delta", "message_stop"]


def test_tokens_are_counted_models_listed_and_thoughts_shown(messages: Session) -> None:
    assert messages["counted"] > 0
    assert messages["listed"]["many"] > 10
    assert messages["listed"]["named"]
    assert messages["thought"] == ["thinking", "text"]


def test_errors_are_the_sdks_own_classes_in_words_that_agents_know(messages: Session) -> None:
    errors = messages["errors"]
    assert {name: (error["type"], error["status"]) for name, error in errors.items()} == {
        "unknown_model": ("NotFoundError", 404),
        "no_messages": ("BadRequestError", 400),
        "too_long": ("BadRequestError", 400),
    }
    assert "prompt is too long: " in errors["too_long"]["message"]


def test_an_agent_of_twenty_turns_falls_over_in_the_middle_and_ends(messages: Session) -> None:
    agent = messages["agent"]
    assert len(agent["called"]) * 2 == len(agent["providers"]) == TURNS
    assert all("returned: sunny" in text for text in agent["texts"])
    assert len(set(agent["providers"])) > 1
    assert agent["kinds"] == ["text", "thinking", "tool_use"]
