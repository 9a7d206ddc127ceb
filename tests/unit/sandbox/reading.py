"""Reads streams as a client would, without any client's code."""

from __future__ import annotations

import json
from typing import Any


def events(raw: str) -> list[dict[str, Any]]:
    """The JSON events of a stream, without comments and without its end marker."""
    lines = [line.removeprefix("data:").strip() for line in raw.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def streamed_text(raw: str) -> str:
    """The joined text of an OpenAI-like stream; Hyperbolic says ``message`` for ``delta``."""
    choices = [choice for event in events(raw) for choice in event["choices"]]
    return "".join((choice.get("delta") or choice.get("message") or {}).get("content") or "" for choice in choices)


def last_usage(raw: str) -> dict[str, Any]:
    """The last usage of a stream."""
    return dict([event["usage"] for event in events(raw) if event.get("usage")][-1])


def streamed_calls(raw: str) -> list[tuple[str, str]]:
    """The tool calls of an OpenAI-like stream, put together by index."""
    calls: dict[int, list[str]] = {}
    for event in events(raw):
        for choice in event["choices"]:
            for part in choice["delta"].get("tool_calls") or ():
                call = calls.setdefault(part["index"], ["", ""])
                call[0] += part["function"].get("name") or ""
                call[1] += part["function"].get("arguments") or ""
    return [(name, arguments) for name, arguments in calls.values()]
