"""The body of a request to the Responses API as a request of the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shunpike.runtime.wishes import Wishes
from shunpike.types import ChatRequest
from shunpike.types.given import says_nothing
from shunpike_gateway.chat_request import request_of
from shunpike_gateway.exchange import ApiRequest, Caller, Head, RejectedBody
from shunpike_gateway.responses import fields
from shunpike_gateway.responses.items import ItemReader
from shunpike_gateway.responses.kept import KeptResponses
from shunpike_gateway.responses.tools import ToolTable

PASSED = ("model", "temperature", "top_p", "parallel_tool_calls", "user", "prompt_cache_key")
"""Fields that chat completions have under the same name."""
READ = frozenset(
    (
        *PASSED,
        *("input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "max_output_tokens"),
        *("previous_response_id", "store", "stream", "metadata", "service_tier", "top_logprobs"),
    )
)
SILENT = frozenset(
    ("stream_options", "safety_identifier", "client_metadata", "prompt_cache_retention", "prompt_cache_options")
)
"""Fields that ask for nothing that an answer would lack."""
_NEUTRAL: Mapping[str, Any] = {"truncation": "disabled", "background": False}
_REFUSED = {
    "conversation": "no conversations are kept here; send all items in input",
    "prompt": "no prompts are kept here; send its text in instructions or input",
}
"""Fields without which the question would be another one."""
_INCLUDED = frozenset({"reasoning.encrypted_content", "message.output_text.logprobs", "message.input_image.image_url"})
_LOGPROBS = "message.output_text.logprobs"
_OURS = {"messages": "input", "max_completion_tokens": "max_output_tokens", "reasoning_effort": "reasoning.effort"}
"""Names in the core → those of the body."""


@dataclass(frozen=True)
class ResponseFacts:
    """What the answer to a request must repeat, and how its tools are called here."""

    tools: ToolTable
    body: Mapping[str, Any]
    caller: Caller = field(default_factory=Caller)
    items: tuple[Any, ...] = ()
    """All that was said before the answer, for who keeps it."""
    is_kept: bool = False
    is_summarized: bool = False
    """Whether thoughts are told as a summary."""
    has_logprobs: bool = False


def read_request(body: Mapping[str, Any], head: Head, kept: KeptResponses | None) -> ApiRequest:
    """Return the request of a body; ``kept`` holds earlier answers, where any are. Raises `RejectedBody`."""
    for name, why in _REFUSED.items():
        if not says_nothing(body.get(name)):
            raise fields.unsupported(name, why)
    tools = ToolTable()
    if body.get("tools") is not None:
        tools.add(body["tools"], "tools")
    reader = ItemReader(tools)
    reader.instructions(body.get("instructions"))
    earlier = _earlier(body.get("previous_response_id"), head.caller, kept)
    asked = body.get("input")
    if asked is None:
        raise fields.wrong(None, "input", "a text or an array of items")
    reader.add(list(earlier), "previous_response_id")
    reader.add(asked, "input")
    included = _included(body.get("include"))
    told = {name: body[name] for name in PASSED if body.get(name) is not None}
    told |= _format(body.get("text")) | _thinking(body.get("reasoning")) | _others(body, included)
    told |= {"messages": reader.messages(), "tool_choice": tools.choose(body.get("tool_choice"))}
    told["tools"] = tools.functions
    facts = ResponseFacts(
        tools=tools,
        body=body,
        caller=head.caller,
        items=(*earlier, *(asked if isinstance(asked, list) else [{"role": "user", "content": asked}])),
        is_kept=kept is not None and body.get("store") is not False,
        is_summarized=not says_nothing((body.get("reasoning") or {}).get("summary")),
        has_logprobs=_LOGPROBS in included,
    )
    dropped = (*_dropped_fields(body, included), *_dropped_parts(tools, reader))
    return ApiRequest(_request(told), Wishes(), stream=_flag(body, "stream"), dropped=dropped, facts=facts)


def _earlier(previous: Any, caller: Caller, kept: KeptResponses | None) -> tuple[Any, ...]:
    if says_nothing(previous):
        return ()
    name = "previous_response_id"
    if kept is None:
        raise fields.unsupported(name, "answers are not kept here; send the whole conversation in input")
    found = kept.find(caller, fields.text(previous, name))
    if found is None:
        message = f"Previous response with id {previous[:80]!r} not found."
        raise RejectedBody(message, param=name, code="previous_response_not_found")
    return found.items


def _request(told: Mapping[str, Any]) -> ChatRequest:
    try:
        return request_of(told)
    except RejectedBody as error:
        first, dot, rest = (error.param or "messages").partition(".")
        # Its items are not the messages that were made of them, so that none of them can be named.
        param = "input" if first == "messages" else f"{_OURS.get(first, first)}{dot}{rest}"
        message = error.message
        for ours, theirs in _OURS.items():
            message = message.replace(ours, theirs)
        raise RejectedBody(message, param=param) from None


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise fields.wrong(value, name, "true or false")


def _included(value: Any) -> frozenset[str]:
    listed = [] if value is None else fields.listing(value, "include")
    return frozenset(fields.text(one, f"include[{index}]") for index, one in enumerate(listed))


def _format(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    text = fields.table(value, "text")
    found: dict[str, Any] = {}
    if not says_nothing(text.get("verbosity")) and text["verbosity"] != "medium":
        found["verbosity"] = fields.text(text["verbosity"], "text.verbosity")
    if not says_nothing(text.get("format")):
        form = fields.table(text["format"], "text.format")
        kind = fields.name(form.get("type"), "text.format.type")
        if kind == "json_schema":
            schema = {name: form[name] for name in ("name", "description", "strict") if form.get(name) is not None}
            schema["schema"] = fields.table(form.get("schema"), "text.format.schema")
            fields.name(form.get("name"), "text.format.name")
            found["response_format"] = {"type": kind, "json_schema": schema}
        elif kind == "json_object":
            found["response_format"] = {"type": kind}
        elif kind != "text":
            raise fields.wrong(kind, "text.format.type", "text, json_object or json_schema")
    return found


def _thinking(value: Any) -> dict[str, Any]:
    effort = None if value is None else fields.table(value, "reasoning").get("effort")
    return {} if effort is None else {"reasoning_effort": fields.text(effort, "reasoning.effort")}


def _others(body: Mapping[str, Any], included: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if body.get("max_output_tokens") is not None:
        found["max_completion_tokens"] = body["max_output_tokens"]
    if body.get("service_tier") not in (None, "auto", "default"):
        found["service_tier"] = body["service_tier"]
    if _LOGPROBS in included:
        found["logprobs"] = True
        if body.get("top_logprobs"):
            found["top_logprobs"] = body["top_logprobs"]
    return found


def _dropped_fields(body: Mapping[str, Any], included: frozenset[str]) -> list[str]:
    known = READ | SILENT
    given = [name for name, value in body.items() if name not in known and not says_nothing(value)]
    unknown = [name for name in given if name not in _NEUTRAL or body[name] != _NEUTRAL[name]]
    found = [f"{name[:60]} is not known here: it was left out" for name in unknown]
    found += [f"include: {one[:60]} is not known here: it was left out" for one in sorted(included - _INCLUDED)]
    return found


def _dropped_parts(tools: ToolTable, reader: ItemReader) -> list[str]:
    found = [f"tools of type {one[:60]} are not run here: they were left out" for one in tools.dropped]
    return found + [f"items of type {one[:60]} are not known here: they were left out" for one in reader.dropped]
