"""OpenAI's own SDK for Python, on the endpoints that most programs use."""

from __future__ import annotations

import json

import pytest

from .conftest import SHUNPIKE, Play, Session

pytestmark = pytest.mark.slow


@pytest.fixture
def chat(play: Play) -> Session:
    return play("openai_chat.py", "openai")


def test_every_step_comes_to_its_end_and_the_ledger_equals_the_books(chat: Session) -> None:
    assert not chat.failed
    assert not chat.differences


def test_answers_come_whole_streamed_and_to_many_at_once(chat: Session) -> None:
    whole, streamed = chat["unary"], chat["stream"]
    assert whole["text"] == streamed["text"] == chat["stream_async"] == SHUNPIKE
    assert chat["unary_async"] == [SHUNPIKE] * 8
    assert [whole["finish"]] == streamed["finish"] == ["stop"]
    assert whole["usage"] == streamed["usage"]
    assert whole["request_id"].startswith("req_")
    assert (streamed["ids"], streamed["role"], streamed["without_choices"]) == (1, "assistant", 1)


def test_thoughts_and_pictures_pass(chat: Session) -> None:
    thoughts = chat["reasoning"]
    assert thoughts["whole"] == thoughts["streamed"]
    assert "shunpike" in thoughts["whole"]
    assert "colour" in chat["picture"]


def test_tools_are_called_and_their_results_read(chat: Session) -> None:
    called, streamed = chat["tools"], chat["tools_streamed"]
    assert called["name"] == "get_weather"
    assert json.loads(called["arguments"]) == {"city": "Paris"}
    assert "sunny, 21 degrees" in called["text"]
    assert streamed["calls"] == [["get_weather", '{"city": "Paris"}'], ["get_time", '{"city": "Paris"}']]
    assert streamed["finish"] == "tool_calls"
    assert "tool_calls.function.arguments.done" in streamed["events"]
    assert (streamed["indexes"], streamed["types"]) == ([0, 1], ["function"])


def test_answers_are_parsed_into_classes(chat: Session) -> None:
    assert chat["parsed"] == {"kind": "City", "city": "Rome", "days": 3}


def test_errors_are_the_sdks_own_classes(chat: Session) -> None:
    errors = {name: (error["type"], error["status"]) for name, error in chat["errors"].items()}
    assert errors == {
        "unknown_model": ("NotFoundError", 404),
        "bad_value": ("BadRequestError", 400),
        "no_messages": ("BadRequestError", 400),
        "too_long": ("BadRequestError", 400),
    }
    assert "temperature" in chat["errors"]["bad_value"]["message"]


def test_providers_that_fail_are_not_noticed(chat: Session) -> None:
    assert chat["fallen_over"] == [SHUNPIKE] * 3


@pytest.fixture
def responses(play: Play) -> Session:
    return play("openai_responses.py", "openai")


def test_every_step_on_responses_comes_to_its_end_and_the_ledger_equals_the_books(responses: Session) -> None:
    assert not responses.failed
    assert not responses.differences


def test_responses_come_whole_streamed_and_parsed(responses: Session) -> None:
    whole, streamed = responses["unary"], responses["streamed"]
    assert whole["text"] == streamed["text"] == responses["unary_async"] == SHUNPIKE
    assert whole["status"] == "completed"
    assert whole["usage"][2] == sum(whole["usage"][:2]) > 0
    assert all(isinstance(count, int) for count in whole["details"])
    assert (streamed["kinds"][0], streamed["kinds"][-1]) == ("response.created", "response.completed")
    assert streamed["numbers"] == list(range(len(streamed["kinds"])))
    assert responses["parsed"] == responses["helped"] == {"city": "Rome", "days": 3}


def test_responses_call_tools_and_think(responses: Session) -> None:
    called = responses["tools"]
    assert called["name"] == "get_weather"
    assert json.loads(called["arguments"]) == {"city": "Paris"}
    assert "sunny, 21 degrees" in called["text"]
    assert responses["reasoned"] == ["reasoning", "message"]


def test_errors_on_responses_are_the_sdks_own_classes(responses: Session) -> None:
    errors = responses["errors"]
    assert {name: (error["type"], error["status"]) for name, error in errors.items()} == {
        "unknown_model": ("NotFoundError", 404),
        "no_input": ("BadRequestError", 400),
        "earlier": ("BadRequestError", 400),
        "too_long": ("BadRequestError", 400),
    }
    assert "previous_response_id" in errors["earlier"]["message"]
