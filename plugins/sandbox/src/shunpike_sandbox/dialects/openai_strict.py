"""What OpenAI refuses beyond the types of parameters: models that lack them, schemas that are not strict enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.catalog import Model
from shunpike_sandbox.messages import Manners
from shunpike_sandbox.refusals import Problem
from shunpike_sandbox.schema_strict import flaws, top_type

_COMMON = frozenset({"role", "content", "name"})
MANNERS = Manners(
    refuses_no_calls=True,
    fields={
        "system": _COMMON,
        "developer": _COMMON,
        "user": _COMMON,
        "assistant": _COMMON | {"refusal", "annotations", "audio", "tool_calls", "function_call"},
        "tool": frozenset({"role", "content", "tool_call_id"}),
    },
)
# By the generation of a model; of two that fit, the longer beginning counts. A model without a row takes them all.
_EFFORTS = {
    "o": ("low", "medium", "high"),
    "gpt-5": ("minimal", "low", "medium", "high"),
    "gpt-5.1": ("none", "low", "medium", "high"),
    "gpt-5.4": ("none", "low", "medium", "high", "xhigh"),
    "gpt-5.5": ("none", "low", "medium", "high", "xhigh"),
    "gpt-5.6": ("none", "low", "medium", "high", "xhigh"),
    "gpt-6.1-sol": ("low", "medium", "high", "xhigh", "max"),
}
_STREAM_OPTIONS = frozenset({"include_usage", "include_obfuscation"})
_TOKENS_AT_ONCE = 300_000
NO_TOOLS = (
    "tools is not supported in this model. For a list of supported models, refer to "
    "https://platform.openai.com/docs/guides/function-calling#models-supporting-function-calling."
)
_FORM_NAME = r"^[a-zA-Z0-9_-]+$"


def companions(body: Mapping[str, Any]) -> None:
    """Refuse parameters that make no sense without another, or beside another."""
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        what = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise Problem("other", "max_tokens", what)
    for name, other, on in (
        ("stream_options", "stream", "'stream' is enabled"),
        ("top_logprobs", "logprobs", "'logprobs' is enabled"),
        ("metadata", "store", "'store' is enabled"),
    ):
        if body.get(name) is not None and not body.get(other):
            raise Problem("other", name, f"The '{name}' parameter is only allowed when {on}.")
    if body.get("parallel_tool_calls") is not None and not body.get("tools"):
        what = (
            "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified."
        )
        raise Problem("other", "parallel_tool_calls", what)
    if body.get("tools") == []:
        raise Problem("empty", "tools", "[] is too short - 'tools'")
    if body.get("tool_choice") is not None and not body.get("tools"):
        what = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."
        raise Problem("other", "tool_choice", what)
    for name in body.get("stream_options") or {}:
        if name not in _STREAM_OPTIONS:
            raise Problem("field", f"stream_options.{name}", "unknown option")


def capabilities(body: Mapping[str, Any], model: Model) -> None:
    """Refuse what this model in particular does not take."""
    effort = body.get("reasoning_effort")
    if effort is not None and not model.can("reasoning"):
        raise Problem("unknown", "reasoning_effort", "Unrecognized request argument supplied")
    known = _efforts(model)
    if effort is not None and known and effort not in known:
        raise _value("reasoning_effort", effort, known)
    if body.get("verbosity") not in (None, "medium") and not model.id.startswith(("gpt-5", "gpt-6")):
        raise _value("verbosity", body["verbosity"], ("medium",))
    if body.get("web_search_options") is not None:
        raise Problem("other", "", "Web search options not supported with this model.")
    for name in ("max_tokens", "max_completion_tokens"):
        if (body.get(name) or 0) > model.max_output:
            what = (
                f"{name} is too large: {body[name]}. This model supports at most {model.max_output} completion tokens, "
                f"whereas you provided {body[name]}."
            )
            raise Problem("too_large", name, what)


def _efforts(model: Model) -> tuple[str, ...]:
    fitting = [name for name in _EFFORTS if model.id.startswith(name)]
    return _EFFORTS[max(fitting, key=len)] if fitting else ()


def _value(name: str, value: Any, known: tuple[str, ...]) -> Problem:
    quoted = [f"'{one}'" for one in known]
    listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])}, and {quoted[-1]}"
    what = f"Unsupported value: '{name}' does not support '{value}' with this model. Supported values are: {listed}."
    return Problem("unsupported_value", name, what)


def schemas(body: Mapping[str, Any]) -> None:
    """Refuse schemas of the answer and of functions that OpenAI would not compile."""
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema" and isinstance(form.get("json_schema"), Mapping):
        _form(form["json_schema"])
    for number, tool in enumerate(body.get("tools") or ()):
        function = tool.get("function")
        if isinstance(function.get("parameters"), Mapping):
            where = f"tools[{number}].function.parameters"
            strict = function.get("strict") is True
            _check(function["parameters"], f"function '{function['name']}'", where, strict=strict)


def embedding(body: Mapping[str, Any], model: Model, total: int) -> None:
    """Refuse more dimensions than the model has, and more tokens than one request may bring."""
    size = body.get("dimensions")
    if size is not None and model.id.endswith("ada-002"):
        raise Problem("other", "", "This model does not support specifying dimensions.")
    if size is not None and size > model.dimensions:
        what = f"Invalid value for 'dimensions' = {size}. Must be less than or equal to {model.dimensions}."
        raise Problem("other", "", what)
    if total > _TOKENS_AT_ONCE:
        raise Problem("other", "", f"Requested {total} tokens, max {_TOKENS_AT_ONCE} tokens per request")


def _form(form: Mapping[str, Any]) -> None:
    name = form.get("name")
    spot = "response_format.json_schema.name"
    if not isinstance(name, str):
        raise Problem("missing", spot, f"Missing required parameter: '{spot}'.")
    if not name or not set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"):
        raise Problem("pattern", spot, "string does not match pattern", _FORM_NAME, name)
    if isinstance(form.get("schema"), Mapping):
        what = f"response_format '{name}'"
        _check(form["schema"], what, "response_format", strict=form.get("strict") is True)


def _check(schema: Mapping[str, Any], what: str, param: str, *, strict: bool) -> None:
    if top_type(schema) != "object" and not (not strict and ("$ref" in schema or "anyOf" in schema or not schema)):
        got = f"'type: \"{top_type(schema)}\"'"
        told = f"Invalid schema for {what}: schema must be a JSON Schema of 'type: \"object\"', got {got}."
        raise Problem("schema", param, told)
    if not strict:
        return
    for where, keyword, detail in flaws(schema):
        context = f"In context={_tuple(where)}"
        if keyword == "additionalProperties":
            told = f"{context}, 'additionalProperties' {detail}."
        elif keyword == "required":
            told = (
                f"{context}, 'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing '{detail}'."
            )
        else:
            told = f"{context}, 'required' is required to be an array of known keys. Extra required key '{detail}'."
        raise Problem("schema", param, f"Invalid schema for {what}: {told}")


def _tuple(where: tuple[str, ...]) -> str:
    return f"('{where[0]}',)" if len(where) == 1 else str(where)
