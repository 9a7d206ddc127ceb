"""A Messages body as a request of the core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shunpike.runtime.wishes import Wishes
from shunpike_gateway.chat_request import request_of
from shunpike_gateway.exchange import ApiRequest, RejectedBody
from shunpike_gateway.messages.checks import Json, flag, number, table, whole, wrong
from shunpike_gateway.messages.tools import choice, functions
from shunpike_gateway.messages.turns import conversation, instructions
from shunpike_gateway.tool_ids import renamed

_READ = frozenset(
    (
        *("messages", "model", "system", "max_tokens", "temperature", "top_p", "stop_sequences", "stream"),
        *("tools", "tool_choice", "thinking", "output_config", "output_format"),
    )
)
_SILENT = frozenset({"metadata", "service_tier", "betas", "anthropic_version", "cache_control"})
"""About Anthropic's own books and caches: nothing of the answer changes without them."""
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_BUDGETS = ((2048, "low"), (8192, "medium"))
"""Tokens of thinking up to which an effort is enough; above them it is high."""


@dataclass(frozen=True)
class MessagesFacts:
    """What an answer must know of its request."""

    model: str
    """As it was asked for."""
    names: Mapping[str, str]
    """Name of a function → of its tool, where they differ."""


def read_request(body: Mapping[str, Any]) -> ApiRequest:
    """Return the request of ``body``. Raises `RejectedBody` naming the field that can't be."""
    dropped = [f"{name[:64]!a} is no parameter here, and was left out" for name in body if _is_strange(name)]
    fields: Json = {"messages": [*instructions(body.get("system"), dropped), *_messages(body, dropped)]}
    fields.update(_sampling(body))
    fields.update(_thinking(body))
    if tools := functions(body.get("tools") or [], dropped):
        fields["tools"] = tools
    fields.update(choice(body, frozenset(one["function"]["name"] for one in tools)))
    if (model := body.get("model")) is not None:
        if not isinstance(model, str):
            raise wrong("model", "a text", model)
        fields |= {"model": model} if model else {}
    request = request_of(fields)
    own = renamed(str(row.get("name")) for row in body.get("tools") or [])
    facts = MessagesFacts(request.model, own)
    return ApiRequest(
        request, Wishes(), stream=flag(body, "stream"), dropped=tuple(dict.fromkeys(dropped)), facts=facts
    )


def _is_strange(name: str) -> bool:
    return name not in _READ and name not in _SILENT


def _messages(body: Mapping[str, Any], dropped: list[str]) -> list[Json]:
    found = conversation(body.get("messages"), dropped)
    if not any(one["role"] != "system" for one in found):
        raise RejectedBody("messages: no message says anything", param="messages")
    return found


def _sampling(body: Mapping[str, Any]) -> Json:
    stops = body.get("stop_sequences")
    if stops is not None and not (isinstance(stops, list) and all(isinstance(one, str) for one in stops)):
        raise wrong("stop_sequences", "a list of texts", stops)
    found = {
        "max_tokens": whole(body, "max_tokens"),
        "temperature": number(body, "temperature"),
        "top_p": number(body, "top_p"),
        # A stop sequence of blanks is refused by Anthropic, and ends every answer at once elsewhere.
        "stop": [one for one in stops or () if one.strip()],
    }
    return {name: value for name, value in found.items() if value is not None}


def _thinking(body: Mapping[str, Any]) -> Json:
    """Return the effort and the form of the answer that are asked for."""
    config = table(body.get("output_config") or {}, "output_config")
    effort = config.get("effort")
    if effort is not None and effort not in _EFFORTS:
        raise wrong("output_config.effort", ", ".join(_EFFORTS), effort)
    thinking = table(body.get("thinking") or {}, "thinking")
    kind = thinking.get("type")
    if kind not in (None, "enabled", "disabled", "adaptive"):
        raise wrong("thinking.type", "'enabled', 'disabled' or 'adaptive'", kind)
    if effort is None and kind == "enabled":
        budget = whole(thinking, "budget_tokens") or 0
        effort = next((word for most, word in _BUDGETS if budget <= most), "high")
    elif effort is None and kind == "adaptive":
        effort = "medium"
    found: Json = {} if effort is None or kind == "disabled" else {"reasoning_effort": effort}
    form = config.get("format") or body.get("output_format")
    if form is not None:
        row = table(form, "output_config.format")
        schema = table(row.get("schema"), "output_config.format.schema")
        found["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema)}}
    return found
