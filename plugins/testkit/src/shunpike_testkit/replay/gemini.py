"""Reads a recorded Gemini request as a chat request: the mapping of the plugin, backwards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

SETTINGS = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "seed": "seed",
    "candidateCount": "n",
    "maxOutputTokens": "max_tokens",
    "stopSequences": "stop",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "responseLogprobs": "logprobs",
    "logprobs": "top_logprobs",
}
CHOICES = {"NONE": "none", "AUTO": "auto", "VALIDATED": "auto", "ANY": "required"}
EFFORTS = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}
OWN = frozenset({"parametersJsonSchema", "responseSchema", "responseJsonSchema", "args", "response"})
"""Fields whose contents are the caller's own, with names that must not be touched."""


def camel(value: Any) -> Any:
    """Return a recorded body with its field names in one spelling: the API takes ``file_uri`` and ``fileUri``."""
    if isinstance(value, list):
        return [camel(row) for row in value]
    if not isinstance(value, Mapping):
        return value
    found = {_camel_name(name): row for name, row in value.items()}
    if "parameters" in found:
        # The same schema in the older form, with types in capitals.
        found["parametersJsonSchema"] = plain_types(found.pop("parameters"))
    return {name: row if name in OWN else camel(row) for name, row in found.items()}


def plain_types(schema: Any) -> Any:
    """Return a schema with the names of its types as JSON Schema writes them."""
    if isinstance(schema, list):
        return [plain_types(row) for row in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: row.lower() if name == "type" and isinstance(row, str) else plain_types(row)
        for name, row in schema.items()
    }


def _camel_name(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def from_gemini(sent: Mapping[str, Any]) -> Json:
    """Return the fields of a `ChatRequest`. What it has no words for is left out, and shows as a difference."""
    body = camel(sent)
    config = body.get("generationConfig") or {}
    data: Json = {ours: config[theirs] for theirs, ours in SETTINGS.items() if config.get(theirs) is not None}
    messages: list[Json] = []
    if texts := [part["text"] for part in _parts(body.get("systemInstruction")) if part.get("text")]:
        messages += [{"role": "system", "content": text} for text in texts]
    names: dict[str, list[str]] = {}
    for turn in body.get("contents") or ():
        messages += _turn(turn, names)
    data["messages"] = messages
    if tools := [_tool(row) for tool in body.get("tools") or () for row in tool.get("functionDeclarations") or ()]:
        data["tools"] = tools
    data.update(_choice(body))
    data.update(_format(config))
    level = (config.get("thinkingConfig") or {}).get("thinkingLevel")
    if level in EFFORTS:
        data["reasoning_effort"] = EFFORTS[level]
    return data


def _parts(content: Any) -> list[Json]:
    return [part for part in (content or {}).get("parts") or () if isinstance(part, dict)]


def _turn(turn: Json, waiting: dict[str, list[str]]) -> list[Json]:
    """Return the messages of one turn. ``waiting`` holds made-up ids of calls by name: older models know none."""
    if turn.get("role") == "model":
        return [_assistant(_parts(turn), waiting)]
    found: list[Json] = []
    plain = []
    for part in _parts(turn):
        if "functionResponse" in part:
            found.append(_result(part["functionResponse"], waiting))
        elif (row := _part(part)) is not None:
            plain.append(row)
    if plain:
        alone = len(plain) == 1 and plain[0]["type"] == "text"
        found.append({"role": "user", "content": plain[0]["text"] if alone else plain})
    return found


def _assistant(parts: Iterable[Json], waiting: dict[str, list[str]]) -> Json:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[Json] = []
    signatures: dict[str, str] = {}
    kept: Json = {}
    for part in parts:
        signature = part.get("thoughtSignature")
        if call := part.get("functionCall"):
            made = call.get("id") or f"call_{sum(map(len, waiting.values()))}_{call['name']}"
            waiting.setdefault(call["name"], []).append(made)
            calls.append(
                {"id": made, "function": {"name": call["name"], "arguments": json.dumps(call.get("args") or {})}}
            )
            if signature:
                signatures[made] = signature
        elif "text" in part:
            (thoughts if part.get("thought") else texts).append(part["text"])
            if signature:
                kept["text"] = signature
    if signatures:
        kept["calls"] = signatures
    message: Json = {"role": "assistant", "content": "".join(texts) or None, "tool_calls": calls or None}
    message["reasoning"] = "".join(thoughts) or None
    return {**message, "private": {"google": kept} if kept else None}


def _result(row: Json, waiting: dict[str, list[str]]) -> Json:
    known = waiting.get(row["name"]) or [row["name"]]
    made = row.get("id") or (known.pop(0) if len(known) > 1 else known[0])
    response = row.get("response") or {}
    text = response["output"] if list(response) == ["output"] and isinstance(response["output"], str) else None
    return {"role": "tool", "tool_call_id": made, "content": json.dumps(response) if text is None else text}


def _part(part: Json) -> Json | None:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    if data := part.get("inlineData"):
        kind, url = data["mimeType"], f"data:{data['mimeType']};base64,{data['data']}"
        if kind.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": url}}
        if kind.startswith("audio/"):
            return {"type": "input_audio", "input_audio": {"format": kind.removeprefix("audio/"), "data": data["data"]}}
        return {"type": "file", "file": {"file_data": url}}
    return None


def _tool(row: Json) -> Json:
    schema = row.get("parametersJsonSchema")
    function = {"name": row["name"], "description": row.get("description"), "parameters": schema}
    return {"type": "function", "function": {name: value for name, value in function.items() if value is not None}}


def _choice(body: Json) -> Json:
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    names, mode = config.get("allowedFunctionNames") or [], config.get("mode")
    if mode == "ANY" and len(names) == 1:
        return {"tool_choice": {"type": "function", "function": {"name": names[0]}}}
    return {"tool_choice": CHOICES[mode]} if mode in CHOICES and body.get("tools") else {}


def _format(config: Json) -> Json:
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    if schema is not None:
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}
    return {"response_format": {"type": "json_object"}} if config.get("responseMimeType") == "application/json" else {}
