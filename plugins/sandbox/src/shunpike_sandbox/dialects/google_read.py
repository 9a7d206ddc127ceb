"""Reads the body of a Gemini request: camel or snake case, but no field that is not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.asks import Ask, Call, Tool, Turn
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.refusals import Invalid, Problem

_TOP = {
    "contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "safetySettings", "cachedContent",
    "serviceTier", "model", "store", "labels",
}  # fmt: skip
_CONFIG = {
    "temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "presencePenalty",
    "frequencyPenalty", "seed", "responseLogprobs", "logprobs", "responseMimeType", "responseSchema",
    "responseJsonSchema", "responseModalities", "mediaResolution", "thinkingConfig", "speechConfig", "imageConfig",
    "enableEnhancedCivicAnswers", "responseFormat",
}  # fmt: skip
_THINKING = {"includeThoughts", "thinkingBudget", "thinkingLevel"}
_CONTENT = {"role", "parts"}
_PART = {
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "thought", "thoughtSignature",
    "executableCode", "codeExecutionResult", "videoMetadata", "partMetadata", "mediaResolution",
}  # fmt: skip
_TOOL = {
    "functionDeclarations", "googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps",
    "fileSearch", "computerUse", "mcpServers",
}  # fmt: skip
_DECLARATION = {
    "name",
    "description",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
    "behavior",
}
_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto", "MODE_UNSPECIFIED": "auto"}
_NUMBERS = (
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "presencePenalty",
    "frequencyPenalty",
    "seed",
)


def camel(name: str) -> str:
    """Return a field's name in camel case."""
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def snake(name: str) -> str:
    """Return a field's name in snake case, as Google's errors write paths."""
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)


def known(value: Any, allowed: set[str], where: str) -> dict[str, Any]:
    """Return an object with camel-case names, all of which are allowed."""
    if not isinstance(value, Mapping):
        raise Invalid(
            Problem("type", where, f"Invalid value at '{where}' (type.googleapis.com/google.protobuf.Struct)")
        )
    result: dict[str, Any] = {}
    for raw, one in value.items():
        name = camel(raw)
        if name not in allowed:
            place = f" at '{where}'" if where else ""
            raise Invalid(
                Problem(
                    "unknown", where, f'Invalid JSON payload received. Unknown name "{raw}"{place}: Cannot find field.'
                )
            )
        result[name] = one
    return {name: one for name, one in result.items() if one is not None}


def read(body: Mapping[str, Any], model: Model, *, stream: bool) -> Ask:
    """Make an ask of a body, or say what is wrong with it."""
    top = known(body, _TOP, "")
    config = known(top.get("generationConfig", {}), _CONFIG, "generation_config")
    _typed(config)
    thinking = known(config.get("thinkingConfig", {}), _THINKING, "generation_config.thinking_config")
    if "thinkingBudget" in thinking and "thinkingLevel" in thinking:
        raise Invalid(Problem("value", "", "You can only set only one of thinking budget and thinking level."))
    offered = _tools(top.get("tools", []))
    mode, allowed = _choice(top.get("toolConfig", {}), offered)
    form, schema = _form(config)
    return Ask(
        turns=(*system(top.get("systemInstruction")), *contents(top.get("contents"), model)),
        tools=offered,
        choice=mode,
        allowed=allowed,
        form=form,
        schema=schema,
        max_tokens=config.get("maxOutputTokens"),
        stop=tuple(config.get("stopSequences", ())),
        n=config.get("candidateCount", 1),
        stream=stream,
        thinking=model.can("reasoning") and thinking.get("thinkingBudget") != 0,
        show_thinking=thinking.get("includeThoughts") is True,
        tools_text=json.dumps(top["tools"], ensure_ascii=False) if top.get("tools") else "",
    )


