"""Whole bodies of chat completions: answers."""

from __future__ import annotations

from typing import Any

from shunpike.types import Completion
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
