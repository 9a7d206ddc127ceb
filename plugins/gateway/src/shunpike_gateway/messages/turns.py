"""The conversation of a Messages body as chat messages.

What belongs to one model and means nothing to another (thoughts and their signatures, steps that ran at Anthropic) is
left out; `shunpike_gateway.replay` puts back what this gateway's own providers want.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from shunpike_gateway.exchange import RejectedBody
from shunpike_gateway.messages.checks import Json, blocks, missing, table, text, wrong
from shunpike_gateway.messages.media import document, picture, search_result
from shunpike_gateway.tool_ids import safe_id, safe_name

BILLING = "x-anthropic-billing-header:"
"""How a text begins that Claude Code puts before the instructions: it differs each time, and ends every cache."""
_THOUGHTS = ("thinking", "redacted_thinking")
"""Types of blocks, in a tuple: the type that a client gives may be no text, which no set can look up."""


def instructions(system: Any, dropped: list[str]) -> list[Json]:
    """Return the system message, none where nothing is said. Raises `RejectedBody`."""
    if system is None:
        return []
    texts = []
    for place, block in blocks(system, "system"):
        said = text(block, "text", place)
        if said.startswith(BILLING):
            dropped.append("Anthropic's billing text before the instructions was left out")
        elif said:
            texts.append(said)
    return [{"role": "system", "content": "\n".join(texts)}] if texts else []


def conversation(messages: Any, dropped: list[str]) -> list[Json]:
    """Return the turns. Raises `RejectedBody` naming what can't be."""
    if messages is None:
        raise missing("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise wrong("messages", "a list of at least one message", messages)
    found: list[Json] = []
    calls: dict[str, str] = {}
    for number, message in enumerate(messages):
        place = f"messages.{number}"
        row = table(message, place)
        if row.get("content") is None:
            raise missing(f"{place}.content")
        _check_answered(row, calls, place)
        match row.get("role"):
            case "user":
                found += _asked(row["content"], f"{place}.content", calls, dropped)
                calls = {}
            case "assistant":
                turn, calls = _answered(row["content"], f"{place}.content", dropped)
                found += turn
            case "system":
                found += _told(row["content"], f"{place}.content", dropped)
            case other:
                raise wrong(f"{place}.role", "'user' or 'assistant'", other)
    return found


def _check_answered(row: Mapping[str, Any], calls: Mapping[str, str], place: str) -> None:
    """Reject a turn that leaves calls without results: every provider refuses it, each in words of its own."""
    if not calls or row.get("role") == "system":
        return
    content = row["content"] if row.get("role") == "user" and isinstance(row["content"], list) else []
    there = [block.get("tool_use_id") for block in content if isinstance(block, Mapping)]
    if lost := [told for told in calls if told not in there]:
        raise RejectedBody(
            f"{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(lost)}",
            param=f"{place}.content",
        )


def _asked(content: Any, place: str, calls: Mapping[str, str], dropped: list[str]) -> list[Json]:
    """Return the messages of a user's turn: the results of tools first, and what is said after them."""
    results: list[Json] = []
    said: list[Json] = []
    for where, block in blocks(content, place):
        if block.get("type") == "tool_result":
            result, shown = _result(block, where, calls, dropped)
            results.append(result)
            said += shown
        else:
            said += _parts(block, where, dropped)
    return [*results, *([{"role": "user", "content": _plain(said)}] if said else [])]


def _result(
    block: Mapping[str, Any], place: str, calls: Mapping[str, str], dropped: list[str]
) -> tuple[Json, list[Json]]:
    """Return the result of a tool, and what it shows that only a user's message can hold."""
    told = text(block, "tool_use_id", place)
    if told not in calls:
        raise RejectedBody(
            f"{place}: unexpected `tool_use_id` found in `tool_result` blocks: {told[:80]}. Each `tool_result` block "
            "must have a corresponding `tool_use` block in the previous message.",
            param=f"{place}.tool_use_id",
        )
    words, shown = [], []
    for where, inner in blocks(block.get("content") or "", f"{place}.tool_result.content"):
        for part in _parts(inner, where, dropped):
            if part["type"] == "text":
                words.append(part["text"])
            else:
                shown.append(part)
    said = "\n".join(words)
    if block.get("is_error") is True:
        said = f"Error: {said}" if said else "Error"
    if shown:
        note = f"What the call {safe_id(told)} of {calls[told]} showed:"
        shown = [{"type": "text", "text": note}, *shown]
        said = said or "The result is shown in the next message."
    return {"role": "tool", "tool_call_id": safe_id(told), "content": said}, shown


def _answered(content: Any, place: str, dropped: list[str]) -> tuple[list[Json], dict[str, str]]:
    """Return an assistant's turn, and the calls that it makes: id → name."""
    said: list[str] = []
    made: list[Json] = []
    calls: dict[str, str] = {}
    for where, block in blocks(content, place):
        kind = block.get("type")
        if kind == "tool_use":
            name, told = text(block, "name", where), text(block, "id", where)
            given = table(block.get("input") or {}, f"{where}.input")
            calls[told] = name
            arguments = json.dumps(given, ensure_ascii=False, separators=(",", ":"))
            function = {"name": safe_name(name), "arguments": arguments}
            made.append({"id": safe_id(told), "type": "function", "function": function})
        elif kind == "text":
            said.append(text(block, "text", where))
        elif kind == "compaction" and isinstance(block.get("content"), str):
            said.append(block["content"])
        elif kind not in _THOUGHTS:
            dropped.append(f"a {str(kind)[:64]!r} block of an earlier answer was left out")
    turn: Json = {"role": "assistant", "content": "".join(said)}
    if made:
        turn["tool_calls"] = made
    return ([turn] if made or turn["content"] else []), calls


def _told(content: Any, place: str, dropped: list[str]) -> list[Json]:
    """Return instructions in the midst of a conversation."""
    parts = [part for where, block in blocks(content, place) for part in _parts(block, where, dropped)]
    words = "\n".join(part["text"] for part in parts if part["type"] == "text")
    return [{"role": "system", "content": words}] if words else []


def _parts(block: Mapping[str, Any], place: str, dropped: list[str]) -> list[Json]:
    """Return the parts of what is said to the model; what nobody here knows is left out, and told."""
    match block.get("type"):
        case "text":
            said = text(block, "text", place)
            return [{"type": "text", "text": said}] if said else []
        case "image":
            return [picture(block, place)]
        case "document":
            return document(block, place)
        case "search_result":
            return [search_result(block, place)]
        case "tool_reference":
            return [{"type": "text", "text": str(block.get("tool_name") or block.get("name") or "")}]
        case None:
            raise missing(f"{place}.type")
        case kind:
            dropped.append(f"a {str(kind)[:64]!r} block is unknown here and was left out")
            return []


def _plain(parts: Sequence[Json]) -> Any:
    """Return a lone text as a text, which every provider takes."""
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else list(parts)
