"""Reads what a request in the OpenAI shape offers and wants: tools, the choice among them, the form of the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.asks import ParsedRequest, Tool
from shunpike_sandbox.bodies import name_of, too_long
from shunpike_sandbox.messages import Manners
from shunpike_sandbox.refusals import Problem
from shunpike_sandbox.schema_shape import misfit


def tools(value: Any, manners: Manners) -> tuple[Tool, ...]:
    """Read the tools, or say what is wrong with them."""
    if value is None:
        return ()
    if not value and manners.refuses_no_tools:
        raise Problem("empty", "tools", "[] is too short - 'tools'", "an array with minimum length 1")
    if len(value) > manners.max_tools:
        raise too_long("tools", "array", "items", manners.max_tools, len(value))
    return tuple(_tool(f"tools[{number}]", one, manners) for number, one in enumerate(value))


def _tool(where: str, value: Any, manners: Manners) -> Tool:
    if not isinstance(value, Mapping):
        raise Problem("type", where, "must be an object", "object", name_of(value))
    if value.get("type") != "function":
        got = f"'{value.get('type')}'"
        raise Problem("value", f"{where}.type", f"Invalid value: {got}", "'function'", got)
    function = value.get("function")
    if not isinstance(function, Mapping):
        raise Problem("missing", f"{where}.function", f"Missing required parameter: '{where}.function'.")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        spot = f"{where}.function.name"
        raise Problem("missing", spot, f"Missing required parameter: '{spot}'.")
    _name(f"{where}.function.name", name, manners)
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    spot = f"{where}.function.parameters"
    if not isinstance(schema, Mapping):
        raise Problem("type", spot, "must be an object", "object", name_of(schema))
    _sensible(schema, f"function '{name}'", spot)
    return Tool(name, str(function.get("description") or ""), schema)


def _sensible(schema: Mapping[str, Any], what: str, param: str) -> None:
    wrong = misfit(schema)
    if wrong is not None:
        told = f"{json.dumps(wrong[1])[:80]} is not valid under any of the given schemas"
        raise Problem("schema", param, f"Invalid schema for {what}: In {wrong[0]}: {told}.")


def _name(where: str, name: str, manners: Manners) -> None:
    if len(name) > manners.max_tool_name:
        raise too_long(where, "string", "characters", manners.max_tool_name, len(name))
    if not re.search(manners.tool_name, name):
        what = f"Expected a string that matches the pattern '{manners.tool_name}'."
        raise Problem("pattern", where, f"string does not match pattern. {what}", manners.tool_name, name)


def choice(value: Any, offered: tuple[Tool, ...]) -> tuple[str, tuple[str, ...]]:
    """Read ``tool_choice``: its mode and the names it allows."""
    if value is None:
        return "auto", ()
    if not offered and value != "none":
        raise Problem("value", "tool_choice", "'tool_choice' is only allowed when 'tools' are specified.")
    if isinstance(value, str):
        if value not in ("none", "auto", "required", "any"):
            raise Problem("value", "tool_choice", "Invalid value", "'none', 'auto', and 'required'", f"'{value}'")
        return ("required" if value == "any" else value), ()
    if not isinstance(value, Mapping):
        raise Problem("type", "tool_choice", "must be a string or an object", "string or object", name_of(value))
    function = value.get("function")
    name = function.get("name") if isinstance(function, Mapping) else None
    if name not in [tool.name for tool in offered]:
        problem = f"Tool choice '{name}' not found in 'tools' parameter."
        raise Problem("value", "tool_choice", problem, "a tool in 'tools'", f"'{name}'")
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
    if kind == "json_object" and not isinstance(value.get("schema"), Mapping):
        return "json", None
    if kind not in ("json_object", "json_schema"):
        allowed = "'json_object', 'json_schema', and 'text'"
        raise Problem("value", "response_format.type", "Invalid value", allowed, f"'{kind}'")
    inner = value.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, Mapping) else value.get("schema")
    if not isinstance(schema, Mapping):
        spot = "response_format.json_schema"
        raise Problem("missing", spot, f"Missing required parameter: '{spot}'.")
    name = inner.get("name") if isinstance(inner, Mapping) else "response"
    _sensible(schema, f"response_format '{name}'", "response_format")
    return "schema", schema


def asks_for_json(body: Mapping[str, Any], ask: ParsedRequest) -> None:
    """Refuse JSON mode where no message asks for JSON."""
    if (body.get("response_format") or {}).get("type") == "json_object" and "json" not in ask.text.lower():
        told = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        raise Problem("other", "messages", told)
