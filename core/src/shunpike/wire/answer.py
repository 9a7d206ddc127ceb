"""A complete answer, read leniently: null, missing and odd fields are met every day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shunpike.errors import Overloaded
from shunpike.types import Answer, Call, Choice, FunctionCall, Message, ToolCall, Usage
from shunpike.types.finish import finish_reason, no_choice, whole_arguments
from shunpike.wire.dialect import Dialect
from shunpike.wire.lenient import count, rows, string, table
from shunpike.wire.usage import find_usage, stated_cost

ARGUMENTS = ("arguments", "input", "parameters", "args")
"""Where the arguments of a call are: the first name is the common one."""


def read_answer(call: Call, data: Mapping[str, Any], dialect: Dialect, provider: str) -> Answer:
    """Return the answer in the common words.

    Raises `BadAnswer` (empty) without any choice, `Overloaded` for a choice that says it failed. An empty text is
    returned as it is: the caller judges it.
    """
    choices = rows(data.get("choices"))
    if not choices:
        raise no_choice(provider, call.model)
    usage = find_usage(data, dialect)
    cut = at_the_cap(usage, call, len(choices))
    return Answer(
        model=string(data.get("model")) or call.model,
        choices=tuple(_choice(call, row, place, dialect, provider, cut) for place, row in enumerate(choices)),
        usage=usage,
        stated_cost=stated_cost(data, dialect),
        service_tier=string(data.get("service_tier")) or None,
        system_fingerprint=string(data.get("system_fingerprint")) or None,
        provider_request_id=string(data.get("id")) or None,
    )


def failed_choice(call: Call, provider: str) -> Overloaded:
    """Return the failure of an answer that ends in ``error``."""
    return Overloaded(
        f"{provider}/{call.model}: the answer ended in an error", provider=provider, model=call.model, kind="upstream"
    )


def at_the_cap(usage: Usage, call: Call, choices: int) -> bool:
    """Whether all the output that was allowed was used, so that an end without a reason is a cut."""
    return usage.completion_tokens >= call.max_output * choices > 0


def made_up_id(call: Call, choice: int, place: int) -> str:
    """Return an id for a tool call that came without one; unique among all attempts."""
    return f"call_{call.attempt_id}_{choice}_{place}"


def arguments_text(value: Any) -> str:
    """Return arguments as JSON text, as the model wrote them; an object, which some send, is written out."""
    if isinstance(value, Mapping | list):
        return json.dumps(value) if value else ""
    return string(value)


def call_parts(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return id, name and arguments of a tool call or a fragment of one, each empty where it is not told."""
    function = table(row.get("function")) or row
    arguments = next((one[name] for one in (function, row) for name in ARGUMENTS if one.get(name) is not None), None)
    known = row.get("id")
    told = str(known) if isinstance(known, int) and not isinstance(known, bool) else string(known)
    return told, string(function.get("name")), arguments_text(arguments)


def content_text(value: Any) -> str:
    """Return the text of a content, which may be a string or a list of parts."""
    if isinstance(value, list):
        return "".join(string(part.get("text")) for part in rows(value))
    return string(value)


def first_text(data: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of the named fields that holds text."""
    for name in names:
        value = data.get(name)
        if value and isinstance(value, str):
            return string(value)
    return ""


def private_parts(data: Mapping[str, Any], dialect: Dialect, provider: str) -> dict[str, Any] | None:
    """Return what the provider wants back, under its id."""
    own = {name: data[name] for name in dialect.private_fields if data.get(name)}
    return {provider: own} if own else None


def citations(message: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return what a message or a delta cites."""
    return tuple(dict(row) for row in rows(message.get("annotations")))


def tool_rows(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the tool calls of a message or a delta; the older single ``function_call`` counts as one."""
    found = _listed(message.get("tool_calls"))
    legacy = message.get("function_call")
    return [{"function": legacy}] if not found and isinstance(legacy, dict) else found


def _listed(calls: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a list of calls. Some send one call as itself, or calls in an object under their numbers."""
    if not isinstance(calls, dict):
        return rows(calls)
    if any(isinstance(calls.get(name), str | dict) for name in ("function", "name", "id", *ARGUMENTS)):
        return [calls]
    return [
        row if "index" in row else {"index": number, **row} for number, row in calls.items() if isinstance(row, dict)
    ]


def _choice(call: Call, row: Mapping[str, Any], place: int, dialect: Dialect, provider: str, cut: bool) -> Choice:
    message = table(row.get("message") or row.get("delta"))
    index = count(row.get("index"))
    index = place if index is None else index
    calls = [tool for tool in tool_rows(message) if call_parts(tool)[1]]
    told = dialect.finish(string(row.get("finish_reason")))
    if told == "error":
        raise failed_choice(call, provider)
    finish = finish_reason(told, has_tools=bool(calls), cut=cut)
    return Choice(
        index=index,
        message=Message(
            role="assistant",
            content=content_text(message.get("content")) or None,
            tool_calls=_tools(call, calls, index, finish) or None,
            refusal=string(message.get("refusal")) or None,
            reasoning=first_text(message, dialect.reasoning_fields) or None,
            annotations=citations(message) or None,
            private=private_parts(message, dialect, provider),
        ),
        finish_reason=finish,
        logprobs=row["logprobs"] if isinstance(row.get("logprobs"), dict) else None,
    )


def _tools(call: Call, rows_: list[Mapping[str, Any]], choice: int, finish: str) -> tuple[ToolCall, ...]:
    """Return the calls, each with an id of its own. What has no name is no call."""
    found: dict[str, ToolCall] = {}
    for told, name, arguments in map(call_parts, rows_):
        if name:
            known = told if told and told not in found else made_up_id(call, choice, len(found))
            function = FunctionCall(name=name, arguments=whole_arguments(arguments, finish))
            found[known] = ToolCall(id=known, function=function)
    return tuple(found.values())
