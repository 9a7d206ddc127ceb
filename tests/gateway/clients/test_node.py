"""Clients on Node: OpenAI's own SDK and Vercel's AI SDK, each on chat completions and on responses."""

from __future__ import annotations

import pytest

from .conftest import ROME, SHUNPIKE, Play

pytestmark = pytest.mark.slow


def test_openais_sdk_for_node_does_all_that_programs_use(play: Play) -> None:
    session = play("openai_node.mjs", "node")
    assert not session.failed
    assert not session.differences
    assert session["chat"]["text"] == session["streamed"] == session["responses"] == session["fallen_over"] == SHUNPIKE
    assert session["chat"]["tokens"] > 0
    assert session["chat"]["id"].startswith("req_")
    assert "sunny, 21 degrees" in session["tools"]
    assert session["schema"] == ROME
    assert session["responses_streamed"] == {
        "text": SHUNPIKE,
        "first": "response.created",
        "last": "response.completed",
    }
    assert session["models"] > 10
    assert (session["error"]["type"], session["error"]["status"]) == ("NotFoundError", 404)


@pytest.mark.parametrize("face", ["responses", "chat"])
def test_vercels_sdk_answers_streams_calls_tools_and_makes_objects(play: Play, face: str) -> None:
    session = play("ai_sdk.mjs", "node")
    assert not session.failed
    assert not session.differences
    whole, streamed = session[f"{face}_text"], session[f"{face}_streamed"]
    assert whole["text"] == streamed["text"] == SHUNPIKE
    assert min(whole["tokens"], streamed["tokens"]) > 0
    assert streamed["finish"] == "stop"
    assert session[f"{face}_tools"]["steps"] == 2
    assert "sunny in Paris" in session[f"{face}_tools"]["text"]
    assert session[f"{face}_object"] == ROME
    assert session["error"]["status"] == 404
