"""Tools of a Messages body as functions: the client's own, and those of Anthropic's that the client itself carries out.

What would run at Anthropic (a web search, a sandbox for code) is nobody's here: it is left out, and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shunpike_gateway.exchange import RejectedBody
from shunpike_gateway.messages.checks import Json, missing, table, text, wrong
from shunpike_gateway.tool_ids import safe_name

_PATH = {"type": "string", "description": "Absolute path of the file or the folder."}
_RANGE = {"type": "array", "items": {"type": "integer"}, "description": "First and last line; -1 is the end."}
_EDITS = {
    "path": _PATH,
    "file_text": {"type": "string", "description": "For create: the whole file."},
    "old_str": {"type": "string", "description": "For str_replace: what is there now, once."},
    "new_str": {"type": "string", "description": "For str_replace: what comes in its place."},
    "insert_line": {"type": "integer", "description": "For insert: the line after which the text comes; 0 = first."},
    "insert_text": {"type": "string", "description": "For insert: the text."},
    "view_range": _RANGE,
}
_POINT = {"type": "array", "items": {"type": "integer"}, "description": "x and y in pixels."}
_ACTIONS = (
    "screenshot key type mouse_move left_click left_click_drag right_click middle_click double_click triple_click "
    "left_mouse_down left_mouse_up scroll hold_key wait cursor_position zoom"
)


def _function(description: str, required: Iterable[str], **properties: Any) -> Json:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"description": description, "parameters": schema}


def _command(words: str) -> Json:
    return {"type": "string", "enum": words.split()}


_CARRIED_OUT = {
    "bash": _function(
        "Run a command in a shell that keeps its state.",
        (),
        command={"type": "string", "description": "The command."},
        restart={"type": "boolean", "description": "Start the shell anew instead."},
    ),
    "text_editor": _function(
        "View and edit text files.", ("command", "path"), command=_command("view create str_replace insert"), **_EDITS
    ),
    "memory": _function(
        "Read and write the files of a memory folder that outlives this conversation. Look at /memories first.",
        ("command",),
        command=_command("view create str_replace insert delete rename"),
        **_EDITS,
        old_path={"type": "string", "description": "For rename."},
        new_path={"type": "string", "description": "For rename."},
    ),
    "computer": _function(
        "Use a computer by its screen, mouse and keyboard. Take a screenshot first, and after what you did.",
        ("action",),
        action=_command(_ACTIONS),
        coordinate=_POINT,
        start_coordinate=_POINT,
        text={"type": "string", "description": "What to type, or the keys to press."},
        duration={"type": "number", "description": "Seconds, for hold_key and wait."},
        scroll_direction=_command("up down left right"),
        scroll_amount={"type": "integer"},
        region={"type": "array", "items": {"type": "integer"}, "description": "For zoom: two corners."},
    ),
}
"""The beginning of a tool's type → what a model must know of it; Anthropic's models know it by heart."""
_KNOWN = frozenset(
    (
        *("name", "description", "input_schema", "type", "cache_control", "defer_loading", "eager_input_streaming"),
        *("input_examples", "allowed_callers", "strict", "display_width_px", "display_height_px", "display_number"),
        *("enable_zoom", "max_characters"),
    )
)
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def functions(tools: Any, dropped: list[str]) -> list[Json]:
    """Return the tools as functions; what is left out is told in ``dropped``. Raises `RejectedBody`."""
    if not isinstance(tools, list):
        raise wrong("tools", "a list", tools)
    found: list[Json] = []
    for number, tool in enumerate(tools):
        place = f"tools.{number}"
        row = table(tool, place)
        kind = row.get("type") or "custom"
        made = _own(row, place) if kind == "custom" else _anthropic(row, str(kind), place)
        if made is None:
            dropped.append(f"the tool {str(row.get('name') or kind)[:64]!r} runs at Anthropic and was left out")
            continue
        if any(one["function"]["name"] == made["name"] for one in found):
            raise RejectedBody(f"tools: Tool names must be unique: {row.get('name')!r} stands twice", param="tools")
        unknown = sorted(set(row) - _KNOWN)
        dropped += [f"{name[:64]!a} of a tool is unknown and was left out" for name in unknown]
        found.append({"type": "function", "function": made})
    return found


def choice(body: Mapping[str, Any], names: frozenset[str]) -> Json:
    """Return the fields that a tool choice becomes, for the functions ``names``. Raises `RejectedBody`."""
    if body.get("tool_choice") is None:
        return {}
    wanted = table(body["tool_choice"], "tool_choice")
    kind = wanted.get("type")
    if kind not in ("tool", *_CHOICES):
        raise wrong("tool_choice.type", "'auto', 'any', 'tool' or 'none'", kind)
    found: Json = {"parallel_tool_calls": False} if wanted.get("disable_parallel_tool_use") is True else {}
    if not names:
        return {}
    if kind != "tool":
        return {**found, "tool_choice": _CHOICES[kind]}
    name = text(wanted, "name", "tool_choice")
    if safe_name(name) not in names:
        raise RejectedBody(f"tool_choice.name: no tool is called {name[:80]!r}", param="tool_choice.name")
    return {**found, "tool_choice": {"type": "function", "function": {"name": safe_name(name)}}}


def _own(row: Mapping[str, Any], place: str) -> Json:
    name = text(row, "name", place)
    if not name:
        raise wrong(f"{place}.name", "a name", name)
    if row.get("input_schema") is None:
        raise missing(f"{place}.input_schema")
    schema = table(row["input_schema"], f"{place}.input_schema")
    told = row.get("description")
    described = {"description": told} if isinstance(told, str) and told else {}
    return {"name": safe_name(name), **described, "parameters": {"type": "object", **schema}}


def _anthropic(row: Mapping[str, Any], kind: str, place: str) -> Json | None:
    """Return a tool of Anthropic's that the client carries out, None for one that runs at Anthropic."""
    known = next((made for start, made in _CARRIED_OUT.items() if kind.startswith(f"{start}_2")), None)
    if known is None:
        return None
    size = [row.get(name) for name in ("display_width_px", "display_height_px")]
    screen = f" The screen is {size[0]} by {size[1]} pixels." if all(isinstance(one, int) for one in size) else ""
    return {"name": safe_name(text(row, "name", place)), **known, "description": known["description"] + screen}
