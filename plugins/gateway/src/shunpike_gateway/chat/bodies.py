"""Whole bodies of chat completions: answers and errors."""

from __future__ import annotations

from typing import Any

from shunpike.types import Completion
from shunpike_gateway.exchange import ApiError
from shunpike_gateway.problems import as_written
from shunpike_gateway.tool_ids import safe_id


def answer_body(done: Completion) -> dict[str, Any]:
    """Return a ``chat.completion``. Thoughts stand under both names that clients know."""
    body = done.openai()
    for choice in body["choices"]:
        message = choice["message"]
        if "reasoning_content" in message:
            message["reasoning"] = message["reasoning_content"]
        with_safe_calls(message)
    return body


def with_safe_calls(message: dict[str, Any]) -> None:
    """Put ids that every client takes into the tool calls of a message, or of a part of one."""
    for call in message.get("tool_calls") or ():
        if "id" in call:
            call["id"] = safe_id(call["id"])


def error_body(problem: ApiError) -> dict[str, Any]:
    """Return an error as OpenAI's clients read it, with what is known beside their fields."""
    error = {"message": problem.message, "type": problem.kind, "param": problem.param, "code": problem.code}
    return {"error": {**error, **as_written(problem)}}
