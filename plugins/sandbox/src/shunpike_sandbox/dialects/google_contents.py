"""Reads the conversation of a Gemini request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.asks import SimulatedCall, Turn
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import google_turns
from shunpike_sandbox.dialects.google_json import known, shape, wrong
from shunpike_sandbox.dialects.google_models import older
from shunpike_sandbox.refusals import Problem

_CONTENT = shape("role:string parts")
_PART = shape(
    "text:string inlineData:message fileData:message functionCall:message functionResponse:message thought:bool "
    "thoughtSignature:string executableCode:message codeExecutionResult:message videoMetadata:message "
    "partMetadata:message mediaResolution"
)
_CALL = shape("name:string args:message")
_RESULT = shape("name:string response:message parts:message[] willContinue:bool scheduling:string")
_ID = shape("id:string")


def system(value: Any) -> tuple[Turn, ...]:
    """Read the system instruction."""
    if value is None:
        return ()
    content = {"parts": [{"text": value}]} if isinstance(value, str) else known(value, _CONTENT, "system_instruction")
    parts = _parts(content, "system_instruction")
    return (Turn("system", "\n".join(part["text"] for part in parts if "text" in part)),)


def _parts(content: Mapping[str, Any], where: str) -> list[dict[str, Any]]:
    raw = content.get("parts", [])
    # A message stands for a list of one.
    listed = [raw] if isinstance(raw, Mapping) else raw
    if not isinstance(listed, list):
        raise wrong(f"{where}.parts", "type.googleapis.com/google.ai.generativelanguage.v1beta.Part", raw)
    return [known(part, _PART, f"{where}.parts[{place}]") for place, part in enumerate(listed)]


def contents(value: Any, model: Model) -> tuple[Turn, ...]:
    """Read the conversation."""
    if isinstance(value, Mapping):
        value = [value]
    if not value or not isinstance(value, list):
        raise Problem("value", "", "* GenerateContentRequest.contents: contents is not specified\n")
    turns: list[Turn] = []
    read: list[google_turns.Content] = []
    for number, one in enumerate(value):
        where = f"contents[{number}]"
        content = known(one, _CONTENT, where)
        role = content.get("role", "user")
        if role not in ("user", "model", "function"):
            raise Problem("value", "", "Please use a valid role: user, model.")
        parts = _parts(content, where)
        if not parts:
            raise Problem("value", "", f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty.\n")
        turns += _content("assistant" if role == "model" else "user", parts, where, model)
        read.append((role, parts))
    google_turns.check(read, model)
    return tuple(turns)


def _content(role: str, parts: list[dict[str, Any]], where: str, model: Model) -> list[Turn]:
    texts: list[str] = []
    calls: list[SimulatedCall] = []
    results: list[Turn] = []
    images = 0
    for number, part in enumerate(parts):
        if "functionCall" in part:
            calls.append(_call(part["functionCall"], f"{where}.parts[{number}]", model))
        elif "functionResponse" in part:
            results.append(_result(part["functionResponse"], f"{where}.parts[{number}]", model))
        elif "inlineData" in part or "fileData" in part:
            images += 1
        elif "text" in part and not part.get("thought"):
            texts.append(part["text"])
        elif not part.keys() - {"thoughtSignature"}:
            what = (
                f"* GenerateContentRequest.{where}.parts[{number}].data: required oneof field 'data' must have one "
                "initialized field\n"
            )
            raise Problem("value", "", what)
    turns = [Turn(role, "\n".join(texts), tuple(calls), "", images)] if texts or calls or images else []
    return [*turns, *results]


def _call(value: Any, where: str, model: Model) -> SimulatedCall:
    call = known(value, _CALL if older(model) else _CALL | _ID, f"{where}.function_call")
    return SimulatedCall(call.get("id", ""), call.get("name", ""), json.dumps(call.get("args", {}), ensure_ascii=False))


def _result(value: Any, where: str, model: Model) -> Turn:
    result = known(value, _RESULT if older(model) else _RESULT | _ID, f"{where}.function_response")
    if not result.get("name"):
        raise Problem("value", "", f"* GenerateContentRequest.{where}.function_response.name: Name cannot be empty.\n")
    response = result.get("response", {})
    inner = next(iter(response.values())) if len(response) == 1 else response
    text = inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)
    return Turn("tool", text, (), result["name"])
