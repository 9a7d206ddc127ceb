"""What of a request is given: clients and frameworks fill fields in with values that say nothing.

An empty list of tools is refused by some providers and means the same as none; so it is left out before anything is
made of it. What contradicts itself is not: it is an error that names both sides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

NOT_GIVEN = frozenset({"NotGiven", "Omit", "PydanticUndefinedType"})
"""Names of the types whose one value says in other libraries that an argument was not given."""
NEUTRAL: Mapping[str, object] = {"presence_penalty": 0, "frequency_penalty": 0, "logprobs": False, "top_logprobs": 0}
"""Parameters with the value that they have anyway, which some clients always send and some providers refuse."""
LISTS = frozenset({"messages", "tools", "functions", "stop"})
"""Fields of which an empty table is a mistake and not an empty list."""
UNFORCED = (None, "auto", "none")
"""Choices among tools that are kept where there are none."""


def says_nothing(value: Any) -> bool:
    """Whether a value is as good as none: None, an empty text, list or table, or a library's word for "not given"."""
    return value is None or (isinstance(value, str | list | tuple | dict) and not value) or _is_ungiven(value)


def asked_for(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request without those that say nothing."""
    found = {name: value for name, value in fields.items() if not _is_empty(name, value)}
    for name, neutral in NEUTRAL.items():
        if name in found and found[name] == neutral and not (name == "top_logprobs" and found.get("logprobs")):
            del found[name]
    if isinstance(stops := found.get("stop"), list | tuple):
        found["stop"] = [stop for stop in stops if not says_nothing(stop)]
    form = found.get("response_format")
    if isinstance(form, Mapping) and (form.get("type") == "text" or all(map(says_nothing, form.values()))):
        del found["response_format"]
    if "tools" not in found:
        found.pop("parallel_tool_calls", None)
        _drop_choice(found, "tool_choice")
    if "functions" not in found:
        _drop_choice(found, "function_call")
    return {name: value for name, value in found.items() if not _is_empty(name, value)}


def said(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a message without those that say nothing; an empty ``content`` stays, alone, as it is.

    Raises `ValueError` for a content that is neither text nor a list of parts, and for a tool's result that is None.
    """
    found = {name: value for name, value in fields.items() if name in ("role", "content") or not says_nothing(value)}
    content = found.get("content")
    if _is_ungiven(content):
        content = None
    if content is None and found.get("role") in ("tool", "function"):
        raise ValueError("a tool message needs the tool's result as its content, got None: one without any is ''")
    if isinstance(content, Iterable) and not isinstance(content, str | bytes | Mapping):
        content = _parts(content)
    elif content is not None and not isinstance(content, str):
        raise ValueError(
            f"the content must be a text or a list of parts, got {type(content).__name__}: data is written as JSON text"
        )
    return {**found, "content": content} if "content" in found else found


def arguments_of(value: Any) -> Any:
    """Return the arguments of a call as JSON text: some libraries keep them as the object, or leave them out."""
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return "{}" if value is None or _is_ungiven(value) else value


def check_choice(choice: str | Mapping[str, Any] | None, tools: Iterable[Any]) -> None:
    """Raise `ValueError` for a choice of what is not among the tools."""
    tools = list(tools)
    if choice is None:
        return
    if not tools and choice not in UNFORCED:
        raise ValueError(f"tool_choice is {choice!r}, but no tools are given: give tools, or leave it out")
    wanted = [] if isinstance(choice, str) else _chosen(choice)
    names = [name for tool in tools if (name := _name(tool))]
    unknown = next((name for name in wanted if name not in names), None)
    if unknown is not None:
        raise ValueError(f"tool_choice names the tool {unknown!r}; expected one of {', '.join(names)}")


def _is_empty(name: str, value: Any) -> bool:
    if name == "messages" or (name in LISTS and isinstance(value, dict)):
        return False
    return says_nothing(value)


def _is_ungiven(value: Any) -> bool:
    return type(value).__name__ in NOT_GIVEN


def _drop_choice(found: dict[str, Any], name: str) -> None:
    if isinstance(found.get(name), str) and found[name] in UNFORCED:
        del found[name]


def _parts(content: Iterable[Any]) -> list[Any] | None:
    """Return the parts of a content without empty texts; a bare text counts as a part."""
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in content]
    return [part for part in parts if not _is_empty_text(part)] or None


def _is_empty_text(part: Any) -> bool:
    if isinstance(part, Mapping):
        return part.get("type", "text") == "text" and part.get("text") == ""
    return getattr(part, "type", None) == "text" and getattr(part, "text", None) == ""


def _chosen(choice: Mapping[str, Any]) -> list[str]:
    """Return the names of the tools that a choice is about; none where it is of a form that is not known here."""
    if choice.get("type") == "allowed_tools" and isinstance(inner := choice.get("allowed_tools"), Mapping):
        listed = inner.get("tools")
        return [name for tool in listed if (name := _name(tool))] if isinstance(listed, list | tuple) else []
    name = _name(choice)
    return [name] if name else []


def _name(tool: Any) -> str:
    """Return the name in a tool or in a choice of one: under its type, as ``function``, or beside it."""
    if not isinstance(tool, Mapping):
        return ""
    inner = tool.get(str(tool.get("type", "function")))
    name = inner.get("name") if isinstance(inner, Mapping) else tool.get("name")
    return name if isinstance(name, str) else ""
