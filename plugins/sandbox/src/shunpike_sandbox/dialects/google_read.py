"""Reads the body of a Gemini request: camel or snake case, but no field that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.asks import ParsedRequest, Tool
from shunpike_sandbox.catalog import Model
from shunpike_sandbox.dialects import google_contents, google_models, google_schema
from shunpike_sandbox.dialects.google_json import known, shape, snake
from shunpike_sandbox.refusals import Problem

_TOP = shape(
    "contents systemInstruction generationConfig:message tools toolConfig:message safetySettings:message[] "
    "cachedContent:string serviceTier:string model:string store:bool"
)
_CONFIG = shape(
    "temperature:float topP:float topK:float candidateCount:int32 maxOutputTokens:int32 stopSequences:string[] "
    "presencePenalty:float frequencyPenalty:float seed:int32 responseLogprobs:bool logprobs:int32 "
    "responseMimeType:string responseSchema:message responseJsonSchema responseModalities:string[] "
    "mediaResolution:string thinkingConfig:message speechConfig:message imageConfig:message "
    "enableEnhancedCivicAnswers:bool responseFormat:message"
)
_THINKING = shape("includeThoughts:bool thinkingBudget:int32 thinkingLevel:string")
_TOOL = shape(
    "functionDeclarations:message[] googleSearch:message googleSearchRetrieval:message codeExecution:message "
    "urlContext:message googleMaps:message fileSearch:message computerUse:message mcpServers:message[]"
)
_DECLARATION = shape(
    "name:string description:string parameters:message parametersJsonSchema response:message responseJsonSchema "
    "behavior:string"
)
_TOOL_CONFIG = shape("functionCallingConfig:message retrievalConfig:message includeServerSideToolInvocations:bool")
_CALLING = shape("mode:string allowedFunctionNames:string[] streamFunctionCallArguments:bool")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto", "MODE_UNSPECIFIED": "auto"}


def read(body: Mapping[str, Any], model: Model, *, stream: bool) -> ParsedRequest:
    """Make an ask of a body, or say what is wrong with it."""
    top = known(body, _TOP, "")
    config = known(top.get("generationConfig", {}), _CONFIG, "generation_config")
    _bounded(config)
    thinking = known(config.get("thinkingConfig", {}), _THINKING, "generation_config.thinking_config")
    google_models.check_thinking(thinking, model)
    google_models.check_config(config, model)
    groups = _groups(top.get("tools", []))
    offered = _tools(groups)
    mode, allowed = _choice(top.get("toolConfig", {}), offered)
    form, schema = _form(config)
    google_models.check_together(groups, form, model)
    return ParsedRequest(
        turns=(
            *google_contents.system(top.get("systemInstruction")),
            *google_contents.contents(top.get("contents"), model),
        ),
        tools=offered,
        choice=mode,
        allowed=allowed,
        form=form,
        schema=schema,
        max_tokens=_whole(config.get("maxOutputTokens")),
        stop=tuple(config.get("stopSequences", ())),
        n=_whole(config.get("candidateCount")) or 1,
        stream=stream,
        thinking=model.can("reasoning") and thinking.get("thinkingBudget") != 0,
        signs=model.can("reasoning"),
        show_thinking=thinking.get("includeThoughts") is True,
        tools_text=json.dumps(top["tools"], ensure_ascii=False) if top.get("tools") else "",
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _bounded(config: Mapping[str, Any]) -> None:
    ranges = (("temperature", 0, 2), ("topP", 0, 1), ("candidateCount", 1, 8), ("maxOutputTokens", 1, 10**9))
    for name, low, high in ranges:
        value = config.get(name)
        if value is not None and not low <= value <= high:
            what = f"GenerateContentRequest.generation_config.{snake(name)} must be in the range [{low}, {high}]."
            raise Problem("value", "", what)
    stops = config.get("stopSequences", [])
    if len(stops) > 5:
        raise Problem("value", "", f"The number of stop sequences {len(stops)} exceeds the limit of 5.")


def _form(config: Mapping[str, Any]) -> tuple[str, Any]:
    mime = config.get("responseMimeType", "text/plain")
    schema = config.get("responseJsonSchema", config.get("responseSchema"))
    if "responseJsonSchema" in config and "responseSchema" in config:
        raise Problem("value", "", "Only one of response_schema and response_json_schema can be set.")
    if schema is not None and mime not in ("application/json", "text/x.enum"):
        what = (
            "* GenerateContentRequest.generation_config.response_schema: is only supported with response mime "
            f"type application/json, got {mime}"
        )
        raise Problem("value", "", what)
    if mime not in ("text/plain", "application/json", "text/x.enum"):
        what = (
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`, "
            f"`application/json`, got {mime}."
        )
        raise Problem("value", "", what)
    if schema is not None:
        kind = "responseSchema" if "responseSchema" in config else "responseJsonSchema"
        google_schema.check(schema, f"generation_config.{snake(kind)}", subset=kind == "responseSchema")
        return "schema", schema
    return ("json" if mime == "application/json" else "text"), None


def _groups(value: Any) -> list[dict[str, Any]]:
    groups = value if isinstance(value, list) else [value]
    return [known(raw, _TOOL, f"tools[{number}]") for number, raw in enumerate(groups)]


def _tools(groups: list[dict[str, Any]]) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for number, group in enumerate(groups):
        for place, one in enumerate(group.get("functionDeclarations", ())):
            tool = _tool(one, f"tools[{number}].function_declarations[{place}]")
            if tool.name in {known_.name for known_ in tools}:
                raise Problem("value", "", f"Duplicate function declaration found: {tool.name}")
            tools.append(tool)
    return tuple(tools)


def _tool(value: Any, where: str) -> Tool:
    declared = known(value, _DECLARATION, where)
    name = declared.get("name")
    if not name:
        what = (
            f"* GenerateContentRequest.{where}.name: [FUNCTION_DECLARATION_NAME_EMPTY] Function name cannot be empty.\n"
        )
        raise Problem("value", "", what)
    if not _NAME.fullmatch(name):
        what = (
            f"* GenerateContentRequest.{where}.name: [FIELD_INVALID] Invalid function name. Must start with a letter "
            "or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes "
            "(-), with a maximum length of 128.\n"
        )
        raise Problem("value", "", what)
    if "parameters" in declared and "parametersJsonSchema" in declared:
        what = f"* GenerateContentRequest.{where}: only one of parameters and parameters_json_schema can be set.\n"
        raise Problem("value", "", what)
    kind = "parametersJsonSchema" if "parametersJsonSchema" in declared else "parameters"
    schema = declared.get(kind) or {"type": "object"}
    google_schema.check(schema, f"{where}.{snake(kind)}", subset=kind == "parameters")
    return Tool(name, declared.get("description", ""), schema)


def _choice(value: Any, offered: tuple[Tool, ...]) -> tuple[str, tuple[str, ...]]:
    config = known(value, _TOOL_CONFIG, "tool_config").get("functionCallingConfig", {})
    inner = known(config, _CALLING, "tool_config.function_calling_config")
    mode = inner.get("mode", "AUTO").upper()
    if mode not in _MODES:
        what = (
            "Invalid value at 'tool_config.function_calling_config.mode' "
            f'(type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode), "{mode}"'
        )
        raise Problem("type", "", what)
    names = tuple(inner.get("allowedFunctionNames", ()))
    if mode == "ANY" and not offered:
        raise Problem("value", "", "Function calling config is set without function_declarations.")
    if names and mode not in ("ANY", "VALIDATED"):
        raise Problem("value", "", "allowed_function_names should only be set when function calling mode is ANY.")
    return _MODES[mode], names
