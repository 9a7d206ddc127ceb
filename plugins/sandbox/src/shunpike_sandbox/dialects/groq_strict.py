"""What Groq refuses beyond the types of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shunpike_sandbox.catalog import Model
from shunpike_sandbox.messages import Manners
from shunpike_sandbox.refusals import Problem
from shunpike_sandbox.schema_strict import flaws

_SPOKEN = frozenset({"role", "content", "name"})
MANNERS = Manners(
    named_messages=False,
    text_roles=("system", "developer", "assistant", "tool"),
    fields={
        "system": _SPOKEN,
        "developer": _SPOKEN,
        "user": _SPOKEN,
        "assistant": _SPOKEN | {"tool_calls", "function_call", "reasoning", "executed_tools"},
        "tool": frozenset({"role", "content", "tool_call_id"}),
    },
)
_FORBIDDEN = ("logprobs", "top_logprobs", "logit_bias")
_EFFORTS = {"openai/gpt-oss": ("low", "medium", "high"), "qwen/": ("none", "default")}


def forbidden(body: Mapping[str, Any]) -> None:
    """Refuse the parameters of OpenAI's that Groq knows by name, and takes from nobody."""
    for name in _FORBIDDEN:
        if body.get(name) is not None:
            raise Problem("unsupported", name, f"property '{name}' is unsupported")


def beside_each_other(body: Mapping[str, Any]) -> None:
    """Refuse parameters that exclude each other."""
    if body.get("n") not in (None, 1):
        raise Problem("value", "n", "'n' : number must be at most 1")
    if body.get("reasoning_format") is not None and body.get("include_reasoning") is not None:
        raise Problem("other", "reasoning_format", "cannot specify both reasoning_format and include_reasoning")
    form = (body.get("response_format") or {}).get("type")
    structured = form in ("json_object", "json_schema")
    if structured and (body.get("tools") or (form == "json_schema" and body.get("stream"))):
        what = "tools" if body.get("tools") else "streaming"
        raise Problem("other", "response_format", f"json mode cannot be combined with {what}")
    if body.get("reasoning_format") == "raw" and (structured or body.get("tools")):
        what = "`reasoning_format` must be `hidden` or `parsed` with JSON mode or tools"
        raise Problem("other", "reasoning_format", what)


def capabilities(body: Mapping[str, Any], model: Model) -> None:
    """Refuse what this model in particular does not take."""
    form = (body.get("response_format") or {}).get("type")
    if form == "json_schema" and not model.can("schema"):
        what = (
            "This model does not support response format `json_schema`. See supported models at "
            "https://console.groq.com/docs/structured-outputs#supported-models"
        )
        raise Problem("other", "response_format", what)
    if body.get("tools") and not model.can("tools"):
        raise Problem("other", "tools", "`tool calling` is not supported with this model")
    for name in ("reasoning_effort", "reasoning_format"):
        if body.get(name) is not None and not model.can("reasoning"):
            raise Problem("other", name, f"`{name}` is not supported with this model")
    effort = body.get("reasoning_effort")
    known = next((values for start, values in _EFFORTS.items() if model.id.startswith(start)), ())
    if effort is not None and known and effort not in known:
        quoted = [f"`{one}`" for one in known]
        listed = " or ".join(quoted) if len(quoted) == 2 else f"{', '.join(quoted[:-1])}, or {quoted[-1]}"
        raise Problem("other", "reasoning_effort", f"`reasoning_effort` must be one of {listed}")


def schemas(body: Mapping[str, Any]) -> None:
    """Refuse a schema that is meant to be strict and is not."""
    form = (body.get("response_format") or {}).get("json_schema")
    if not isinstance(form, Mapping) or form.get("strict") is not True:
        return
    for where, flaw, detail in flaws(form.get("schema")):
        place = "".join(f"/{part}" for part in where)
        keyword, told = "additionalProperties", "`additionalProperties:false` must be set on every object"
        if flaw != keyword:
            keyword = "required"
            told = "`required` is required to be supplied and to be an array including every key in properties"
            told = f"{told}. Missing '{detail}'" if flaw == keyword else told
        what = f"invalid JSON schema for response_format: '{form.get('name')}': {place}/{keyword}: {told}"
        raise Problem("other", "response_format", what)