def _typed(config: Mapping[str, Any]) -> None:
    for name in _NUMBERS:
        value = config.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            kind = "TYPE_INT32" if name in ("candidateCount", "maxOutputTokens", "seed", "topK") else "TYPE_FLOAT"
            shown = json.dumps(value)
            raise Invalid(Problem("type", "", f"Invalid value at 'generation_config.{snake(name)}' ({kind}), {shown}"))
    stops = config.get("stopSequences", [])
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise Invalid(Problem("type", "", "Invalid value at 'generation_config.stop_sequences' (TYPE_STRING)"))
    ranges = (("temperature", 0, 2), ("topP", 0, 1), ("candidateCount", 1, 8), ("maxOutputTokens", 1, 10**9))
    for name, low, high in ranges:
        value = config.get(name)
        if value is not None and not low <= value <= high:
            what = f"GenerateContentRequest.generation_config.{snake(name)} must be in the range [{low}, {high}]."
            raise Invalid(Problem("value", "", what))
    if len(stops) > 5:
        what = f"The number of stop sequences {len(stops)} exceeds the limit of 5."
        raise Invalid(Problem("value", "", what))


def _form(config: Mapping[str, Any]) -> tuple[str, Any]:
    mime = config.get("responseMimeType", "text/plain")
    schema = config.get("responseJsonSchema", config.get("responseSchema"))
    if "responseJsonSchema" in config and "responseSchema" in config:
        raise Invalid(Problem("value", "", "Only one of response_schema and response_json_schema can be set."))
    if schema is not None and mime not in ("application/json", "text/x.enum"):
        what = "Function calling config is set without function_declarations."
        what = (
            "* GenerateContentRequest.generation_config.response_schema: is only supported with response mime "
            f"type application/json, got {mime}"
        )
        raise Invalid(Problem("value", "", what))
    if mime not in ("text/plain", "application/json", "text/x.enum"):
        what = (
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`, "
            f"`application/json`, got {mime}."
        )
        raise Invalid(Problem("value", "", what))
    if schema is not None:
        return "schema", schema
    return ("json" if mime == "application/json" else "text"), None


def system(value: Any) -> tuple[Turn, ...]:
    """Read the system instruction."""
    if value is None:
        return ()
    content = {"parts": [{"text": value}]} if isinstance(value, str) else known(value, _CONTENT, "system_instruction")
    texts = [part.get("text", "") for part in content.get("parts", ()) if isinstance(part, Mapping)]
    return (Turn("system", "\n".join(texts)),)


def contents(value: Any, model: Model) -> tuple[Turn, ...]:
    """Read the conversation."""
    if isinstance(value, Mapping):
        value = [value]
    if not value or not isinstance(value, list):
        raise Invalid(Problem("value", "", "* GenerateContentRequest.contents: contents is not specified\n"))
    turns: list[Turn] = []
    for number, one in enumerate(value):
        content = known(one, _CONTENT, f"contents[{number}]")
        role = content.get("role", "user")
        if role not in ("user", "model", "function"):
            raise Invalid(Problem("value", "", "Please use a valid role: user, model."))
        parts = content.get("parts", [])
        if not isinstance(parts, list) or not parts:
            what = f"* GenerateContentRequest.contents[{number}].parts: contents.parts must not be empty.\n"
            raise Invalid(Problem("value", "", what))
        turns += _content("assistant" if role == "model" else "user", parts, f"contents[{number}]", model)
    return tuple(turns)


def _content(role: str, parts: list[Any], where: str, model: Model) -> list[Turn]:
    texts: list[str] = []
    calls: list[Call] = []
    results: list[Turn] = []
    images = 0
    for number, raw in enumerate(parts):
        part = known(raw, _PART, f"{where}.parts[{number}]")
        if "functionCall" in part:
            calls.append(_call(part["functionCall"], f"{where}.parts[{number}]", model))
        elif "functionResponse" in part:
            results.append(_result(part["functionResponse"], f"{where}.parts[{number}]", model))
        elif "inlineData" in part or "fileData" in part:
            images += 1
        elif "text" in part and not part.get("thought"):
            if not isinstance(part["text"], str):
                what = f"Invalid value at '{where}.parts[{number}].text' (TYPE_STRING), {json.dumps(part['text'])[:80]}"
                raise Invalid(Problem("type", "", what))
            texts.append(part["text"])
        elif not part.keys() - {"thoughtSignature"}:
            what = (
                f"* GenerateContentRequest.{where}.parts[{number}].data: required oneof field 'data' must have one "
                "initialized field\n"
            )
            raise Invalid(Problem("value", "", what))
    turns = [Turn(role, "\n".join(texts), tuple(calls), "", images)] if texts or calls or images else []
    return [*turns, *results]


def _old(model: Model) -> bool:
    return model.id.startswith(("gemini-2", "gemini-1", "gemma"))


def _call(value: Any, where: str, model: Model) -> Call:
    fields = {"name", "args"} | (set() if _old(model) else {"id"})
    call = known(value, fields, f"{where}.function_call")
    return Call(
        str(call.get("id", "")), str(call.get("name", "")), json.dumps(call.get("args", {}), ensure_ascii=False)
    )


def _result(value: Any, where: str, model: Model) -> Turn:
    fields = {"name", "response", "parts", "willContinue", "scheduling"} | (set() if _old(model) else {"id"})
    result = known(value, fields, f"{where}.function_response")
    if not result.get("name"):
        what = f"* GenerateContentRequest.{where}.function_response.name: Name cannot be empty.\n"
        raise Invalid(Problem("value", "", what))
    response = result.get("response", {})
    if not isinstance(response, Mapping):
        what = (
            f"Invalid value at '{where}.function_response.response' (type.googleapis.com/google.protobuf.Struct), "
            f"{json.dumps(response)[:80]}"
        )
        raise Invalid(Problem("type", "", what))
    inner = next(iter(response.values())) if len(response) == 1 else response
    text = inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)
    return Turn("tool", text, (), str(result["name"]))


def _tools(value: Any) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for number, raw in enumerate(value if isinstance(value, list) else [value]):
        group = known(raw, _TOOL, f"tools[{number}]")
        for place, one in enumerate(group.get("functionDeclarations", ())):
            where = f"tools[{number}].function_declarations[{place}]"
            declared = known(one, _DECLARATION, where)
            if not declared.get("name"):
                what = (
                    f"* GenerateContentRequest.{where}.name: [FUNCTION_DECLARATION_NAME_EMPTY] Function name cannot be "
                    "empty.\n"
                )
                raise Invalid(Problem("value", "", what))
            schema = declared.get("parametersJsonSchema", declared.get("parameters", {}))
            tools.append(Tool(declared["name"], str(declared.get("description", "")), schema or {"type": "object"}))
    return tuple(tools)


def _choice(value: Any, offered: tuple[Tool, ...]) -> tuple[str, tuple[str, ...]]:
    allowed = {"functionCallingConfig", "retrievalConfig", "includeServerSideToolInvocations"}
    config = known(value, allowed, "tool_config").get("functionCallingConfig", {})
    inner = known(
        config, {"mode", "allowedFunctionNames", "streamFunctionCallArguments"}, "tool_config.function_calling_config"
    )
    mode = str(inner.get("mode", "AUTO")).upper()
    if mode not in _MODES:
        what = (
            "Invalid value at 'tool_config.function_calling_config.mode' "
            f'(type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode), "{mode}"'
        )
        raise Invalid(Problem("type", "", what))
    names = tuple(inner.get("allowedFunctionNames", ()))
    if mode == "ANY" and not offered:
        raise Invalid(Problem("value", "", "Function calling config is set without function_declarations."))
    if names and mode not in ("ANY", "VALIDATED"):
        raise Invalid(
            Problem("value", "", "allowed_function_names should only be set when function calling mode is ANY.")
        )
    return _MODES[mode], names
