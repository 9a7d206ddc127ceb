"""Libraries over OpenAI's SDK that most Python programs are built on: typed answers, agents, tool loops."""

from __future__ import annotations

import pytest

from .conftest import ROME, SHUNPIKE, Play, on_demand

pytestmark = [pytest.mark.slow, on_demand]


def test_pydantic_ai_answers_streams_calls_tools_and_types_what_it_gets(play: Play) -> None:
    session = play("pydantic_ai_agent.py", "pydantic-ai")
    assert not session.failed
    assert not session.differences
    assert session["unary"]["text"] == session["streamed"] == SHUNPIKE
    assert session["unary"]["output_tokens"] > 0
    assert session["typed"] == {"kind": "City", **ROME}
    assert session["tools"]["called"] == ["Paris"]
    assert "sunny, 21 degrees" in session["tools"]["text"]


def test_instructor_gets_its_object_in_each_of_its_ways(play: Play) -> None:
    session = play("instructor_modes.py", "instructor")
    assert not session.failed
    assert not session.differences
    assert session["tools"] == session["json_schema"] == session["json_mode"] == ROME


def test_the_loop_of_openais_agents_ends_with_an_answer(play: Play) -> None:
    session = play("openai_agents.py", "openai-agents")
    assert not session.failed
    assert not session.differences
    assert session["loop"]["turns"] == 2
    assert "sunny in Paris" in session["loop"]["text"]
    assert session["streamed"]["text"] == SHUNPIKE
    assert "raw_response_event" in session["streamed"]["events"]


def test_llama_index_with_an_older_sdk_answers_and_streams(play: Play) -> None:
    session = play("openai_like.py", "llama-index")
    assert not session.failed
    assert not session.differences
    assert session["completed"] == session["chatted"] == session["streamed"] == SHUNPIKE
