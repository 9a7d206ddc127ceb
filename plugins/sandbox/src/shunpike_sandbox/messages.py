"""Reads the OpenAI shape of messages and tools, which six of the seven share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shunpike_sandbox.asks import Call, Tool, Turn
from shunpike_sandbox.bodies import name_of
from shunpike_sandbox.refusals import Invalid, Problem

ROLES = ("system", "developer", "user", "assistant", "tool")
_ROLE_WORDS = {"developer": "system", "function": "tool"}
_PART_KINDS = ("text", "image_url", "input_audio", "file", "video_url", "refusal")
_TOOL_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:")


@dataclass(frozen=True, slots=True)
class Manners:
    """How strict a provider is about messages."""

    roles: tuple[str, ...] = ROLES
    vision: bool = True
    pairs: bool = True
    """Whether every tool call must be answered before the next turn."""
    max_tools: int = 128
    named_messages: bool = True


def turns(messages: Any, manners: Manners) -> tuple[Turn, ...]:
    """Read the messages, or say what is wrong with them."""
    if messages is None:
        raise Invalid(Problem("missing", "messages", "Missing required parameter: 'messages'."))
    if not isinstance(messages, list):
        raise Invalid(Problem("type", "messages", "must be an array", "array", name_of(messages)))
    if not messages:
        raise Invalid(Problem("empty", "messages", "[] is too short - 'messages'", "an array with minimum length 1"))
    names: dict[str, str] = {}
    found = [_turn(f"messages[{number}]", message, manners, names) for number, message in enumerate(messages)]
    if manners.pairs:
        _paired(messages)
    return tuple(found)


def _turn(where: str, message: Any, manners: Manners, names: dict[str, str]) -> Turn:
    if not isinstance(message, Mapping):
        raise Invalid(Problem("type", where, "must be an object", "object", name_of(message)))
    role = message.get("role")
    if role is None:
        raise Invalid(Problem("missing", f"{where}.role", f"Missing required parameter: '{where}.role'."))
    if role not in manners.roles:
        allowed = ", ".join(f"'{one}'" for one in manners.roles)
        raise Invalid(Problem("value", f"{where}.role", f"Invalid value: '{role}'", allowed, f"'{role}'"))
    if not manners.named_messages and message.get("name") is not None:
        raise Invalid(Problem("unsupported", f"{where}.name", "property 'name' is unsupported"))
    role = str(role)
    text, images = _content(where, role, message.get("content"), message, manners)
    calls = _calls(f"{where}.tool_calls", message.get("tool_calls")) if role == "assistant" else ()
    names.update({call.id: call.name for call in calls})
    name = ""
    if role == "tool":
        call_id = message.get("tool_call_id")
        if not isinstance(call_id, str):
            problem = f"Missing required parameter: '{where}.tool_call_id'."
            raise Invalid(Problem("missing", f"{where}.tool_call_id", problem))
        name = names.get(call_id, "")
    return Turn(_ROLE_WORDS.get(role, role), text, calls, name, images)


def _content(where: str, role: str, content: Any, message: Mapping[str, Any], manners: Manners) -> tuple[str, int]:
    if content is None:
        if role == "assistant" and (message.get("tool_calls") or message.get("refusal")):
            return "", 0
        got = "null" if "content" in message else "nothing"
        problem = f"Invalid value for 'content': expected a string, got {got}."
        raise Invalid(Problem("type", f"{where}.content", problem, "string", got))
    if isinstance(content, str):
        return content, 0
    if not isinstance(content, list):
        expected = "one of a string or array of objects"
        raise Invalid(Problem("type", f"{where}.content", f"expected {expected}", expected, name_of(content)))
    texts: list[str] = []
    images = 0
    for number, part in enumerate(content):
        text, image = _part(f"{where}.content[{number}]", part, manners)
        texts.append(text)
        images += image
    return "\n".join(text for text in texts if text), images


def _part(where: str, part: Any, manners: Manners) -> tuple[str, int]:
    if not isinstance(part, Mapping):
        raise Invalid(Problem("type", where, "must be an object", "object", name_of(part)))
    kind = part.get("type")
    if kind in ("text", "refusal"):
        text = part.get("text", part.get("refusal"))
        if not isinstance(text, str):
            raise Invalid(Problem("type", f"{where}.text", "must be a string", "string", name_of(text)))
        return text, 0
    if kind == "image_url" and manners.vision:
        link = part.get("image_url")
        url = link.get("url") if isinstance(link, Mapping) else link
        if not isinstance(url, str) or not url.startswith(("https://", "http://", "data:image/")):
            raise Invalid(Problem("value", f"{where}.image_url", "Invalid image URL", "a link or data", str(url)[:40]))
        return "", 1
    if kind in _PART_KINDS:
        raise Invalid(Problem("unsupported", where, f"unknown variant `{kind}`, expected `text`", "text", str(kind)))
    allowed = ", ".join(f"'{one}'" for one in _PART_KINDS[:4])
    raise Invalid(Problem("value", f"{where}.type", f"Invalid value: '{kind}'", allowed, f"'{kind}'"))


def _calls(where: str, value: Any) -> tuple[Call, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Invalid(Problem("type", where, "must be an array", "array", name_of(value)))
    calls: list[Call] = []
    for number, one in enumerate(value):
        function = one.get("function") if isinstance(one, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            spot = f"{where}[{number}].function"
            raise Invalid(Problem("missing", spot, f"Missing required parameter: '{spot}'."))
        arguments = function.get("arguments", "{}")
        if not isinstance(arguments, str):
            spot = f"{where}[{number}].function.arguments"
            raise Invalid(Problem("type", spot, "must be a string", "string", name_of(arguments)))
        calls.append(Call(str(one.get("id", "")), function["name"], arguments))
    return tuple(calls)


def _paired(messages: list[Any]) -> None:
    """Every tool call is answered at once, and nothing answers a call that was not made."""
    open_ids: list[str] = []
    for number, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_ids:
                problem = (
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'."
                )
                raise Invalid(Problem("value", f"messages[{number}].role", problem))
            open_ids.remove(message["tool_call_id"])
            continue
        _answered(open_ids, number)
        if message["role"] == "assistant":
            open_ids = [str(call.get("id", "")) for call in message.get("tool_calls") or ()]
    _answered(open_ids, len(messages))


def _answered(open_ids: list[str], number: int) -> None:
    if open_ids:
        problem = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(open_ids)}"
        )
        raise Invalid(Problem("value", f"messages[{max(0, number - 1)}].role", problem))


def tools(value: Any, manners: Manners) -> tuple[Tool, ...]:
    """Read the tools, or say what is wrong with them."""
    if value is None:
        return ()
    if len(value) > manners.max_tools:
        longest = f"at most {manners.max_tools} items"
        raise Invalid(Problem("value", "tools", f"expected an array with {longest}", longest, str(len(value))))
    return tuple(_tool(f"tools[{number}]", one) for number, one in enumerate(value))


def _tool(where: str, value: Any) -> Tool:
    if not isinstance(value, Mapping):
        raise Invalid(Problem("type", where, "must be an object", "object", name_of(value)))
    if value.get("type") != "function":
        got = f"'{value.get('type')}'"
        raise Invalid(Problem("value", f"{where}.type", f"Invalid value: {got}", "'function'", got))
    function = value.get("function")
    if not isinstance(function, Mapping):
        raise Invalid(Problem("missing", f"{where}.function", f"Missing required parameter: '{where}.function'."))
    name = function.get("name")
    if not isinstance(name, str) or not name:
        spot = f"{where}.function.name"
        raise Invalid(Problem("missing", spot, f"Missing required parameter: '{spot}'."))
    if len(name) > 64 or not set(name) <= _TOOL_NAME:
        problem = (
            "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$', got "
            f"'{name[:80]}'"
        )
        raise Invalid(Problem("value", f"{where}.function.name", problem, "'^[a-zA-Z0-9_-]+$'", f"'{name[:80]}'"))
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(schema, Mapping):
        raise Invalid(Problem("type", f"{where}.function.parameters", "must be an object", "object", name_of(schema)))
    return Tool(name, str(function.get("description") or ""), schema)


def choice(value: Any, offered: tuple[Tool, ...]) -> tuple[str, tuple[str, ...]]:
    """Read ``tool_choice``: its mode and the names it allows."""
    if value is None:
        return "auto", ()
    if not offered and value != "none":
        raise Invalid(Problem("value", "tool_choice", "'tool_choice' is only allowed when 'tools' are specified."))
    if isinstance(value, str):
        if value not in ("none", "auto", "required", "any"):
            raise Invalid(
                Problem("value", "tool_choice", "Invalid value", "'none', 'auto', and 'required'", f"'{value}'")
            )
        return ("required" if value == "any" else value), ()
    if not isinstance(value, Mapping):
        raise Invalid(
            Problem("type", "tool_choice", "must be a string or an object", "string or object", name_of(value))
        )
    function = value.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    if name not in {tool.name for tool in offered}:
        problem = f"Tool choice '{name}' not found in 'tools' parameter."
        raise Invalid(Problem("value", "tool_choice", problem, "a tool in 'tools'", f"'{name}'"))
    return "named", (str(name),)


def tools_text(value: Any) -> str:
    """Return the tools as text, for counting."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""


def response_format(value: Any) -> tuple[str, Any]:
    """Read ``response_format``: text, json or schema, and the schema."""
    if value is None:
        return "text", None
    kind = value.get("type")
    if kind == "text":
        return "text", None
    if kind == "json_object":
        return ("schema", value["schema"]) if isinstance(value.get("schema"), Mapping) else ("json", None)
    if kind != "json_schema":
        allowed = "'json_object', 'json_schema', and 'text'"
        raise Invalid(Problem("value", "response_format.type", "Invalid value", allowed, f"'{kind}'"))
    inner = value.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, Mapping) else value.get("schema")
    if not isinstance(schema, Mapping):
        spot = "response_format.json_schema"
        raise Invalid(Problem("missing", spot, f"Missing required parameter: '{spot}'."))
    return "schema", schema
