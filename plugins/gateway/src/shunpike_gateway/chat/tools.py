"""The tools of a chat body: what every provider would refuse is rejected here, by its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike.validation import shown
from shunpike_gateway.exchange import RejectedBody

_CHOICES = ("auto", "none", "required")


def check_tools(fields: Mapping[str, Any]) -> None:
    """Raise `RejectedBody` for a tool that is no function with a name, and for a choice that is none."""
    for place, tool in enumerate(fields.get("tools", ())):
        _check_tool(tool, f"tools.{place}")
    choice = fields.get("tool_choice")
    if isinstance(choice, str) and choice not in _CHOICES:
        message = f"tool_choice must be {', '.join(_CHOICES)}, or an object that names a tool, got {shown(choice)}"
        raise RejectedBody(message, param="tool_choice")


def _check_tool(tool: Mapping[str, Any], where: str) -> None:
    if tool.get("type", "function") != "function":
        message = f"{where}.type must be 'function', got {shown(tool['type'])}: others can't be run here"
        raise RejectedBody(message, param=f"{where}.type", code="unsupported_tool")
    function = tool.get("function")
    if not isinstance(function, dict):
        raise RejectedBody(f"{where}.function must be an object, got {shown(function)}", param=f"{where}.function")
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise RejectedBody(f"{where}.function.name must be a name, got {shown(name)}", param=f"{where}.function.name")
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        message = f"{where}.function.parameters must be a JSON schema, got {shown(parameters)}"
        raise RejectedBody(message, param=f"{where}.function.parameters")
