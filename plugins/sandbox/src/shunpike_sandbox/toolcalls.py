"""Decides whether a prompt asks for a tool, and calls it with arguments that fit its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from shunpike_sandbox.answers import keywords
from shunpike_sandbox.asks import ParsedRequest, SimulatedCall, Tool
from shunpike_sandbox.schema_make import instance

_AT_MOST = 4


def calls(ask: ParsedRequest, fresh_id: Callable[[], str]) -> tuple[SimulatedCall, ...]:
    """Return the calls that the newest turn asks for, none if it wants words."""
    chosen = wanted(ask)
    return tuple(SimulatedCall(fresh_id(), tool.name, arguments(tool, ask.last_user)) for tool in chosen)


def arguments(tool: Tool, text: str) -> str:
    """Return JSON text that fulfils the tool's schema."""
    value = instance(tool.schema or {"type": "object", "properties": {}}, text)
    return json.dumps(value if isinstance(value, dict) else {}, ensure_ascii=False)


def wanted(ask: ParsedRequest) -> list[Tool]:
    """Return the tools to call, in the order in which they are offered."""
    if not ask.tools or ask.choice == "none":
        return []
    offered = [tool for tool in ask.tools if not ask.allowed or tool.name in ask.allowed]
    answered = ask.turns[-1].role == "tool"
    if ask.choice in ("required", "named"):
        hits = _meant(offered, ask.last_user) or offered[:1]
        return hits[: _AT_MOST if ask.parallel and ask.choice == "required" else 1]
    if answered:
        return []
    return _meant(offered, ask.last_user)[: _AT_MOST if ask.parallel else 1]


def _meant(tools: list[Tool], text: str) -> list[Tool]:
    """Return the tools that the text names; failing that, the one whose description it matches best."""
    named = [tool for tool in tools if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", text)]
    if named:
        return named
    asked = {_stem(word) for word in keywords(text, 40)}
    parts = [tool for tool in tools if _name_words(tool) and _name_words(tool) <= asked]
    if parts:
        return parts
    scored = [(len(asked & (_words(tool.description) | _name_words(tool))), tool) for tool in tools]
    best = max((score for score, _ in scored), default=0)
    return [tool for score, tool in scored if score == best][:1] if best else []


def _name_words(tool: Tool) -> set[str]:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_-]+", " ", tool.name)
    return {_stem(word) for word in keywords(words, 10)} - {"get", "final", "result"}


def _words(text: str) -> set[str]:
    return {_stem(word) for word in keywords(text, 30)} - {"get", "current", "return", "given"}


def _stem(word: str) -> str:
    word = word.lower()
    return word[:-1] if word.endswith("s") and len(word) > 3 else word
