"""Tools as the Responses API has them, and as the functions that every provider takes.

| a client's tool              | what a provider sees                                              |
| ---------------------------- | ----------------------------------------------------------------- |
| ``function``                 | that function                                                     |
| ``custom``                   | a function with one text, ``input``                               |
| those in a ``namespace``     | the same, under ``namespace__name``                               |
| one that OpenAI runs itself  | nothing: it is left out, and that is told                         |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shunpike_gateway.exchange import RejectedBody
from shunpike_gateway.responses import fields
from shunpike_gateway.responses.custom_input import whole_characters
from shunpike_gateway.tool_ids import safe_name

INPUT = "input"
"""The one argument of a custom tool."""
_CHOICES = ("auto", "none", "required")
_CALLED = ("function", "custom")


@dataclass(frozen=True)
class ClientTool:
    """A tool under the name that its client has for it."""

    name: str
    namespace: str | None = None
    is_custom: bool = False


class ToolTable:
    """The tools of one request, by both of their names."""

    def __init__(self) -> None:
        self._functions: dict[str, dict[str, Any]] = {}
        self._tools: dict[str, ClientTool] = {}
        self._seen: dict[tuple[str | None, str], str] = {}
        self.dropped: list[str] = []
        """Types of tools that nobody here has, in the order in which they came."""

    @property
    def functions(self) -> list[dict[str, Any]]:
        """The tools as chat completions have them."""
        return list(self._functions.values())

    def add(self, listed: Any, place: str, namespace: str | None = None) -> None:
        """Take in the tools of a list; one that comes again replaces the first. Raises `RejectedBody`."""
        for index, value in enumerate(fields.listing(listed, place)):
            here = f"{place}[{index}]"
            tool = fields.table(value, here)
            kind = fields.name(tool.get("type"), f"{here}.type")
            if kind == "namespace" and namespace is None:
                inner = fields.name(tool.get("name"), f"{here}.name")
                self.add(tool.get("tools"), f"{here}.tools", inner)
            elif kind in _CALLED:
                self._take(tool, here, namespace)
            elif kind not in self.dropped:
                self.dropped.append(kind)

    def _take(self, tool: Mapping[str, Any], place: str, namespace: str | None) -> None:
        found = ClientTool(fields.name(tool.get("name"), f"{place}.name"), namespace, tool["type"] == "custom")
        seen = self._seen.get((namespace, found.name)) or self._free(found)
        self._seen[namespace, found.name] = seen
        self._tools[seen] = found
        function = _custom(tool, place) if found.is_custom else _function(tool, place)
        self._functions[seen] = {"type": "function", "function": {"name": seen, **function}}

    def _free(self, tool: ClientTool) -> str:
        seen = _name(tool.name, tool.namespace)
        return seen if seen not in self._tools else safe_name(f"{seen}.{len(self._tools)}")

    def name_of(self, name: str, namespace: str | None) -> str:
        """Return the name under which a provider sees a tool, also one that is not in the list any more."""
        # A tool that a search has found is told in a namespace that its list does not have.
        found = self._seen.get((namespace, name)) or self._seen.get((None, name))
        return found or _name(name, namespace)

    def tool(self, seen: str) -> ClientTool:
        """Return the tool that a provider calls ``seen``; one that nobody listed under its own name."""
        return self._tools.get(seen) or ClientTool(seen)

    def choose(self, choice: Any) -> Any:
        """Return ``tool_choice`` in the words of chat completions; a choice of some tools leaves only those.

        Raises `RejectedBody`.
        """
        if choice is None or isinstance(choice, str):
            if choice is not None and choice not in _CHOICES:
                raise fields.wrong(choice, "tool_choice", f"one of {', '.join(_CHOICES)}, or an object")
            return self._possible(choice)
        kind = fields.name(fields.table(choice, "tool_choice").get("type"), "tool_choice.type")
        if kind in _CALLED:
            seen = self._chosen(choice, "tool_choice")
            return {"type": "function", "function": {"name": seen}}
        if kind == "allowed_tools":
            return self._allow(choice)
        if kind not in self.dropped:
            self.dropped.append(kind)
        return None

    def _possible(self, choice: str | None) -> str | None:
        return None if choice == "required" and not self._functions and self.dropped else choice

    def _allow(self, choice: Mapping[str, Any]) -> str | None:
        mode = choice.get("mode", "auto")
        if mode not in ("auto", "required"):
            raise fields.wrong(mode, "tool_choice.mode", "auto or required")
        allowed = set()
        for index, value in enumerate(fields.listing(choice.get("tools"), "tool_choice.tools")):
            here = f"tool_choice.tools[{index}]"
            if fields.table(value, here).get("type") in _CALLED:
                allowed.add(self._chosen(value, here))
        self._functions = {seen: tool for seen, tool in self._functions.items() if seen in allowed}
        return str(mode) if self._functions else None

    def _chosen(self, choice: Mapping[str, Any], place: str) -> str:
        name, namespace = fields.name(choice.get("name"), f"{place}.name"), namespace_of(choice, place)
        seen = self._seen.get((namespace, name))
        if seen is None:
            # A choice does not always say in which namespace its tool is.
            seen = next((one for (_, told), one in self._seen.items() if told == name), None)
        if seen is None:
            raise RejectedBody(f"{place} names a tool that is not in tools", param=place)
        return seen


def namespace_of(row: Mapping[str, Any], place: str) -> str | None:
    """Return the namespace that a call or a choice names, None where it names none. Raises `RejectedBody`."""
    namespace = row.get("namespace")
    return None if namespace is None else fields.text(namespace, f"{place}.namespace")


def _name(name: str, namespace: str | None) -> str:
    return safe_name(name if namespace is None else f"{namespace.rstrip('_')}__{name}")


def _function(tool: Mapping[str, Any], place: str) -> dict[str, Any]:
    schema = tool.get("parameters")
    found: dict[str, Any] = {} if schema is None else {"parameters": fields.table(schema, f"{place}.parameters")}
    if (description := tool.get("description")) is not None:
        found["description"] = fields.text(description, f"{place}.description")
    if (strict := tool.get("strict")) is not None:
        found["strict"] = bool(strict)
    return found


def _custom(tool: Mapping[str, Any], place: str) -> dict[str, Any]:
    told = tool.get("description")
    described = [] if told is None else [fields.text(told, f"{place}.description")]
    form = tool.get("format")
    if isinstance(form, dict) and form.get("type") == "grammar":
        syntax, definition = form.get("syntax"), form.get("definition")
        described.append(f"The input must follow this grammar ({syntax}):\n{definition}")
    schema = {
        "type": "object",
        "properties": {INPUT: {"type": "string", "description": "The whole input of the tool, as plain text."}},
        "required": [INPUT],
        "additionalProperties": False,
    }
    return {"description": "\n\n".join(described), "parameters": schema} if described else {"parameters": schema}


def arguments_of_custom(text: str) -> str:
    """Return the arguments of the function that stands for a custom tool."""
    return json.dumps({INPUT: text}, ensure_ascii=False)


def input_of_custom(arguments: str) -> str:
    """Return what a model gave a custom tool: the one text in its arguments, else all that it wrote."""
    try:
        found = json.loads(arguments, strict=False)
    except ValueError:
        return arguments
    if isinstance(found, dict):
        found = found.get(INPUT) if INPUT in found or len(found) != 1 else next(iter(found.values()))
    return whole_characters(found) if isinstance(found, str) else arguments
