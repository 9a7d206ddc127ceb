"""Holds what a plugin made of an answer against the summary in the file: a second reading, made independently."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FINISHES = {
    "STOP": "stop",
    "OTHER": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "eos": "stop",
    "end_turn": "stop",
    "function_call": "tool_calls",
    1: "stop",
    2: "length",
    3: "content_filter",
}
"""A provider's finish reason → the common one."""

THINKING = re.compile(r"\s*<(think|thinking|thought|reasoning)>(.*?)(?:</\1>\s*(.*)|$)", re.DOTALL | re.IGNORECASE)
"""Thinking that leads a text: the summaries leave it there, we tell it apart."""

Row = Mapping[str, Any]
Difference = tuple[str, Any, Any]


def summary_differences(summary: Row, row: Row) -> list[dict[str, Any]]:
    """Return where ``row``, the line of a replay, says something else than ``summary``: ``at`` and both values."""
    return [{"at": at, "summary": wanted, "got": got} for at, wanted, got in _differences(summary, row)]


def _differences(summary: Row, row: Row) -> Iterator[Difference]:
    told: Sequence[Row] = summary.get("choices", [summary] if "text" in summary else [])
    found: Sequence[Row] = row["choices"] or [row]
    if told and len(told) != len(found):
        yield "choices", len(told), len(found)
    for place, (wanted, got) in enumerate(zip(told, found, strict=False)):
        at = f"choices[{place}]."
        text, thought = _text(wanted.get("text")), wanted.get("reasoning_chars") or 0
        if found_in_it := THINKING.match(text):
            text, thought = found_in_it[3] or "", thought + len(found_in_it[2].strip())
        if text != _text(got["text"]):
            yield f"{at}text", text, got["text"]
        if thought != (got["reasoning_chars"] or 0):
            yield f"{at}reasoning_chars", thought, got["reasoning_chars"]
        calls, made = _calls(wanted), _calls(got)
        if calls != made:
            yield f"{at}tool_calls", calls, made
        end = _finish(wanted)
        if end != got["finish_reason"]:
            yield f"{at}finish_reason", end, got["finish_reason"]
    if summary.get("usage"):
        yield from _usage(summary["usage"], row["usage"] or {})


def _text(value: Any) -> str:
    return value or ""


def _calls(choice: Row) -> list[tuple[str, Any]]:
    return [(call.get("name"), _arguments(call.get("arguments"))) for call in choice.get("tool_calls") or ()]


def _arguments(value: Any) -> Any:
    """Return arguments as a value; none at all are an empty object, a text cut short stays a text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value or "{}")
    except ValueError:
        return value


def _finish(choice: Row) -> str | None:
    told = choice.get("finish_reason")
    found = FINISHES.get(told, told)
    return "tool_calls" if found in ("stop", None) and choice.get("tool_calls") else found


def _usage(told: Row, got: Row) -> Iterator[Difference]:
    if "totalTokenCount" in told or "promptTokenCount" in told:
        # Google's candidates exclude the thoughts, our completion includes them.
        parts = (told.get("candidatesTokenCount"), told.get("thoughtsTokenCount"))
        wanted = {
            "prompt_tokens": told.get("promptTokenCount"),
            "completion_tokens": sum(part or 0 for part in parts),
            "total_tokens": told.get("totalTokenCount"),
        }
    else:
        wanted = {name: told.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    for name, value in wanted.items():
        if value is not None and value != got.get(name):
            yield f"usage.{name}", value, got.get(name)
